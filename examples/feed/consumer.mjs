// Keeps the users and memberships of scimd in a file, with the cursor up to which the change feed was read.
// Usage: SCIMD_FEED=https://scim.example.com/feed/v1 SCIMD_TOKEN=... node consumer.mjs FILE [--once]
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const { SCIMD_FEED: feed, SCIMD_TOKEN: token } = process.env;
const [file, once] = [process.argv[2], process.argv.includes("--once")];

async function get(path, query) {
  const answer = await fetch(`${feed}${path}?${new URLSearchParams(query)}`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { answer });
  return answer.json();
}

async function readAll() {
  const state = { users: {}, members: {}, cursor: null };
  for (const type of ["User", "Membership"]) {
    for (let query = { type }; query; ) {
      const page = await get("/resources", query);
      state.cursor ??= page.cursor; // from the first page
      for (const entry of page.resources) {
        if (type === "User") state.users[entry.resource.id] = { ...entry.record, tenant: entry.tenant };
        else state.members[`${entry.group} ${entry.member}`] = entry.tenant;
      }
      query = page.next && { type, after: page.next };
    }
  }
  return state;
}

function apply(state, { type, tenant, data }) {
  const id = data.resource.id;
  if (type === "user.deleted") delete state.users[id];
  else if (type.startsWith("user.")) {
    if ((state.users[id]?.version ?? 0) < data.resource.version) state.users[id] = { ...data.record, tenant };
  } else if (type === "group.deleted") {
    for (const key of Object.keys(state.members)) if (key.startsWith(id)) delete state.members[key];
  } else if (type === "tenant.deleted") { // with its users and groups
    for (const all of [state.users, state.members]) for (const key in all) if ((all[key].tenant ?? all[key]) === tenant) delete all[key];
  }
  for (const member of data.members?.added ?? []) state.members[`${id} ${member.id}`] = tenant;
  for (const member of data.members?.removed ?? []) delete state.members[`${id} ${member.id}`];
}

let state = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : await readAll();
for (let more = true; more || !once; ) {
  try {
    const page = await get("/events", { after: state.cursor, limit: 1000, wait: once ? 0 : 20 });
    for (const event of page.events) apply(state, event);
    [state.cursor, more] = [page.cursor, page.more];
    writeFileSync(`${file}.new`, JSON.stringify(state)); // the cursor and the data are stored together
    renameSync(`${file}.new`, file);
  } catch (error) {
    const status = error.answer?.status;
    if (status === 410) state = await readAll(); // the cursor is no longer valid: start again
    else if (status === 429 || status === 503) {
      await new Promise((wake) => setTimeout(wake, 1000 * (error.answer.headers.get("retry-after") ?? 1)));
    } else throw error;
  }
}
