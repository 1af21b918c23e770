"""Fills the database of scimd 0.1.0 with copies of one user, made with SQL, and puts a tenth of them into a group."""
import http.client
import json

from load import USER

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"

# Keys are below that of the copied row, so that no later key is equal.
COPIES = """
create temporary table template as select * from resource where id = '{user}';
create temporary table numbered as select n, gen_random_uuid() as id from generate_series(1, {count}) n;
insert into resource (tenant, seq, id, document, display, display_key, password, takes_seat, version, revision, created,
  modified, lookup_1, lookup_2, lookup_3)
  select tenant, seq - n, numbered.id, replace(document, 'seed-0', 'seed-' || n), display, display_key, password,
    takes_seat, version, revision, created, modified, replace(lookup_1, 'seed-0', 'seed-' || n),
    replace(lookup_2, 'seed-0', 'seed-' || n), replace(lookup_3, 'seed-0', 'seed-' || n)
  from template, numbered;
insert into attribute_value (tenant, attribute, element, is_unique, seq, key, tail)
  select a.tenant, attribute, element, is_unique, a.seq - n, replace(key, 'seed-0', 'seed-' || n), tail
  from attribute_value a join template t on a.tenant = t.tenant and a.seq = t.seq, numbered;
insert into change (tenant, change, seq, id, version, action, attributes, token, at)
  select c.tenant, change - n, c.seq - n, numbered.id, version, action, attributes, token, at
  from (select c.* from change c join template t on c.tenant = t.tenant and c.seq = t.seq) c, numbered;
update counter c set live = live + {count}, active = active + {count} from
  (select tenant, kind, min(shard) as shard from counter join kind using (kind) where kind.name = 'User'
   group by tenant, kind) s
  where c.tenant = s.tenant and c.kind = s.kind and c.shard = s.shard;
insert into member (tenant, group_seq, member_seq)
  select r.tenant, r.seq, t.seq - n from resource r, template t, numbered where r.id = '{group}' and n % 10 = 0;
insert into change_member (tenant, change, id, added)
  select c.tenant, c.change, numbered.id, true from change c, numbered where c.id = '{group}' and n % 10 = 0;
insert into provisioning (tenant, entry, at, token, token_name, method, route, status, micros, request)
  select tenant, (seq & ((1::bigint << 56) - 1)) - 20000000 - n, modified, 'seed', 'seed', 'POST', '/Users', case when n % 10 = 0 then 409 else 201 end, 1, 'seed'
  from template, numbered;
analyze;
"""


def seed(server, sql, count):
    """Creates the users, a group with a tenth of them, and a log entry for each; a tenth of the entries are failures."""
    user = {"schemas": [USER], "userName": "seed-0@example.com", "title": "new"}
    users = server.send("POST", "/Users", user)
    group = server.send("POST", "/Groups", {"schemas": [GROUP], "displayName": "seed"})
    sql(COPIES.format(user=users["id"], group=group["id"], count=count))


class Server:
    """One connection to a server."""

    def __init__(self, address, token):
        self.connection, self.token = http.client.HTTPConnection(*address, timeout=30), token

    def send(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        self.connection.request(method, "/scim/v2" + path, body and json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]}")
        return json.loads(text or b"null")
