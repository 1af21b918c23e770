"""Follows the change feed of scimd: keeps users and memberships in memory, and starts anew when the cursor is gone.

Usage: SCIMD_FEED=https://scim.example.com/feed/v1 SCIMD_TOKEN=... consumer.py [--once]
"""
import json, os, sys, time, urllib.error, urllib.parse, urllib.request

FEED, TOKEN = os.environ["SCIMD_FEED"], os.environ["SCIMD_TOKEN"]


def get(path, **query):
    url = f"{FEED}{path}?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def read_all():
    """Everything there is, and the cursor to follow from: the one of the very first page."""
    users, members, cursor = {}, set(), None
    for kind in ("User", "Membership"):
        query = {"type": kind}
        while True:
            page = get("/resources", **query)
            cursor = cursor or page["cursor"]
            for entry in page["resources"]:
                if kind == "User":
                    users[entry["resource"]["id"]] = entry["record"]
                else:
                    members.add((entry["group"], entry["member"]))
            if page["next"] is None:
                break
            query["after"] = page["next"]
    return {"users": users, "members": members, "cursor": cursor}


def apply(state, event):
    resource, data = event["data"]["resource"], event["data"]
    if event["type"] == "user.deleted":
        state["users"].pop(resource["id"], None)
    elif event["type"].startswith("user."):
        known = state["users"].get(resource["id"])
        if known is None or known["version"] < resource["version"]:
            state["users"][resource["id"]] = data["record"]
    elif event["type"] == "group.deleted":
        state["members"] = {pair for pair in state["members"] if pair[0] != resource["id"]}
    state["members"] |= {(resource["id"], m["id"]) for m in data.get("members", {}).get("added", [])}
    state["members"] -= {(resource["id"], m["id"]) for m in data.get("members", {}).get("removed", [])}


state, once = read_all(), "--once" in sys.argv
while True:
    try:
        page = get("/events", after=state["cursor"], wait=0 if once else 20)
        for event in page["events"]:
            apply(state, event)
        state["cursor"] = page["cursor"]  # store it together with the data
        if once and not page["more"]:
            break
    except urllib.error.HTTPError as error:
        if error.code == 410:
            state = read_all()
        elif error.code in (429, 503):
            time.sleep(int(error.headers.get("Retry-After", 1)))
        else:
            raise
print(json.dumps({"users": sorted(user["login"] for user in state["users"].values()), "members": len(state["members"])}))
