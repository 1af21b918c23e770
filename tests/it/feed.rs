//! The change feed: content and order of events.

use crate::harness::{Options, Server, USER, group, user};
use scimd::feed::{Event, Feed, FeedError, FeedPosition, PageQuery, Payload, TypePatterns};
use scimd::store::TenantChange;
use serde_json::{Value, json};

mod access;
mod bootstrap;
pub(crate) mod client;
mod examples;
mod failover;
mod http;
mod listener;
mod moves;
mod numbering;
mod order;
mod running;

crate::on_both!(
    a_change_is_an_event,
    an_event_says_what_was,
    members_come_in_parts,
    changes_of_tenants_are_events,
    states_can_be_disabled,
    old_changes_go,
    types_choose_events,
    tenants_can_be_excluded,
);

/// All events of the feed.
pub(crate) async fn all(feed: &Feed) -> Vec<Event> {
    feed.advance().await.unwrap();
    let (mut events, mut query) = (Vec::new(), PageQuery::default());
    query.limit = 100;
    query.after = feed.place(feed.start().await.unwrap()).await.unwrap();
    loop {
        let page = feed.page(&query).await.unwrap();
        events.extend(page.events);
        query.after = page.next.place;
        if !page.more {
            return events;
        }
    }
}

/// Creates users of the tenant default, which get positions in the feed; returns their ids.
async fn users(server: &Server, name: &str, count: usize) -> Vec<String> {
    let ids = new_users(server, name, count).await;
    server.feed().advance().await.unwrap();
    ids
}

/// Creates users, which may have no position in the feed yet; returns their ids.
async fn new_users(server: &Server, name: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..count {
        let created = server.post("/Users", user(&format!("{name}{i}"))).await;
        ids.push(created.expect(201).id());
    }
    ids
}

/// The events about resources of the tenant default, as JSON.
async fn events_of_default(server: &Server) -> Vec<Value> {
    let of_default = |event: &Event| event.tenant == "default" && event.token.is_some();
    let events = all(&server.feed()).await.into_iter().filter(of_default);
    events.map(|event| json(&event, Payload::Full)).collect()
}

fn json(event: &Event, payload: Payload) -> Value {
    serde_json::from_str(&event.json(payload)).unwrap()
}

async fn a_change_is_an_event(server: Server) {
    let created = server.post("/Users", user("ann")).await.expect(201).body;
    let id = created["id"].as_str().unwrap();
    let path = format!("/Users/{id}");
    let off = json!([
        {"op": "replace", "value": {"active": false, "title": "Dr"}}]);
    let changed = server.patch(&path, off).await.expect(200).body;
    server.delete(&path).await.expect(204);
    let events = events_of_default(&server).await;
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["user.created", "user.deactivated", "user.deleted"]);
    let [create, modify, delete] = events.as_slice() else {
        panic!("{events:?}")
    };
    // The event equals the response that the client received.
    assert_eq!(create["data"]["scim"], created);
    assert_eq!(modify["data"]["scim"], changed);
    assert_eq!(delete["data"]["scim"]["userName"], "ann");
    assert_eq!(delete["data"]["changed"], json!([]));
    for (event, version) in events.iter().zip(1..) {
        assert_eq!(
            event["data"]["resource"],
            json!({"type": "User", "id": id, "version": version})
        );
        assert_eq!(event["source"]["token"], "test");
        assert!(
            event["source"]["request"].as_str().unwrap().len() > 10,
            "{event}"
        );
        let text = event["id"].as_str().unwrap();
        let again = server.feed().event(text, None).await.unwrap().unwrap();
        assert_eq!(json(&again, Payload::Full), *event);
    }
    assert_eq!(create["data"].get("previous"), None);
    assert_eq!(delete["data"].get("previous"), None);
    assert_eq!(modify["data"]["previous"], json!({"active": true}));
    assert_eq!(
        modify["data"]["scimPrevious"],
        json!({"active": true, "title": null})
    );
    let positions: Vec<_> = events
        .iter()
        .map(|event| event["position"].as_i64().unwrap())
        .collect();
    assert!(
        positions.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{positions:?}"
    );
}

