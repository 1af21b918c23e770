"""Writers that keep a journal of what the server acknowledged, and the comparison of the journal with the server."""
import http.client
import json
import threading
import time
import urllib.parse


class Writer(threading.Thread):
    """Creates users and changes each of them, one request at a time, over connections that it opens anew after a failure."""

    def __init__(self, name, address, token, stop):
        super().__init__(daemon=True)
        self.label, self.address, self.token, self.stop = name, address, token, stop
        self.acknowledged = {}  # id -> title, as last acknowledged
        self.unknown = set()  # ids of users whose last change got no answer
        self.moments = []  # (time, whether the request was acknowledged)
        self.wrong = []  # answers that are neither success nor 429 or 503
        self.broken = []  # requests without an answer

    def run(self):
        connection, count = None, 0
        while not self.stop.is_set():
            count += 1
            name = f"{self.label}-{count}@example.com"
            if connection is None:
                connection = http.client.HTTPConnection(*self.address, timeout=10)
            try:
                self.pair(connection, name)
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(f"{name}: {error!r}")
                connection.close()
                connection = None
                self.moments.append((time.monotonic(), False))
                time.sleep(0.05)

    def pair(self, connection, name):
        status, user = self.send(connection, "POST", "/Users", {"schemas": [USER], "userName": name, "title": "new"})
        if status == 201:
            self.acknowledged[user["id"]] = "new"
            self.unknown.add(user["id"])
            operation = {"op": "replace", "path": "title", "value": "changed"}
            body = {"schemas": [PATCH], "Operations": [operation]}
            status, _ = self.send(connection, "PATCH", f"/Users/{user['id']}", body)
            if status == 200:
                self.acknowledged[user["id"]] = "changed"
                self.unknown.discard(user["id"])

    def send(self, connection, method, path, body, expected=None):
        """Status and content of the answer. Without expected statuses any success, 429 and 503 are right."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        connection.request(method, "/scim/v2" + path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        text, status = answer.read(), answer.status
        succeeded = status in expected if expected else status < 300
        self.moments.append((time.monotonic(), succeeded))
        if not succeeded:
            if expected or status not in (429, 503):
                self.wrong.append(f"{method} {path}: {status} {text[:200]}")
            time.sleep(0.05)
            return status, None
        return status, json.loads(text or b"{}")


USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Load:
    """So many writers at once, whose users have names that begin with that of the load."""

    client = Writer

    def __init__(self, name, address, token, writers):
        self.name, self.address, self.token, self.stop = name, address, token, threading.Event()
        self.writers = [self.client(f"{name}-{number}", address, token, self.stop) for number in range(writers)]

    def start(self):
        for writer in self.writers:
            writer.start()

    def finish(self):
        self.stop.set()
        for writer in self.writers:
            writer.join()

    def last_acknowledged(self):
        return max((at for writer in self.writers for at, done in writer.moments[-50:] if done), default=0)

    def longest_refusal(self, since, until):
        """Seconds of the longest time between two acknowledged writes, of all writers together."""
        moments = sorted(at for writer in self.writers for at, done in writer.moments if done)
        inside = [since] + [at for at in moments if since <= at <= until] + [until]
        return max(later - earlier for earlier, later in zip(inside, inside[1:]))

    def acknowledged(self):
        return sum(len(writer.acknowledged) for writer in self.writers)

    def wrong(self):
        return [line for writer in self.writers for line in writer.wrong]

    def lost(self):
        """Users that the server acknowledged and has not, or not as it acknowledged them."""
        stored = self.stored()
        lost = []
        for writer in self.writers:
            for id, title in writer.acknowledged.items():
                # A change without an answer may have taken effect or not.
                allowed = {title, "changed"} if id in writer.unknown else {title}
                if stored.get(id) not in allowed:
                    lost.append(f"{id}: acknowledged {title}, stored {stored.get(id)}")
        return lost

    def stored(self):
        """The title of every user whose name begins with that of the load."""
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        titles, cursor = {}, ""
        while cursor is not None:
            query = {"filter": f'userName sw "{self.name}"', "attributes": "title", "count": 1000, "cursor": cursor}
            path = f"/scim/v2/Users?{urllib.parse.urlencode(query)}"
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            page = json.loads(answer.read())
            if answer.status != 200:
                raise RuntimeError(f"list: {answer.status} {page}")
            titles.update((user["id"], user.get("title")) for user in page["Resources"])
            cursor = page.get("nextCursor")
        return titles
