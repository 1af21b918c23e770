//! Explanations of rejected requests in the request log: a request causes each reason, and its entry explains it.

use super::last;
use crate::harness::{GROUP, Options, Server, USER, user};
use reqwest::Method;
use scimd::explanation::{Explanation, Responsible};
use scimd::reason::Reason;
use scimd::resource::Conformance;
use scimd::schema::SchemaFile;
use scimd::scim_api::HttpSettings;
use scimd::store::{LoggedRequest, Outcome, Status, TenantChange, TokenScope, UsernameFormat};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::BTreeMap;

crate::on_both!(every_reason_is_explained);

/// Reasons without an entry in a log (the token belongs to no tenant), and reasons of faults and races, which other
/// tests cause.
const ELSEWHERE: [&str; 6] = [
    "token.missing",
    "token.unknown",
    "client.gone",
    "server.busy",
    "database.away",
    "internal",
];

/// The collected entries, by reason.
struct Collected(BTreeMap<String, LoggedRequest>);

impl Collected {
    async fn look(&mut self, server: &Server) {
        let entry = last(server).await;
        let reason = entry.reason.clone().unwrap_or_default();
        let explanation = Explanation::of(&entry).unwrap_or_else(|| panic!("{entry:?}"));
        for text in [&explanation.summary, &explanation.tell, &explanation.retry] {
            assert!(text.len() > 10 && !text.contains('{'), "{reason}: {text}");
            assert!(
                !text.contains("  ") && !text.contains(".."),
                "{reason}: {text}"
            );
        }
        self.0.insert(reason, entry);
    }

    async fn ask(&mut self, server: &Server, method: Method, path: &str, body: Value) {
        let body = (!body.is_null()).then_some(body);
        server.client().send(method, path, body, &[]).await;
        self.look(server).await;
    }

    /// Sends an unmodified header to a path below the root.
    async fn send(&mut self, server: &Server, path: &str, authorization: &str) {
        let root = server.base.strip_suffix("/scim/v2").unwrap();
        let request = reqwest::Client::new().get(format!("{root}{path}"));
        request
            .header("authorization", authorization)
            .send()
            .await
            .unwrap();
        self.look(server).await;
    }

    fn explanation(&self, reason: &str) -> Explanation {
        Explanation::of(&self.0[reason]).unwrap()
    }
}

async fn change(server: &Server, change: TenantChange) {
    server.change_tenant("default", &change).await;
}

async fn every_reason_is_explained(server: Server) {
    let mut made = Collected(BTreeMap::new());
    resources(&server, &mut made).await;
    tokens(&server, &mut made).await;
    limits(&server, &mut made).await;
    let missing: Vec<_> = Reason::KEYWORDS
        .iter()
        .filter(|word| !made.0.contains_key(**word) && !ELSEWHERE.contains(word))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    texts_name_what_happened(&made);
}

/// Users, groups, messages.
async fn resources(server: &Server, made: &mut Collected) {
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let one = format!("/Users/{id}");
    let idle = json!({"schemas": [USER], "userName": "ben", "active": false});
    server.post("/Users", idle).await.expect(201);
    let group = json!({"schemas": [GROUP], "displayName": "g", "members": [{"value": id}]});
    let of_group = server.post("/Groups", group).await.expect(201).id();
    let sales = json!({"schemas": [GROUP], "displayName": "g"});
    let patch = |operation: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations":
        [{"method": "POST", "path": "/Groups", "bulkId": "1", "data":
            {"schemas": [GROUP], "displayName": "b", "members": [{"value": "bulkId:2"}]}}]});
    let odd = json!({"schemas": [USER], "userName": ["a", {"b": 1}]});
    let (get, post, patched) = (Method::GET, Method::POST, Method::PATCH);
    for (method, path, body) in [
        (post.clone(), "/Users", user("ANN")),
        (post.clone(), "/Users", user("Ben")),
        (post.clone(), "/Groups", sales.clone()),
        (Method::PUT, &format!("/Groups/{of_group}"), sales),
        (post.clone(), "/Users", json!({"schemas": [USER]})),
        (post.clone(), "/Users", odd),
        (
            patched.clone(),
            &one,
            patch(json!({"op": "replace", "path": "id", "value": "x"})),
        ),
        (post.clone(), "/Users", json!([])),
        (post.clone(), "/Bulk", bulk),
        (
            get.clone(),
            "/Users?filter=userName%20is%20%22a%22",
            Value::Null,
        ),
        (get.clone(), "/Users?cursor=x", Value::Null),
        (get.clone(), "/Robots", Value::Null),
        (get.clone(), "/Me", Value::Null),
        (get.clone(), "/Users/Users", Value::Null),
        (Method::DELETE, "/Users/x", Value::Null),
        (
            post.clone(),
            "/Users",
            json!({"schemas": [USER], "userName": "x", "shoeSize": 1}),
        ),
        (
            post.clone(),
            "/Groups",
            json!({"schemas": [GROUP], "displayName": "m", "members": [{"value": "x"}]}),
        ),
    ] {
        made.ask(server, method, path, body).await;
    }
    let late = &[("if-match", "W/\"9\"")][..];
    server
        .client()
        .send(Method::DELETE, &one, None, late)
        .await
        .expect(412);
    made.look(server).await;
}

