//! A consumer that follows the manual (docs/feed.md, "A new consumer"). It is killed at every page while others write,
//! and ends with the state of the server.

use super::client::{FeedClient, text};
use super::running::{Running, numbering};
use crate::harness::{Server, group, user};
use crate::views::Reader;
use scimd::store::TenantChange;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

crate::on_both!(a_consumer_that_is_killed_at_every_page_misses_nothing);

/// Number of members of a group: more than fit into one event.
const MANY: usize = 530;
const WRITERS: usize = 4;
/// Maximum number of rounds of a writer.
const ROUNDS: usize = 60;

/// The known state of the directory: users and groups with their versions and columns, and memberships.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Known {
    users: BTreeMap<String, (i64, Value)>,
    groups: BTreeMap<String, (i64, Value)>,
    members: BTreeSet<(String, String)>,
}

/// The state that the consumer stores with each page, as text: nothing else is kept between pages.
#[derive(Debug, Clone)]
pub(super) struct Stored(String);

impl Stored {
    /// State of a consumer that has read nothing.
    pub(super) fn nothing() -> Self {
        let kinds = ["User", "Group", "Membership"];
        Self(
            json!({"kinds": kinds, "next": null, "cursor": null, "users": {}, "groups": {}, "members": {}})
                .to_string(),
        )
    }

    /// State of a consumer that follows from a cursor and has no resources.
    pub(super) fn following(cursor: &str) -> Self {
        Self(
            json!({"kinds": [], "next": null, "cursor": cursor, "users": {}, "groups": {}, "members": {}})
                .to_string(),
        )
    }

    /// The state after the next page, and whether it was the last one for now.
    pub(super) async fn next(&self, reader: &FeedClient) -> (Self, bool) {
        let mut stored: Value = serde_json::from_str(&self.0).unwrap();
        let kind = stored["kinds"][0].as_str().map(str::to_owned);
        let is_last = match kind {
            Some(kind) => {
                let next = stored["next"].as_str();
                let after = next.map_or(String::new(), |next| format!("&after={next}"));
                let page = format!("/resources?type={kind}&limit=40{after}");
                sweep(&mut stored, &kind, &reader.read(&page).await);
                false
            }
            None => {
                let cursor = text(&stored["cursor"]);
                let page = format!("/events?after={cursor}&limit=100");
                follow(&mut stored, &reader.read(&page).await)
            }
        };
        (Self(stored.to_string()), is_last)
    }

    pub(super) fn known(&self) -> Known {
        let stored: Value = serde_json::from_str(&self.0).unwrap();
        let resources = |name: &str| {
            let entries = stored[name].as_object().unwrap().iter();
            let entry = |(id, entry): (&String, &Value)| {
                let version = entry["version"].as_i64().unwrap();
                (id.clone(), (version, entry["record"].clone()))
            };
            entries.map(entry).collect()
        };
        let pair = |pair: &String| {
            let (group, member) = pair.split_once(' ').unwrap();
            (group.to_owned(), member.to_owned())
        };
        Known {
            users: resources("users"),
            groups: resources("groups"),
            members: stored["members"]
                .as_object()
                .unwrap()
                .keys()
                .map(pair)
                .collect(),
        }
    }
}

fn object<'a>(stored: &'a mut Value, name: &str) -> &'a mut Map<String, Value> {
    stored[name].as_object_mut().unwrap()
}

/// Takes a page of resources or memberships.
fn sweep(stored: &mut Value, kind: &str, page: &Value) {
    if stored["cursor"].is_null() {
        stored["cursor"] = page["cursor"].clone();
    }
    for entry in page["resources"].as_array().unwrap() {
        if kind == "Membership" {
            let pair = format!("{} {}", text(&entry["group"]), text(&entry["member"]));
            object(stored, "members").insert(pair, true.into());
        } else {
            store(stored, &entry["resource"], &entry["record"]);
        }
    }
    stored["next"] = page["next"].clone();
    if page["next"].is_null() {
        stored["kinds"].as_array_mut().unwrap().remove(0);
    }
}

/// Takes a page of events; whether it is the last one for now.
fn follow(stored: &mut Value, page: &Value) -> bool {
    for event in page["events"].as_array().unwrap() {
        let (kind, data) = (text(&event["type"]), &event["data"]);
        let id = &data["resource"]["id"];
        match kind {
            "user.deleted" => {
                object(stored, "users").remove(text(id));
            }
            "group.deleted" => {
                object(stored, "groups").remove(text(id));
                let of_group = format!("{} ", text(id));
                object(stored, "members").retain(|pair, _| !pair.starts_with(&of_group));
            }
            kind if kind.starts_with("tenant.") => {}
            _ => store(stored, &data["resource"], &data["record"]),
        }
        if kind != "group.deleted" {
            membership(stored, text(id), &data["members"]);
        }
    }
    stored["cursor"] = page["cursor"].clone();
    page["more"] == false
}

