//! Meaning, outcome and reason of a request in the log.

use super::{found, last, logged};
use crate::harness::{GROUP, Options, Server, USER, user};
use reqwest::Method;
use scimd::reason::Reason;
use scimd::resource::Conformance;
use scimd::scim_api::HttpSettings;
use scimd::store::{
    LogQuery, LoggedRequest, Outcome, Status, TenantChange, TokenScope, UsernameFormat,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

crate::on_both!(
    requests_say_what_they_mean,
    operations_say_what_they_mean,
    refusals_have_a_reason,
    limits_say_why,
    tokens_say_why,
    failures_of_all_tenants_are_found,
    a_bulk_request_is_as_bad_as_its_worst_operation,
    errors_for_the_vendor_have_the_contact,
);

fn summary(row: &LoggedRequest) -> (&str, &str, &str) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default().leak() as &str;
    (
        text(&row.action),
        row.outcome.map_or("", Outcome::as_str),
        text(&row.reason),
    )
}

async fn last_summary(server: &Server) -> (&'static str, &'static str, &'static str) {
    let row = last(server).await;
    let (action, outcome, reason) = summary(Box::leak(Box::new(row)));
    (action, outcome, reason)
}

async fn requests_say_what_they_mean(server: Server) {
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    for (path, status, action) in [
        ("/Users?startIndex=1&count=2", 200, "connection.test"),
        (
            "/Users?filter=userName%20eq%20%22f4c1c6a2-6a05-4e6e-8e0b-a1b2c3d4e5f6%22",
            200,
            "connection.test",
        ),
        (
            "/Users?filter=userName%20eq%20%22ann%22",
            200,
            "user.lookup",
        ),
        (
            "/Users?filter=emails%5Bvalue%20eq%20%22a%40x%22%5D",
            200,
            "user.lookup",
        ),
        ("/Users?filter=userName%20sw%20%22a%22", 200, "user.list"),
        ("/Users?startIndex=1&count=100", 200, "user.list"),
        ("/Groups?startIndex=1&count=2", 200, "group.list"),
        (
            "/Groups?filter=displayName%20eq%20%22g%22",
            200,
            "group.lookup",
        ),
        (&format!("/Users/{id}"), 200, "user.lookup"),
        ("/Users/nobody", 404, "user.lookup"),
        ("/ServiceProviderConfig", 200, "discovery"),
        ("/Schemas/urn:x", 404, "discovery"),
        ("/ResourceTypes", 200, "discovery"),
        ("/?filter=id%20pr", 200, "resource.list"),
    ] {
        server.get(path).await.expect(status);
        assert_eq!(last_summary(&server).await, (action, "ok", ""), "{path}");
    }
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "userName eq \"ann\""});
    server.post("/Users/.search", search).await.expect(200);
    assert_eq!(last_summary(&server).await, ("user.lookup", "ok", ""));
    server
        .client()
        .send(Method::OPTIONS, "/Users", None, &[])
        .await
        .expect(204);
    assert_eq!(last_summary(&server).await, ("", "ok", ""));
}

async fn operations_say_what_they_mean(server: Server) {
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    assert_eq!(last_summary(&server).await, ("user.create", "ok", ""));
    let one = format!("/Users/{id}");
    let put = |active: Value| json!({"schemas": [USER], "userName": "ann", "active": active});
    for (operations, action) in [
        (
            json!([{"op": "replace", "path": "nickName", "value": "A"}]),
            "user.change",
        ),
        (
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            "user.deactivate",
        ),
        (
            json!([{"op": "replace", "value": {"active": false}}]),
            "user.deactivate",
        ),
        (
            json!([{"op": "replace", "value": "{\"active\":true}"}]),
            "user.reactivate",
        ),
        (
            json!([{"op": "replace", "value": {"active": true, "nickName": "B"}}]),
            "user.change",
        ),
    ] {
        server.patch(&one, operations.clone()).await.expect(200);
        assert_eq!(
            last_summary(&server).await,
            (action, "ok", ""),
            "{operations}"
        );
    }
    for (active, action) in [
        (json!(true), "user.change"),
        (json!(false), "user.deactivate"),
        (json!(false), "user.change"),
        (json!(true), "user.reactivate"),
    ] {
        server.put(&one, put(active)).await.expect(200);
        assert_eq!(last_summary(&server).await.0, action);
    }
    server
        .patch(
            "/Users/x",
            json!([{"op": "replace", "path": "active", "value": false}]),
        )
        .await
        .expect(404);
    assert_eq!(
        last_summary(&server).await,
        ("user.deactivate", "refused", "resource.gone")
    );
    let made = server
        .post("/Groups", json!({"schemas": [GROUP], "displayName": "g"}))
        .await
        .expect(201)
        .id();
    assert_eq!(last_summary(&server).await, ("group.create", "ok", ""));
    let group = format!("/Groups/{made}");
    for (operations, action) in [
        (
            json!([{"op": "add", "path": "members", "value": [{"value": id}]}]),
            "members.add",
        ),
        (
            json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]),
            "members.remove",
        ),
        (
            json!([{"op": "replace", "path": "members", "value": [{"value": id}]}]),
            "members.replace",
        ),
        (
            json!([{"op": "replace", "value": {"id": made, "displayName": "h"}}]),
            "group.rename",
        ),
        (
            json!([{"op": "replace", "path": "externalId", "value": "x"}]),
            "group.change",
        ),
    ] {
        server.patch(&group, operations.clone()).await.expect(204);
        assert_eq!(
            last_summary(&server).await,
            (action, "ok", ""),
            "{operations}"
        );
    }
    let members = json!({"schemas": [GROUP], "displayName": "h", "members": [{"value": id}]});
    server.put(&group, members).await.expect(200);
    assert_eq!(last_summary(&server).await.0, "members.replace");
    server
        .put(&group, json!({"schemas": [GROUP], "displayName": "i"}))
        .await
        .expect(200);
    assert_eq!(last_summary(&server).await.0, "group.rename");
    server.delete(&group).await.expect(204);
    assert_eq!(last_summary(&server).await.0, "group.delete");
    server.delete(&one).await.expect(204);
    assert_eq!(last_summary(&server).await.0, "user.delete");
    server.delete(&one).await.expect(404);
    assert_eq!(
        last_summary(&server).await,
        ("user.delete", "refused", "resource.gone")
    );
}

