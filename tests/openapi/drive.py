"""Drives a server through the client that is generated from its OpenAPI document, from the first tenant to its end.

Usage: drive.py API SCIM OPERATOR_TOKEN KEPT
  API             base URL of the management API, such as http://127.0.0.1:8081/api/v1
  SCIM            base URL of the SCIM endpoints
  KEPT            a file for schemathesis: ids of what is left behind, as the parameters of operations
"""

import sys
import time

import httpx

from scimd_client import AuthenticatedClient
from scimd_client.api.audit import list_audit
from scimd_client.api.directory import deactivate_user, delete_user
from scimd_client.api.log import get_request, list_failures, list_requests
from scimd_client.api.schemas import put_tenant_schema
from scimd_client.api.streams import add_stream
from scimd_client.api.tenants import change_tenant, create_tenant, delete_tenant, get_tenant, list_tenants
from scimd_client.api.the_api import get_entry
from scimd_client.api.tokens import issue_token, list_tokens, revoke_token, rotate_token
from scimd_client.api.webhooks import add_webhook
from scimd_client.models import (
    ListFailuresOutcome,
    ListTenantsSort,
    Problem,
    SchemaDocument,
    StreamAdd,
    TenantChange,
    TenantCreate,
    TenantStatus,
    TokenIssue,
    TokenRotate,
    WebhookAdd,
)

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
SCHEMA = "urn:example:acme:User"


def told(answer):
    """The answer, which must be no problem."""
    if answer is None or isinstance(answer, Problem):
        sys.exit(f"drive: {answer}")
    return answer


def with_status(answer, status):
    """An answer with its status, which must be this one."""
    if answer.status_code != status:
        sys.exit(f"drive: {answer.status_code} in place of {status}: {answer.content!r}")
    return answer.parsed


def provision(scim, token, kind, body):
    """Creates a resource as an identity provider does; the id, or None if it is refused."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    answer = httpx.post(f"{scim}/{kind}", headers=headers, json=body)
    return answer.json()["id"] if answer.status_code == 201 else None


def pages(client, sort):
    """Names of all tenants, one a page."""
    names, cursor = [], None
    while True:
        extra = {} if cursor is None else {"cursor": cursor}
        page = told(list_tenants.sync(client=client, sort=sort, limit=1, **extra))
        names += [item.name for item in page.items]
        cursor = page.next_
        if cursor is None:
            return names


def life_of_a_tenant(client, scim):
    entry = told(get_entry.sync(client=client))
    assert "tenants:write" in entry.scopes, entry
    body = TenantCreate(name="short", display_name="Short Ltd", seats=5)
    key = "drive-0123456789abcdef"
    made = told(create_tenant.sync(client=client, body=body, idempotency_key=key))
    again = create_tenant.sync_detailed(client=client, body=body, idempotency_key=key)
    assert with_status(again, 201) == made and again.headers["idempotency-replayed"] == "true"
    token = told(issue_token.sync("short", client=client, body=TokenIssue(name="okta", expires_in="90d")))
    ann = provision(scim, token.token, "Users", {"schemas": [USER], "userName": "ann"})
    assert ann is not None
    with_status(deactivate_user.sync_detailed("short", ann, client=client), 204)
    with_status(delete_user.sync_detailed("short", ann, client=client), 204)
    rotated = told(rotate_token.sync("short", token.id, client=client, body=TokenRotate(overlap="1h")))
    with_status(revoke_token.sync_detailed("short", rotated.id, client=client), 204)
    assert [item.state for item in told(list_tokens.sync("short", client=client)).items] == ["rotated", "revoked"]
    change = TenantChange(status=TenantStatus.SUSPENDED, seats=None)
    changed = told(change_tenant.sync("short", client=client, body=change, if_match='"1"'))
    assert (changed.status, changed.seats) == ("suspended", None), changed
    stale = change_tenant.sync_detailed("short", client=client, body=change, if_match='"1"')
    assert with_status(stale, 412).type_ == "urn:scimd:problem:precondition-failed"
    for sort in ListTenantsSort:
        assert sorted(pages(client, sort)) == ["default", "short"], sort
    acts = [row.action for row in told(list_audit.sync(client=client, tenant="short")).items]
    assert acts[-1] == "tenant.create" and "user.delete" in acts, acts
    told(delete_tenant.sync("short", client=client, confirm="short"))
    assert with_status(get_tenant.sync_detailed("short", client=client), 404).status == 404


def leave_something(client, scim):
    """Makes what a fuzzer is to find, and gives its ids."""
    told(create_tenant.sync(client=client, body=TenantCreate(name="acme", display_name="Acme")))
    token = told(issue_token.sync("acme", client=client, body=TokenIssue(name="okta")))
    ann = provision(scim, token.token, "Users", {"schemas": [USER], "userName": "ann", "shoeSize": 1})
    assert provision(scim, token.token, "Users", {"schemas": [USER], "userName": "ann"}) is None
    staff = {"schemas": [GROUP], "displayName": "staff", "members": [{"value": ann}]}
    staff = provision(scim, token.token, "Groups", staff)
    attributes = [{"name": "code", "type": "string"}]
    schema = SchemaDocument.from_dict({"id": SCHEMA, "name": "Acme", "attributes": attributes})
    told(put_tenant_schema.sync("acme", SCHEMA, client=client, body=schema))
    url = "https://127.0.0.1:9/"
    told(add_webhook.sync(client=client, body=WebhookAdd(name="hook", url=url, allow_private=True)))
    told(add_stream.sync(client=client, body=StreamAdd(name="sink", url=url, allow_private=True)))
    # The log is written in the background.
    deadline = time.monotonic() + 30
    while True:
        log = told(list_requests.sync("acme", client=client)).items
        failures = told(list_failures.sync(client=client, outcome=ListFailuresOutcome.REFUSED)).items
        if len(log) >= 3 and [failure.reason for failure in failures] == ["user.exists"]:
            break
        assert time.monotonic() < deadline, (log, failures)
        time.sleep(0.1)
    request = told(get_request.sync("acme", log[0].request, client=client)).request
    return {"token": token.id, "user": ann, "group": staff, "request": request}


CONFIG = """\
[parameters]
"path.tenant" = "acme"
"path.type" = "Users"
"path.id" = "{user}"
"path.request" = "{request}"

[[operations]]
include-path-regex = "/tokens/"
parameters = {{ "path.tenant" = "acme", "path.id" = "{token}" }}

[[operations]]
include-path-regex = "/groups/"
parameters = {{ "path.tenant" = "acme", "path.id" = "{group}" }}

[[operations]]
include-path-regex = "/webhooks/"
parameters = {{ "path.name" = "hook" }}

[[operations]]
include-path-regex = "/streams/"
parameters = {{ "path.name" = "sink" }}

[[operations]]
include-path-regex = "/schemas/"
parameters = {{ "path.tenant" = "acme", "path.urn" = "urn:example:acme:User" }}
"""


def main():
    api, scim, token, kept = sys.argv[1:]
    root = api.removesuffix("/api/v1")
    client = AuthenticatedClient(base_url=root, token=token)
    life_of_a_tenant(client, scim)
    ids = leave_something(client, scim)
    with open(kept, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(**ids))


main()
