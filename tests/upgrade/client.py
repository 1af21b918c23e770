"""Clients that tolerate no failure: each response must have the expected status and content."""
import urllib.parse

from load import PATCH, USER, Load, Writer


class Client(Writer):
    """Creates users, changes, reads, finds and deletes them, and adds some to its own group."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.requests = 0
        self.group, self.members, self.refused = None, set(), 0

    def exchange(self, connection, method, path, body, expected):
        """Sends a request; returns the body of its response, which must have an expected status."""
        self.requests += 1
        return self.send(connection, method, path, body, expected)[1]

    def expect(self, what, found, expected):
        if found != expected:
            self.wrong.append(f"{what}: {found}, expected {expected}")

    def pair(self, connection, name):
        if self.group is None:
            group = {"schemas": [GROUP], "displayName": self.label}
            made = self.exchange(connection, "POST", "/Groups", group, [201])
            self.group = made and made["id"]
        user = {"schemas": [USER], "userName": name, "title": "new"}
        made = self.exchange(connection, "POST", "/Users", user, [201])
        if made is None:
            return
        id = made["id"]
        self.acknowledged[id] = "new"
        self.exchange(connection, "POST", "/Users", user, [409])
        self.refused += 1
        self.read(connection, id, "new")
        operation = {"op": "replace", "path": "title", "value": "changed"}
        if self.patch(connection, f"/Users/{id}", operation) is not None:
            self.acknowledged[id] = "changed"
        self.read(connection, id, "changed")
        query = urllib.parse.urlencode({"filter": f'userName eq "{name.upper()}"', "attributes": "title"})
        found = self.exchange(connection, "GET", f"/Users?{query}", None, [200])
        self.expect(f"filter for {name}", [one["id"] for one in (found or {}).get("Resources", [])], [id])
        operation = {"op": "add", "path": "members", "value": [{"value": id}]}
        if self.group and self.patch(connection, f"/Groups/{self.group}", operation) is not None:
            self.members.add(id)
        if len(self.acknowledged) % 3 == 0:
            self.delete(connection, id)

    def read(self, connection, id, title):
        user = self.exchange(connection, "GET", f"/Users/{id}", None, [200])
        self.expect(f"title of {id}", user and user.get("title"), title)

    def patch(self, connection, path, operation):
        return self.exchange(connection, "PATCH", path, {"schemas": [PATCH], "Operations": [operation]}, [200, 204])

    def delete(self, connection, id):
        if self.exchange(connection, "DELETE", f"/Users/{id}", None, [204]) is not None:
            self.acknowledged[id] = None
            self.members.discard(id)
        self.exchange(connection, "GET", f"/Users/{id}", None, [404])


GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class Clients(Load):
    """A load of several clients."""

    client = Client

    def requests(self):
        return sum(client.requests for client in self.writers)

    def deleted(self):
        return sum(title is None for client in self.writers for title in client.acknowledged.values())

    def refused(self):
        """Requests that the server rejected correctly."""
        return sum(client.refused for client in self.writers)

    def failed(self):
        """Failures: unexpected responses and broken connections."""
        return [line for client in self.writers for line in client.wrong + client.broken]