/// Each reason is requested separately; the status of the response is checked before the log entry.
async fn refusals_have_a_reason(server: Server) {
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let idle = json!({"schemas": [USER], "userName": "ben", "active": false});
    server.post("/Users", idle).await.expect(201);
    server
        .post("/Groups", json!({"schemas": [GROUP], "displayName": "g"}))
        .await
        .expect(201);
    let one = format!("/Users/{id}");
    let patched = |operation: Value| {
        (
            Method::PATCH,
            one.clone(),
            json!({"schemas":
        ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}),
        )
    };
    let post = |path: &str, body: Value| (Method::POST, path.to_owned(), body);
    let get = |path: &str| (Method::GET, path.to_owned(), Value::Null);
    for ((method, path, body), status, expected) in [
        (
            post("/Users", user("ANN")),
            409,
            ("user.create", "refused", "user.exists"),
        ),
        (
            post("/Users", user("Ben")),
            409,
            ("user.create", "refused", "user.exists-inactive"),
        ),
        (
            patched(json!({"op": "replace", "path": "userName", "value": "ben"})),
            409,
            ("user.change", "refused", "user.exists-inactive"),
        ),
        (
            post("/Groups", json!({"schemas": [GROUP], "displayName": "G"})),
            409,
            ("group.create", "refused", "group.exists"),
        ),
        (
            post("/Users", json!({"schemas": [USER]})),
            400,
            ("user.create", "refused", "required.missing"),
        ),
        (
            post(
                "/Users",
                json!({"schemas": [USER], "userName": ["a", {"b": 1}]}),
            ),
            400,
            ("user.create", "refused", "value.invalid"),
        ),
        (
            patched(json!({"op": "replace", "path": "id", "value": "x"})),
            400,
            ("user.change", "refused", "mutability"),
        ),
        (
            patched(json!({"op": "jump"})),
            400,
            ("user.change", "refused", "message.invalid"),
        ),
        (
            post("/Users", json!([])),
            400,
            ("user.create", "refused", "message.invalid"),
        ),
        (
            get("/Users?filter=userName%20is%20%22a%22"),
            400,
            ("user.list", "refused", "filter.invalid"),
        ),
        (
            get("/Users?filter=nobody%20eq%20%22a%22"),
            400,
            ("user.list", "refused", "filter.invalid"),
        ),
        (
            get("/Users?cursor=x"),
            400,
            ("user.list", "refused", "cursor.invalid"),
        ),
        (get("/Robots"), 404, ("", "refused", "endpoint.unknown")),
        (
            post(&one, user("x")),
            405,
            ("", "refused", "method.unsupported"),
        ),
        (get("/Me"), 501, ("", "refused", "method.unsupported")),
        (get("/v1/Users"), 400, ("", "refused", "path.base")),
        (
            get("/Users/Users"),
            404,
            ("", "refused", "path.users-twice"),
        ),
        (
            get(&format!("/Users/Users/{id}")),
            404,
            ("", "refused", "path.users-twice"),
        ),
        (
            post(
                "/Users",
                json!({"schemas": [USER], "userName": "x", "shoe": 1}),
            ),
            201,
            ("user.create", "noted", "attribute.unknown"),
        ),
        (
            post(
                "/Groups",
                json!({"schemas": [GROUP], "displayName": "m", "members": [{"value": "x"}]}),
            ),
            201,
            ("group.create", "noted", "member.unknown"),
        ),
    ] {
        let body = (!body.is_null()).then_some(body);
        server
            .client()
            .send(method.clone(), &path, body, &[])
            .await
            .expect(status);
        assert_eq!(last_summary(&server).await, expected, "{method} {path}");
    }
    server
        .client()
        .send(Method::DELETE, &one, None, &[("if-match", "W/\"9\"")])
        .await
        .expect(412);
    assert_eq!(
        last_summary(&server).await,
        ("user.delete", "refused", "version.conflict")
    );
}