/// Stores a resource if it is newer than the known version.
fn store(stored: &mut Value, resource: &Value, record: &Value) {
    let resources = match text(&resource["type"]) {
        "User" => object(stored, "users"),
        _ => object(stored, "groups"),
    };
    let id = text(&resource["id"]);
    let known = resources.get(id).map(|known| known["version"].as_i64());
    if known.is_none_or(|known| known < resource["version"].as_i64()) {
        let entry = json!({"version": resource["version"], "record": record});
        resources.insert(id.to_owned(), entry);
    }
}

/// Applies the member changes of an event.
fn membership(stored: &mut Value, group: &str, members: &Value) {
    let moved = |how: &str| members[how].as_array().cloned().unwrap_or_default();
    let (added, removed) = (moved("added"), moved("removed"));
    let pairs = object(stored, "members");
    for member in added {
        pairs.insert(format!("{group} {}", text(&member["id"])), true.into());
    }
    for member in removed {
        pairs.remove(&format!("{group} {}", text(&member["id"])));
    }
}

/// Reads to the end. Each page is read and applied twice: the first time the consumer is killed before it has stored
/// the result.
pub(super) async fn read_all(reader: &FeedClient, mut stored: Stored) -> Stored {
    loop {
        let _killed = stored.next(reader).await;
        let (next, is_last) = stored.next(reader).await;
        stored = next;
        if is_last {
            return stored;
        }
    }
}

/// Contents of the views.
pub(super) async fn by_views(server: &Server) -> Known {
    let mut reader = Reader::of(server).await;
    let mut known = Known::default();
    let users = "select id, version, login, full_name, active, department from directory_users";
    for row in reader.rows(users).await {
        let cells: Vec<_> = row.split('|').collect();
        let record = json!({"login": cells[2], "full_name": cells[3], "active": cells[4], "department": cells[5]});
        let entry = (cells[1].parse().unwrap(), record);
        known.users.insert(cells[0].to_owned(), entry);
    }
    for row in reader
        .rows("select id, version, name from directory_groups")
        .await
    {
        let cells: Vec<_> = row.split('|').collect();
        let entry = (cells[1].parse().unwrap(), json!({"name": cells[2]}));
        known.groups.insert(cells[0].to_owned(), entry);
    }
    let members = "select group_id, coalesce(user_id, member_group_id) from directory_memberships";
    for row in reader.rows(members).await {
        let (group, member) = row.split_once('|').unwrap();
        known.members.insert((group.to_owned(), member.to_owned()));
    }
    known
}

impl Known {
    /// The state in the columns of the views.
    pub(super) fn in_columns(mut self) -> Self {
        let cell = |value: &Value| match value {
            Value::Null => "-".to_owned(),
            Value::Bool(is_true) => u8::from(*is_true).to_string(),
            other => text(other).to_owned(),
        };
        for (_, record) in self.users.values_mut() {
            *record = json!({"login": cell(&record["login"]), "full_name": cell(&record["full_name"]),
                "active": cell(&record["active"]), "department": cell(&record["department"])});
        }
        for (_, record) in self.groups.values_mut() {
            *record = json!({"name": cell(&record["name"])});
        }
        self
    }

    /// The state without a user.
    pub(super) fn without(mut self, user: &str) -> Self {
        self.users.remove(user);
        self
    }

    /// Ids with versions, and memberships of groups, from GET.
    fn versions(&self) -> (BTreeMap<String, i64>, BTreeSet<(String, String)>) {
        let all = self.users.iter().chain(&self.groups);
        let versions = all.map(|(id, (version, _))| (id.clone(), *version));
        (versions.collect(), self.members.clone())
    }
}

/// Versions and members of a tenant's resources, from GET.
async fn by_get(
    server: &Server,
    tokens: &[&str],
) -> (BTreeMap<String, i64>, BTreeSet<(String, String)>) {
    let (mut versions, mut members) = (BTreeMap::new(), BTreeSet::new());
    for token in tokens {
        let client = server.by(token);
        for endpoint in ["Users", "Groups"] {
            let list = client.get(&format!("/{endpoint}?count=1000")).await;
            let list = list.expect(200).body;
            let found = list["Resources"].as_array().unwrap();
            assert_eq!(list["totalResults"], found.len());
            for resource in found {
                let id = text(&resource["id"]).to_owned();
                let version = text(&resource["meta"]["version"]);
                let version = version.trim_matches(|c: char| !c.is_ascii_digit());
                versions.insert(id.clone(), version.parse().unwrap());
                for member in resource["members"].as_array().into_iter().flatten() {
                    members.insert((id.clone(), text(&member["value"]).to_owned()));
                }
            }
        }
    }
    (versions, members)
}