async fn an_event_says_what_was(server: Server) {
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let mut ann = user("ann");
    ann["emails"] = json!([{"value": "old@example.com", "primary": true}]);
    ann["password"] = json!("secret secret");
    ann[ENTERPRISE] = json!({"department": "Sales", "costCenter": "1"});
    ann["schemas"] = json!([USER, ENTERPRISE]);
    let created = server.post("/Users", ann.clone()).await.expect(201).body;
    let path = format!("/Users/{}", created["id"].as_str().unwrap());
    ann["emails"] = json!([{"value": "new@example.com", "primary": true}]);
    ann[ENTERPRISE] = json!({"department": "Legal", "costCenter": "1"});
    let replaced = server.put(&path, ann).await.expect(200).body;
    let events = events_of_default(&server).await;
    let data = &events[1]["data"];
    assert_eq!(events[1]["type"], "user.updated");
    assert_eq!(
        data["changed"],
        json!(["emails", format!("{ENTERPRISE}:department")])
    );
    assert_eq!(
        data["previous"],
        json!({"email": "old@example.com", "department": "Sales"})
    );
    assert_eq!(
        data["scimPrevious"],
        json!({"emails": [{"value": "old@example.com", "primary": true}], ENTERPRISE: {"department": "Sales"}})
    );
    let record = json!({
        "id": created["id"], "external_id": null, "full_name": replaced.get("displayName").cloned().unwrap_or_default(),
        "login": "ann", "email": "new@example.com", "trust_id": "ann", "distinguished_name": null,
        "active": true, "department": "Legal", "created": replaced["meta"]["created"],
        "modified": replaced["meta"]["lastModified"], "version": 2});
    assert_eq!(data["record"], record);
    assert!(
        !events
            .iter()
            .any(|event| event.to_string().contains("secret"))
    );
    let thin = server
        .feed()
        .event(events[1]["id"].as_str().unwrap(), None)
        .await
        .unwrap()
        .unwrap();
    let keys = |payload| {
        let data = json(&thin, payload)["data"].clone();
        data.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(Payload::Thin), ["resource", "changed"]);
    assert_eq!(
        keys(Payload::Mapped),
        ["resource", "changed", "record", "previous"]
    );
}