async fn limits_say_why(server: Server) {
    let email = TenantChange {
        username_format: Some(UsernameFormat::Email),
        ..TenantChange::default()
    };
    server.change_tenant("default", &email).await;
    server.post("/Users", user("ann")).await.expect(400);
    assert_eq!(
        last_summary(&server).await,
        ("user.create", "refused", "username.format")
    );
    let rfc = TenantChange {
        conformance: Some(Conformance::Rfc),
        seats: Some(Some(0)),
        ..TenantChange::default()
    };
    server.change_tenant("default", &rfc).await;
    server
        .post("/Users", user("ann@example.com"))
        .await
        .expect(403);
    assert_eq!(
        last_summary(&server).await,
        ("user.create", "refused", "seats.full")
    );
    let group = json!({"schemas": [GROUP], "displayName": "g", "members": [{"value": "x"}]});
    server.post("/Groups", group).await.expect(400);
    assert_eq!(
        last_summary(&server).await,
        ("group.create", "refused", "member.unknown")
    );
    server
        .post(
            "/Users",
            json!({"schemas": [USER], "userName": "a@x", "shoe": 1}),
        )
        .await
        .expect(400);
    assert_eq!(
        last_summary(&server).await,
        ("user.create", "refused", "attribute.unknown")
    );
    let members: Vec<_> = (0..10_001)
        .map(|i| json!({"value": i.to_string()}))
        .collect();
    let operations = json!([{"op": "add", "path": "members", "value": members}]);
    server.patch("/Groups/x", operations).await.expect(400);
    assert_eq!(
        last_summary(&server).await,
        ("members.add", "refused", "members.too-many")
    );
    let http = HttpSettings {
        body_bytes: 100,
        requests_per_second: 25,
        burst: 3,
        ..HttpSettings::default()
    };
    let small = server
        .other(Options {
            http,
            ..Options::default()
        })
        .await;
    small
        .post("/Users", user(&"a".repeat(200)))
        .await
        .expect(413);
    assert_eq!(
        last_summary(&small).await,
        ("user.create", "refused", "too-large")
    );
    while small.get("/Users").await.status == 200 {}
    assert_eq!(last_summary(&small).await.1, "refused");
    assert_eq!(last_summary(&small).await.2, "rate.limited");
}

async fn tokens_say_why(server: Server) {
    let issue = |scope| server.operator.issue_token("default", "one", scope, None);
    let issued = issue(TokenScope::ReadOnly).await.unwrap();
    server
        .by(issued.text.expose_secret())
        .post("/Users", user("ann"))
        .await
        .expect(403);
    assert_eq!(
        last_summary(&server).await,
        ("user.create", "refused", "token.scope")
    );
    server.operator.revoke_token(&issued.id).await.unwrap();
    server
        .by(issued.text.expose_secret())
        .delete("/Users/x")
        .await
        .expect(401);
    assert_eq!(
        last_summary(&server).await,
        ("user.delete", "refused", "token.revoked")
    );
    let ended = server
        .operator
        .issue_token("default", "two", TokenScope::ReadWrite, Some(0))
        .await
        .unwrap();
    server
        .by(ended.text.expose_secret())
        .get("/Groups")
        .await
        .expect(401);
    assert_eq!(
        last_summary(&server).await,
        ("group.list", "refused", "token.expired")
    );
    let status = |status| TenantChange {
        status: Some(status),
        ..TenantChange::default()
    };
    server
        .change_tenant("default", &status(Status::Suspended))
        .await;
    server.get("/Users").await.expect(403);
    assert_eq!(
        last_summary(&server).await,
        ("user.list", "refused", "tenant.suspended")
    );
}