/// Creates users with one request; returns their ids.
async fn crowd(server: &Server, count: usize) -> Vec<String> {
    let operations: Vec<_> = (0..count)
        .map(|i| {
            json!({"method": "POST", "path": "/Users", "bulkId": format!("b{i}"), "data": user(&format!("crowd{i}"))})
        })
        .collect();
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    let done = server.post("/Bulk", body).await.expect(200).body;
    let operations = done["Operations"].as_array().unwrap();
    let id = |done: &Value| {
        assert_eq!(done["status"], "201", "{done}");
        let location = text(&done["location"]);
        location.rsplit('/').next().unwrap().to_owned()
    };
    operations.iter().map(id).collect()
}

/// One round of a writer: creates, changes and deletes users, groups and members.
async fn round(server: &Server, token: &str, name: &str, shared: &str) {
    let client = server.by(token);
    let made = client.post("/Users", user(name)).await.expect(201).id();
    let path = format!("/Users/{made}");
    let rename = json!([{"op": "replace", "value": {"displayName": name, "active": name.len().is_multiple_of(2)}}]);
    client.patch(&path, rename).await.expect(200);
    let join = json!([{"op": "add", "path": "members", "value": [{"value": made}]}]);
    client
        .patch(&format!("/Groups/{shared}"), join)
        .await
        .expect(204);
    let own = client
        .post("/Groups", group(name, std::slice::from_ref(&made)))
        .await;
    let own = format!("/Groups/{}", own.expect(201).id());
    match name.bytes().last().unwrap_or_default() % 4 {
        0 => {
            client.delete(&path).await.expect(204);
        }
        1 => {
            client.delete(&own).await.expect(204);
        }
        2 => {
            let leave = json!([{"op": "remove", "path": format!("members[value eq \"{made}\"]")}]);
            client
                .patch(&format!("/Groups/{shared}"), leave)
                .await
                .expect(204);
        }
        _ => {
            let mut put = user(name);
            put["displayName"] = json!(format!("{name} again"));
            client.put(&path, put).await.expect(200);
            client
                .put(&own, group(&format!("{name} again"), &[]))
                .await
                .expect(200);
        }
    }
}

async fn a_consumer_that_is_killed_at_every_page_misses_nothing(server: Server) {
    let server = Arc::new(server);
    let crowd = crowd(&server, MANY).await;
    let shared = server.post("/Groups", group("Shared", &crowd[..20])).await;
    let shared = shared.expect(201).id();
    let acme = server.tenant("acme", &TenantChange::default()).await;
    let theirs = server.by(&acme).post("/Groups", group("Shared", &[])).await;
    let theirs = theirs.expect(201).id();
    let reader = FeedClient::of_all(&server).await;
    let numbering = numbering(&[&*server], 1000);
    let mut writers = Running::new();
    for i in 0..WRITERS {
        let (server, own) = (server.clone(), server.token.clone());
        let (token, shared) = match i % 2 {
            0 => (own, shared.clone()),
            _ => (acme.clone(), theirs.clone()),
        };
        writers.spawn(|stop| async move {
            for number in 0..ROUNDS {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                round(&server, &token, &format!("w{i}r{number}"), &shared).await;
            }
        });
    }
    let mut stored = Stored::nothing();
    // All join a group during the read, and most of them leave it again.
    let all: Vec<_> = crowd.iter().map(|id| json!({"value": id})).collect();
    let join = json!([{"op": "add", "path": "members", "value": all}]);
    let leave = json!([{"op": "replace", "path": "members", "value": all[..5]}]);
    for pages in 0.. {
        let _killed = stored.next(&reader).await;
        let (next, is_last) = stored.next(&reader).await;
        stored = next;
        if pages == 3 || pages == 20 {
            let path = format!("/Groups/{shared}");
            server.patch(&path, join.clone()).await.expect(204);
        }
        if pages == 10 {
            let path = format!("/Groups/{shared}");
            server.patch(&path, leave.clone()).await.expect(204);
        }
        if is_last && pages > 25 {
            break;
        }
    }
    writers.stop().await;
    numbering.stop().await;
    server.feed().advance().await.unwrap();
    let known = read_all(&reader, stored).await.known();
    assert_eq!(
        known.versions(),
        by_get(&server, &[&server.token, &acme]).await
    );
    assert_eq!(known.in_columns(), by_views(&server).await);
}
