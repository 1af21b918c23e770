"""Keeps the users and memberships of scimd in a file, with the cursor up to which the change feed was read.
Usage: SCIMD_FEED=https://scim.example.com/feed/v1 SCIMD_TOKEN=... consumer.py FILE [--once]"""
import json, os, sys, time, urllib.error, urllib.parse, urllib.request

FEED, TOKEN, FILE = os.environ["SCIMD_FEED"], os.environ["SCIMD_TOKEN"], sys.argv[1]

def get(path, **query):
    url, token = f"{FEED}{path}?{urllib.parse.urlencode(query)}", {"Authorization": f"Bearer {TOKEN}"}
    return json.load(urllib.request.urlopen(urllib.request.Request(url, headers=token), timeout=60))

def read_all():
    state = {"users": {}, "members": {}, "cursor": None}
    for kind in ("User", "Membership"):
        after = {}
        while after is not None:
            page = get("/resources", type=kind, **after)
            state["cursor"] = state["cursor"] or page["cursor"]  # from the first page
            for entry in page["resources"]:
                if kind == "User":
                    state["users"][entry["resource"]["id"]] = {**entry["record"], "tenant": entry["tenant"]}
                else:
                    state["members"][entry["group"] + " " + entry["member"]] = entry["tenant"]
            after = {"after": page["next"]} if page["next"] else None
    return state

def apply(state, event):
    data, kind, tenant, id = event["data"], event["type"], event["tenant"], event["data"]["resource"]["id"]
    users, members = state["users"], state["members"]
    if kind == "user.deleted":
        users.pop(id, None)
    elif kind.startswith("user.") and users.get(id, {"version": 0})["version"] < data["resource"]["version"]:
        users[id] = {**data["record"], "tenant": tenant}
    elif kind == "group.deleted":
        state["members"] = {key: of for key, of in members.items() if not key.startswith(id)}
    elif kind == "tenant.deleted":  # with its users and groups
        state["users"] = {key: user for key, user in users.items() if user["tenant"] != tenant}
        state["members"] = {key: of for key, of in members.items() if of != tenant}
    for member in data.get("members", {}).get("added", []):
        state["members"][f"{id} {member['id']}"] = tenant
    for member in data.get("members", {}).get("removed", []):
        state["members"].pop(f"{id} {member['id']}", None)

once, more = "--once" in sys.argv, True
state = json.load(open(FILE)) if os.path.exists(FILE) else read_all()
while more or not once:
    try:
        page = get("/events", after=state["cursor"], limit=1000, wait=0 if once else 20)
        for event in page["events"]:
            apply(state, event)
        state["cursor"], more = page["cursor"], page["more"]
        with open(FILE + ".new", "w") as new:
            json.dump(state, new)  # the cursor and the data are stored together
        os.replace(FILE + ".new", FILE)
    except urllib.error.HTTPError as error:
        if error.code not in (410, 429, 503):
            raise
        if error.code == 410:  # the cursor is no longer valid: start again
            state = read_all()
        time.sleep(int(error.headers.get("Retry-After", 0)))