async fn failures_of_all_tenants_are_found(server: Server) {
    let acme = server.tenant("acme", &TenantChange::default()).await;
    server.get("/Users/x").await.expect(404);
    server.delete("/Users/x").await.expect(404);
    server.by(&acme).post("/Users", json!({})).await.expect(400);
    server.get("/Users").await.expect(200);
    server.delete("/Groups/x").await.expect(404);
    server.service.recorder().finish().await;
    let query = |limit| LogQuery {
        failed: true,
        limit,
        ..LogQuery::default()
    };
    let all = server.operator.failed_requests(&query(10)).await.unwrap();
    let shown: Vec<_> = all
        .iter()
        .map(|failed| {
            (
                &*failed.tenant,
                &*failed.request.method,
                failed.request.status,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("default", "DELETE", 404),
            ("acme", "POST", 400),
            ("default", "DELETE", 404)
        ]
    );
    let latest = server.operator.failed_requests(&query(1)).await.unwrap();
    assert_eq!(latest[0].request.route, "/Groups/{id}");
    let later = LogQuery {
        after: Some(all[1].entry),
        ..query(10)
    };
    assert_eq!(
        server.operator.failed_requests(&later).await.unwrap().len(),
        1
    );
    assert_eq!(found(&server, "default", &query(10)).await.len(), 2);
    assert_eq!(logged(&server, "default").await.len(), 4);
}

async fn a_bulk_request_is_as_bad_as_its_worst_operation(server: Server) {
    let bulk = |operations: Value| {
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations})
    };
    let create = |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": user(name)});
    server
        .post("/Bulk", bulk(json!([create("ann"), create("ben")])))
        .await
        .expect(200);
    assert_eq!(last_summary(&server).await, ("bulk", "ok", ""));
    server
        .post(
            "/Bulk",
            bulk(json!([create("ann"), {"method": "DELETE", "path": "/Users/x"}])),
        )
        .await
        .expect(200);
    assert_eq!(
        last_summary(&server).await,
        ("bulk", "refused", "user.exists")
    );
    let failed = LogQuery {
        failed: true,
        limit: 10,
        ..LogQuery::default()
    };
    assert_eq!(found(&server, "default", &failed).await.len(), 1);
    server
        .post("/Bulk", json!({"Operations": 1}))
        .await
        .expect(400);
    assert_eq!(
        last_summary(&server).await,
        ("bulk", "refused", "message.invalid")
    );
}

/// 401, 403 and 409 that only the vendor can fix end with the support contact; others do not.
async fn errors_for_the_vendor_have_the_contact(server: Server) {
    let support = Some("support@vendor.example".to_owned());
    let server = server
        .other(Options {
            support,
            ..Options::default()
        })
        .await;
    let detail = |body: &Value| body["detail"].as_str().unwrap_or_default().to_owned();
    let ended = server
        .operator
        .issue_token("default", "two", TokenScope::ReadWrite, Some(0))
        .await
        .unwrap();
    let answer = server
        .by(ended.text.expose_secret())
        .get("/Users")
        .await
        .expect(401);
    assert!(
        detail(&answer.body).ends_with(" Contact: support@vendor.example"),
        "{}",
        answer.body
    );
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .contains("support@vendor.example")
    );
    assert!(
        !last(&server)
            .await
            .detail
            .unwrap()
            .contains("vendor.example")
    );
    let own = TenantChange {
        support: Some(Some("https://help.acme.example/".to_owned())),
        seats: Some(Some(0)),
        ..TenantChange::default()
    };
    let acme = server.tenant("acme", &own).await;
    let refused = server
        .by(&acme)
        .post("/Users", user("ann"))
        .await
        .expect(403);
    assert!(
        detail(&refused.body).ends_with(" Contact: https://help.acme.example/"),
        "{}",
        refused.body
    );
    let group = json!({"schemas": [GROUP], "displayName": "g"});
    server
        .by(&acme)
        .post("/Groups", group.clone())
        .await
        .expect(201);
    let refused = server
        .by(&acme)
        .post("/Groups", group.clone())
        .await
        .expect(409);
    assert!(
        detail(&refused.body).contains("https://help.acme.example/"),
        "{}",
        refused.body
    );
    let operation = json!({"method": "POST", "path": "/Groups", "bulkId": "1", "data": group});
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]});
    let bulk = server.by(&acme).post("/Bulk", body).await.expect(200).body;
    assert!(
        detail(&bulk["Operations"][0]["response"]).contains("https://help.acme.example/"),
        "{bulk}"
    );
    for (path, status) in [("/Users/x", 404), ("/Users?filter=x", 400)] {
        assert!(!detail(&server.get(path).await.expect(status).body).contains("Contact"));
    }
    server.post("/Users", user("ann")).await.expect(201);
    assert!(
        !detail(&server.post("/Users", user("ann")).await.expect(409).body).contains("Contact")
    );
    assert!(Reason::KEYWORDS.iter().all(|word| !word.contains(' ')));
}