async fn members_come_in_parts(server: Server) {
    let ids = new_users(&server, "u", 7).await;
    let sales = group("Sales", &ids[..3]);
    let created = server.post("/Groups", sales).await.expect(201).body;
    let path = format!("/Groups/{}", created["id"].as_str().unwrap());
    let one = json!([
        {"op": "add", "path": "members", "value": [{"value": ids[3]}]}]);
    server.patch(&path, one).await.expect(204);
    let many = json!([
        {"op": "replace", "path": "members", "value": [{"value": ids[5]}, {"value": ids[6]}]}]);
    server.patch(&path, many).await.expect(204);
    server
        .delete(&format!("/Users/{}", ids[6]))
        .await
        .expect(204);
    let events = events_of_default(&server).await;
    let last: Vec<_> = events.iter().skip(7).collect();
    let types: Vec<_> = last
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "group.created",
            "group.members_changed",
            "group.members_changed",
            "user.deleted",
            "group.members_changed"
        ]
    );
    let moved = |event: &Value, how: &str| {
        let mut moved: Vec<_> = event["data"]["members"][how].as_array().unwrap().clone();
        assert!(moved.iter().all(|member| member["type"] == "User"));
        moved.sort_by_key(|member| member["id"].as_str().unwrap().to_owned());
        moved
            .iter()
            .map(|member| member["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let sorted = |these: &[usize]| {
        let mut these: Vec<_> = these.iter().map(|i| ids[*i].clone()).collect();
        these.sort();
        these
    };
    for (event, joined, left) in [
        (last[0], sorted(&[0, 1, 2]), vec![]),
        (last[1], sorted(&[3]), vec![]),
        (last[2], sorted(&[5, 6]), sorted(&[0, 1, 2, 3])),
        (last[4], vec![], sorted(&[6])),
    ] {
        assert_eq!(
            (moved(event, "added"), moved(event, "removed")),
            (joined, left),
            "{event}"
        );
        assert!(event["data"]["scim"].get("members").is_none());
        assert_eq!(event["data"]["record"]["name"], "Sales");
    }
    // The deletion of the user and the resulting changes have the same request id.
    assert_eq!(last[3]["source"], last[4]["source"]);
}

async fn changes_of_tenants_are_events(server: Server) {
    use scimd::store::{Status, TenantChange};
    let status = |status| TenantChange {
        status: Some(status),
        ..TenantChange::default()
    };
    let operator = &server.operator;
    operator
        .create_tenant("acme", &TenantChange::default())
        .await
        .unwrap();
    for new in [Status::Suspended, Status::Suspended, Status::Active] {
        operator.change_tenant("acme", &status(new)).await.unwrap();
    }
    let types = |events: Vec<Event>| {
        let of_acme = events.into_iter().filter(|event| event.tenant == "acme");
        of_acme
            .map(|event| event.event_type.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        types(all(&server.feed()).await),
        ["tenant.created", "tenant.suspended", "tenant.resumed"]
    );
    operator.delete_tenant("acme").await.unwrap();
    assert_eq!(
        types(all(&server.feed()).await),
        ["tenant.created", "tenant.deleted"]
    );
    server.is_sound().await;
}

async fn states_can_be_disabled(first: Server) {
    let options = Options {
        keeps_documents: false,
        ..Options::default()
    };
    let server = first.other(options).await;
    let created = server.post("/Users", user("ann")).await.expect(201).body;
    let path = format!("/Users/{}", created["id"].as_str().unwrap());
    let off = json!([
        {"op": "replace", "value": {"active": false}}]);
    server.patch(&path, off).await.expect(200);
    let events = events_of_default(&server).await;
    assert_eq!(events[1]["type"], "user.deactivated");
    for event in &events {
        assert_eq!(event["data"]["reconstructed"], true);
        assert_eq!(event["data"]["record"]["active"], false, "the state of now");
        assert_eq!(event["data"].get("previous"), None);
    }
    assert_eq!(
        server
            .number("select count(*) from change where document is not null and created is null")
            .await,
        0
    );
}

async fn old_changes_go(server: Server) {
    new_users(&server, "u", 5).await;
    let feed = server.feed();
    let before = all(&feed).await;
    let start = feed.start().await.unwrap();
    // First no change is old enough; then all except the last one are.
    assert_eq!(server.operator.forget_changes(1).await.unwrap(), 0);
    assert_eq!(
        server.operator.forget_changes(-1).await.unwrap(),
        before.len() as u64 - 1
    );
    let after = all(&feed).await;
    assert_eq!(after, before[before.len() - 1..]);
    assert!(matches!(feed.place(start).await, Err(FeedError::Gone)));
    let query = PageQuery {
        after: FeedPosition::after(0),
        limit: 1,
        ..PageQuery::default()
    };
    assert!(matches!(feed.page(&query).await, Err(FeedError::Gone)));
    assert_eq!(server.number("select count(*) from change").await, 1);
    let head = feed.head().await.unwrap();
    assert_eq!(
        feed.place(head).await.unwrap().position,
        before.len() as i64
    );
    server.operator.forget_changes(-1).await.unwrap();
    assert_eq!(all(&feed).await.len(), 1, "the last position stays");
}

async fn types_choose_events(server: Server) {
    for i in 0..3 {
        server
            .post("/Users", user(&format!("u{i}")))
            .await
            .expect(201);
        server
            .post("/Groups", group(&format!("g{i}"), &[]))
            .await
            .expect(201);
    }
    let feed = server.feed();
    feed.advance().await.unwrap();
    let mut query = PageQuery {
        types: TypePatterns::parse("group.*").unwrap(),
        limit: 2,
        ..PageQuery::default()
    };
    let first = feed.page(&query).await.unwrap();
    assert_eq!((first.events.len(), first.more), (2, true));
    query.after = first.next.place;
    let second = feed.page(&query).await.unwrap();
    assert_eq!((second.events.len(), second.more), (1, false));
    assert_eq!(second.next, feed.head().await.unwrap());
}

/// A reader that excludes a tenant gets all events of the others, and reaches the end.
async fn tenants_can_be_excluded(server: Server) {
    let other = server.tenant("other", &TenantChange::default()).await;
    for i in 0..250 {
        let body = user(&format!("u{i}"));
        if i % 120 == 60 {
            let made = server.by(&other).post("/Users", body.clone()).await;
            made.expect(201);
        }
        server.post("/Users", body).await.expect(201);
    }
    let feed = server.feed();
    feed.advance().await.unwrap();
    let left_out = feed.tenant("default").await.unwrap().unwrap();
    let mut query = PageQuery {
        except: vec![left_out],
        limit: 1,
        ..PageQuery::default()
    };
    let mut tenants = Vec::new();
    loop {
        let page = feed.page(&query).await.unwrap();
        let users = page.events.iter().filter(|event| event.token.is_some());
        tenants.extend(users.map(|event| event.tenant.clone()));
        query.after = page.next.place;
        if !page.more {
            assert_eq!(page.next, feed.head().await.unwrap());
            break;
        }
    }
    assert_eq!(tenants, ["other", "other"]);
}
