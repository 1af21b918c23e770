//! Bodies in the provisioning log: only while recording is enabled, and without secrets (FLT-16).

use super::{last, logged};
use crate::harness::{GROUP, Options, Server, USER, noon, user};
use scimd::clock::Clock;
use scimd::schema::SchemaFile;
use serde_json::{Value, json};

crate::on_both!(
    secrets_are_cut_wherever_they_stand,
    bodies_are_recorded_until_the_end_on_every_instance,
    unreadable_bodies_are_not_recorded,
);

const BADGE: &str = "urn:acme:params:scim:schemas:extension:badge:1.0:User";

/// Schema files with a secret attribute of users.
fn files() -> Vec<SchemaFile> {
    let attribute = |name: &str, kind: &str, returned: &str| {
        json!({"name": name, "type": kind, "multiValued": false, "required": false, "mutability": "readWrite",
            "returned": returned})
    };
    let pin = attribute("pin", "string", "never");
    let mut card = attribute("card", "complex", "default");
    card["subAttributes"] = json!([pin, attribute("color", "string", "default")]);
    let schema = json!({"id": BADGE, "name": "Badge", "attributes": [pin, card]});
    let kind = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "id": "User", "name": "User",
        "endpoint": "/Users", "schema": USER, "schemaExtensions": [{"schema": BADGE, "required": false}]});
    let file = |origin: &str, text: Value| SchemaFile {
        origin: origin.to_owned(),
        text: text.to_string(),
    };
    vec![file("badge.json", schema), file("user.json", kind)]
}

async fn switch_on(server: &Server) {
    let until = server.clock.now().plus_seconds(3600);
    server
        .operator
        .keep_bodies("default", Some(until))
        .await
        .unwrap();
}

async fn secrets_are_cut_wherever_they_stand(server: Server) {
    let server = server
        .other(Options {
            schema_files: Some(files()),
            ..Options::default()
        })
        .await;
    switch_on(&server).await;
    let secret = "Xk9Planted";
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let one = format!("/Users/{id}");
    for body in [
        json!({"schemas": [USER], "userName": "b", "password": secret}),
        json!({"schemas": [USER], "userName": "c", "PASSWORD": [{"a": secret}]}),
        json!({"schemas": [USER], "userName": "d", USER: {"password": secret}}),
        json!({"schemas": [USER], "userName": "e", format!("{USER}:password"): secret}),
        json!({"schemas": [USER, BADGE], "userName": "f", BADGE: {"pin": secret, "card": {"pin": secret}}}),
        json!({"schemas": [USER], "userName": "g", "appToken": secret, "x": {"apiSecret": {"deep": [secret]}}}),
    ] {
        server.post("/Users", body).await;
    }
    for operations in [
        json!([{"op": "add", "path": "password", "value": secret}]),
        json!([{"op": "Replace", "Path": "PassWord", "Value": secret}]),
        json!([{"op": "replace", "path": format!("{USER}:password"), "value": secret}]),
        json!([{"op": "replace", "value": {"password": secret, format!("{BADGE}:pin"): secret}}]),
        json!([{"op": "add", "path": format!("{BADGE}:card.pin"), "value": secret}]),
        json!([{"op": "add", "path": format!("{BADGE}:card"), "value": {"pin": secret}}]),
        json!([{"op": "add", "path": BADGE, "value": {"pin": secret}}]),
        json!([{"op": "replace", "value": json!({"password": secret}).to_string()}]),
        json!([{"op": "remove", "path": format!("emails[password eq \"{secret}\"]")}]),
        json!([{"op": "replace", "path": "password", "value ": secret}]),
        json!([{"op": "replace", "value": [{"name": "password", "value": secret}]}]),
    ] {
        server.patch(&one, operations).await;
    }
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": format!("password eq \"{secret}\"")});
    server.post("/Users/.search", search).await.expect(400);
    let patch =
        json!({"schemas": [], "Operations": [{"op": "add", "path": "password", "value": secret}]});
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"schemas": [USER], "userName": "h", "password": secret}},
        {"method": "PATCH", "path": one, "data": patch},
        {"method": "GET", "path": format!("/Users?filter=password eq \"{secret}\"")}]});
    server.post("/Bulk", bulk).await.expect(200);
    let rows = logged(&server, "default").await;
    let kept: Vec<_> = rows.iter().filter_map(|row| row.body.as_deref()).collect();
    assert_eq!(kept.len(), 20);
    for body in &kept[1..] {
        assert!(
            body.contains("***") && serde_json::from_str::<Value>(body).is_ok(),
            "{body}"
        );
    }
    for row in rows {
        let text = format!("{row:?}");
        assert!(
            !text.contains(secret) && !text.contains(&server.token),
            "{text}"
        );
    }
}

async fn bodies_are_recorded_until_the_end_on_every_instance(server: Server) {
    let clock = Clock::standing(noon());
    let server = server
        .other(Options {
            clock: clock.clone(),
            ..Options::default()
        })
        .await;
    let other = server
        .other(Options {
            clock,
            ..Options::default()
        })
        .await;
    server.post("/Users", user("a")).await.expect(201);
    assert_eq!(last(&server).await.body, None);
    switch_on(&server).await;
    server.clock.advance(1);
    let group = json!({"schemas": [GROUP], "displayName": "Sales"});
    other.post("/Groups", group.clone()).await.expect(201);
    assert_eq!(last(&other).await.body, Some(group.to_string()));
    server.clock.advance(1);
    let long = json!({"schemas": [USER], "userName": "long", "nickName": "\u{e9}".repeat(30_000), "title": "\u{e9}".repeat(30_000)});
    server.post("/Users", long).await.expect(201);
    assert!((60_000..=66_000).contains(&last(&server).await.body.unwrap().len()));
    server.clock.advance(3601);
    other.post("/Users", user("b")).await.expect(201);
    assert_eq!(last(&other).await.body, None);
    server.clock.advance(1);
    switch_on(&server).await;
    server.operator.keep_bodies("default", None).await.unwrap();
    other.post("/Users", user("c")).await.expect(201);
    assert_eq!(last(&other).await.body, None);
}

async fn unreadable_bodies_are_not_recorded(server: Server) {
    switch_on(&server).await;
    let answer = server
        .say(&server.request("POST", "/Users", b"{\"password\": \"Xk9Planted\""))
        .await;
    assert_eq!(answer.status, 400);
    let row = last(&server).await;
    assert_eq!((row.status, row.body), (400, None));
}