async fn tokens(server: &Server, made: &mut Collected) {
    let token = server.token.clone();
    made.send(server, "/scim/Users", &format!("Bearer {token}"))
        .await;
    for value in [
        token.clone(),
        format!("Bearer Bearer {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer {token}."),
    ] {
        made.send(server, "/scim/v2/Users", &value).await;
    }
    let basic = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("okta:{token}"),
    );
    made.send(server, "/scim/v2/Users", &format!("Basic {basic}"))
        .await;
    server.tenant("acme", &TenantChange::default()).await;
    made.send(server, "/t/acme/scim/v2/Users", &format!("Bearer {token}"))
        .await;
    let issue = |scope, seconds| {
        server
            .operator
            .issue_token("default", "two", scope, seconds)
    };
    let reading = issue(TokenScope::ReadOnly, None).await.unwrap();
    let by_it = server.by(reading.text.expose_secret());
    by_it.post("/Users", user("carl")).await.expect(403);
    made.look(server).await;
    server.operator.revoke_token(&reading.id).await.unwrap();
    by_it.get("/Users").await.expect(401);
    made.look(server).await;
    let ended = issue(TokenScope::ReadWrite, Some(0)).await.unwrap();
    server
        .by(ended.text.expose_secret())
        .get("/Users")
        .await
        .expect(401);
    made.look(server).await;
}

/// Settings of the tenant and of the server.
async fn limits(server: &Server, made: &mut Collected) {
    let members: Vec<_> = (0..10_001)
        .map(|i| json!({"value": i.to_string()}))
        .collect();
    let operations = json!([{"op": "add", "path": "members", "value": members}]);
    server.patch("/Groups/x", operations).await.expect(400);
    made.look(server).await;
    let email = TenantChange {
        username_format: Some(UsernameFormat::Email),
        ..TenantChange::default()
    };
    change(server, email).await;
    made.ask(server, Method::POST, "/Users", user("dan")).await;
    let strict = TenantChange {
        conformance: Some(Conformance::Rfc),
        seats: Some(Some(1)),
        ..TenantChange::default()
    };
    change(server, strict).await;
    made.ask(server, Method::POST, "/Users", user("eve@example.com"))
        .await;
    let http = HttpSettings {
        body_bytes: 100,
        requests_per_second: 25,
        burst: 3,
        ..HttpSettings::default()
    };
    let badge: Value = json!({"id": "urn:example:Badge", "name": "Badge", "attributes": [
        {"name": "number", "type": "string", "multiValued": false, "uniqueness": "server"}]});
    let small = server
        .other(Options {
            http,
            ..Options::default()
        })
        .await;
    made.ask(&small, Method::POST, "/Users", user(&"a".repeat(200)))
        .await;
    while small.get("/Users").await.status == 200 {}
    made.look(&small).await;
    unique_values(server, made, badge).await;
    let suspended = TenantChange {
        status: Some(Status::Suspended),
        ..TenantChange::default()
    };
    change(server, suspended).await;
    made.ask(server, Method::GET, "/Users", Value::Null).await;
}

/// Two resources with one value of an own attribute that must be unique.
async fn unique_values(server: &Server, made: &mut Collected, schema: Value) {
    let resource_type = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "Badge", "name": "Badge", "endpoint": "/Badges", "schema": schema["id"]});
    let schema = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema["id"], "name": schema["name"], "attributes": schema["attributes"]});
    let file = |origin: &str, content: &Value| SchemaFile {
        origin: origin.into(),
        text: content.to_string(),
    };
    let with_badges = server
        .other(Options {
            schema_files: Some(vec![
                file("badge.json", &schema),
                file("badge_type.json", &resource_type),
            ]),
            ..Options::default()
        })
        .await;
    let badge = json!({"schemas": ["urn:example:Badge"], "number": "7"});
    with_badges.post("/Badges", badge.clone()).await.expect(201);
    made.ask(&with_badges, Method::POST, "/Badges", badge).await;
}

fn texts_name_what_happened(made: &Collected) {
    for (reason, turn, summary) in [
        (
            "seats.full",
            Responsible::Vendor,
            "The user was not created: all seats are taken.",
        ),
        (
            "user.exists",
            Responsible::Customer,
            "The user was not created: another active user has the same name.",
        ),
        (
            "group.exists",
            Responsible::Customer,
            "The group was not created: another group has the same name.",
        ),
        (
            "attribute.unknown",
            Responsible::Vendor,
            "The user was created: attributes that no schema declares were left out: shoeSize.",
        ),
        (
            "path.base",
            Responsible::Customer,
            "The request was refused: it was sent to `/scim/Users`, outside the base path.",
        ),
        (
            "token.expired",
            Responsible::Customer,
            "The list of users was not read: the token \"two\" has expired.",
        ),
        (
            "rate.limited",
            Responsible::Nobody,
            "The request was refused: too many requests were sent in a short time.",
        ),
        (
            "value.exists",
            Responsible::Customer,
            "The badge was not created: another resource has the same value, which must be unique.",
        ),
    ] {
        let found = made.explanation(reason);
        assert_eq!(found.turn, turn, "{reason}");
        assert!(
            found.summary.starts_with(summary),
            "{reason}: {}",
            found.summary
        );
    }
    let mut entry = made.0["user.exists"].clone();
    let retry = |entry: &LoggedRequest| Explanation::of(entry).unwrap().retry;
    entry.client = Some("Okta SCIM Client 1.0.0".to_owned());
    assert!(retry(&entry).starts_with("Okta does not repeat"));
    assert!(!Explanation::of(&entry).unwrap().tell.contains("Entra"));
    entry.client = None;
    assert!(retry(&entry).contains("Entra ID does"));
    entry.outcome = Some(Outcome::Ok);
    assert_eq!(Explanation::of(&entry), None);
    entry.outcome = None;
    assert_eq!(Explanation::of(&entry), None);
}
