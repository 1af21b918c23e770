//! The request log: which parts of a tenant's requests are stored, and which are not.

mod bodies;
mod command;
mod explanations;
mod near_misses;
mod reasons;
mod search;
mod streams;
mod users;

use crate::harness::{Client, Database, ENTERPRISE, GROUP, Options, Server, USER, noon, user};
use reqwest::Method;
use scimd::clock::Clock;
use scimd::operator::OperatorError;
use scimd::request_log::{NoteText, Record, Shape};
use scimd::schema::Type;
use scimd::store::{
    LogPosition, LogQuery, LoggedRequest, PutWithoutMembers, Status, TenantChange, TokenScope,
};
use secrecy::ExposeSecret;
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

crate::on_both!(
    every_request_leaves_a_row,
    failures_say_why,
    ignored_parts_are_logged,
    a_put_without_members_is_noted,
    unknown_attributes_are_counted,
    failed_bulk_operations_are_logged,
    refusals_of_invalid_tokens_are_logged_in_the_tenant,
    no_value_is_stored,
    old_requests_are_forgotten,
    a_tenant_sees_its_own_alone,
);
crate::on_pooler!(
    every_request_leaves_a_row,
    failures_say_why,
    ignored_parts_are_logged,
    unknown_attributes_are_counted,
    failed_bulk_operations_are_logged,
    refusals_of_invalid_tokens_are_logged_in_the_tenant,
    no_value_is_stored,
    old_requests_are_forgotten,
    a_tenant_sees_its_own_alone,
);

/// Log entries of a tenant, after all are written.
async fn logged(server: &Server, tenant: &str) -> Vec<LoggedRequest> {
    found(
        server,
        tenant,
        &LogQuery {
            limit: 1000,
            ..LogQuery::default()
        },
    )
    .await
}

async fn found(server: &Server, tenant: &str, query: &LogQuery) -> Vec<LoggedRequest> {
    server.service.recorder().finish().await;
    let found: Vec<(LogPosition, LoggedRequest)> =
        server.operator.requests(tenant, query).await.unwrap();
    assert!(found.is_sorted_by_key(|(entry, request)| (request.at, *entry)));
    found.into_iter().map(|(_, request)| request).collect()
}

/// Log entries about a user.
async fn about(server: &Server, tenant: &str, user: &str) -> Vec<LoggedRequest> {
    // The log has the ids of deleted users.
    server.service.recorder().finish().await;
    let user = server.operator.logged_user(tenant, user).await.unwrap();
    found(
        server,
        tenant,
        &LogQuery {
            user: Some(user),
            limit: 1000,
            ..LogQuery::default()
        },
    )
    .await
}

/// The last request, after it is written.
async fn last(server: &Server) -> LoggedRequest {
    logged(server, "default").await.pop().unwrap()
}

fn notes_of(request: &LoggedRequest) -> Vec<String> {
    NoteText::read(request.notes.as_deref().unwrap_or("[]"))
        .iter()
        .map(ToString::to_string)
        .collect()
}

async fn every_request_leaves_a_row(server: Server) {
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let one = format!("/Users/{id}");
    server.get(&one).await.expect(200);
    server
        .patch(
            &one,
            json!([{"op": "replace", "value": {"active": false, "nickName": "A"}}]),
        )
        .await
        .expect(200);
    server.put(&one, user("Ann")).await.expect(200);
    let members = json!({"schemas": [GROUP], "displayName": "g", "members": [{"value": id}]});
    let group = server.post("/Groups", members).await.expect(201).id();
    server
        .patch(
            &format!("/Groups/{group}"),
            json!([{"op": "remove", "path": "members"}]),
        )
        .await
        .expect(204);
    server
        .get("/Users?filter=userName%20eq%20%22ann%22%20and%20emails%5Btype%20eq%20%22work%22%5D")
        .await
        .expect(200);
    server.get("/Schemas").await.expect(200);
    server
        .client()
        .send(
            Method::GET,
            "/Me",
            None,
            &[("user-agent", "Okta é 1.0"), ("x-request-id", "r-1")],
        )
        .await;
    server.delete(&one).await.expect(204);
    let rows = logged(&server, "default").await;
    let shown: Vec<_> = rows
        .iter()
        .map(|r| {
            (
                &*r.method,
                &*r.route,
                r.status,
                r.resource.is_some(),
                r.changed.as_deref().unwrap_or(""),
            )
        })
        .collect();
    let expected = [
        ("POST", "/Users", 201, true, "userName,active"),
        ("GET", "/Users/{id}", 200, true, ""),
        ("PATCH", "/Users/{id}", 200, true, "active,nickName"),
        ("PUT", "/Users/{id}", 200, true, "userName,nickName"),
        ("POST", "/Groups", 201, true, "displayName,members"),
        ("PATCH", "/Groups/{id}", 204, true, "members"),
        ("GET", "/Users", 200, false, ""),
        ("GET", "/Schemas", 200, false, ""),
        ("GET", "/Me", 501, false, ""),
        ("DELETE", "/Users/{id}", 204, true, ""),
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        rows[6].filter.as_deref(),
        Some("userName eq … and emails[type eq …]")
    );
    assert_eq!(
        (rows[8].client.as_deref(), &*rows[8].request_id),
        (Some("Okta ?? 1.0"), "r-1")
    );
    assert!(
        rows.iter()
            .all(|row| &*row.token_name == "test" && row.micros > 0 && row.body.is_none())
    );
    assert!(rows.iter().all(|row| server.token.contains(&*row.token_id)));
    let named = about(&server, "default", &id).await;
    assert_eq!(named.len(), 5);
    assert_eq!(
        server
            .operator
            .user_id("default", &group)
            .await
            .unwrap()
            .to_string(),
        group
    );
    assert!(matches!(
        server.operator.user_id("default", "ann").await,
        Err(OperatorError::NoUser { .. })
    ));
}

async fn failures_say_why(server: Server) {
    server.post("/Users", user("ann")).await.expect(201);
    server
        .post("/Users", user("ANN"))
        .await
        .refused(409, "uniqueness");
    let row = last(&server).await;
    assert_eq!(
        (row.status, row.scim_type.as_deref()),
        (409, Some("uniqueness"))
    );
    assert!(
        row.detail
            .as_deref()
            .unwrap()
            .contains("same \"userName\" exists already"),
        "{row:?}"
    );
    server.delete("/Users/nobody").await.expect(404);
    server.get("/Users/nobody").await.expect(404);
    server
        .client()
        .send(Method::POST, "/Users", Some(json!([])), &[])
        .await
        .expect(400);
    let failed = LogQuery {
        failed: true,
        limit: 2,
        ..LogQuery::default()
    };
    let statuses: Vec<_> = found(&server, "default", &failed)
        .await
        .iter()
        .map(|row| row.status)
        .collect();
    assert_eq!(statuses, [404, 400]);
    let long = "x".repeat(500);
    server
        .client()
        .send(Method::GET, "/Users", None, &[("user-agent", &long)])
        .await
        .expect(200);
    assert_eq!(last(&server).await.client.unwrap().len(), 200);
}

async fn ignored_parts_are_logged(server: Server) {
    let body = json!({"schemas": [USER, "urn:acme:X"], "userName": "ann", "shoeSize": 42, "urn:acme:X": {"a": true}});
    let id = server.post("/Users", body.clone()).await.expect(201).id();
    let expected = [
        "left out: attributes that no schema declares: shoeSize, urn:acme:X",
        "left out: schemas that the type does not have: urn:acme:X",
    ];
    assert_eq!(notes_of(&last(&server).await), expected);
    server.post("/Users", body).await.refused(409, "uniqueness");
    assert_eq!(
        notes_of(&last(&server).await),
        expected,
        "a refused request leaves out as much"
    );
    server
        .patch(
            &format!("/Users/{id}"),
            json!([{"op": "add", "value": {"name.x": 1}}]),
        )
        .await
        .expect(200);
    assert_eq!(
        notes_of(&last(&server).await),
        ["left out: attributes that no schema declares: name.x"]
    );
    let operations = json!([
        {"op": "add", "path": "urn:acme:X:level", "value": 3},
        {"op": "remove", "path": "active"},
        {"op": "add", "value": {"employeeNumber": 7}},
    ]);
    server
        .patch(&format!("/Users/{id}"), operations)
        .await
        .expect(200);
    let expected = [
        "left out: attributes that no schema declares: urn:acme:X:level".to_owned(),
        format!("left out: values that do not fit their attribute: {ENTERPRISE}:employeeNumber"),
        "left out: the removal of values that stay: active".to_owned(),
    ];
    assert_eq!(notes_of(&last(&server).await), expected);
    let nothing = json!([{"op": "add", "path": "shoeSize", "value": 44}]);
    server
        .patch(&format!("/Users/{id}"), nothing)
        .await
        .refused(400, "invalidPath");
    assert_eq!(
        notes_of(&last(&server).await),
        ["left out: attributes that no schema declares: shoeSize"]
    );
    let members: Vec<_> = (0..150)
        .map(|i| json!({"value": format!("m{i}")}))
        .collect();
    let group = json!({"schemas": [GROUP], "displayName": "g", "members": members});
    server.post("/Groups", group).await.expect(201);
    let notes_of = notes_of(&last(&server).await);
    assert!(
        notes_of[0].starts_with("left out: members that do not exist: m0, m1, "),
        "{notes_of:?}"
    );
    assert_eq!(notes_of[1], "and 50 more");
}

async fn a_put_without_members_is_noted(server: Server) {
    let user = server.post("/Users", user("ann")).await.expect(201).id();
    let sales = json!({"schemas": [GROUP], "displayName": "Sales"});
    let path = format!(
        "/Groups/{}",
        server.post("/Groups", sales.clone()).await.expect(201).id()
    );
    server.put(&path, sales.clone()).await.expect(200);
    assert_eq!(
        notes_of(&last(&server).await),
        [""; 0],
        "there is nobody to keep"
    );
    let add = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
    server.patch(&path, add).await.expect(204);
    let expected = [
        "a PUT without members of a resource that has some: the setting put-without-members decides whether they stay",
    ];
    for (policy, left) in [(PutWithoutMembers::Keep, 1), (PutWithoutMembers::Clear, 0)] {
        let change = TenantChange {
            put_without_members: Some(policy),
            ..TenantChange::default()
        };
        server.change_tenant("default", &change).await;
        let shown = server.put(&path, sales.clone()).await.expect(200).body;
        assert_eq!(notes_of(&last(&server).await), expected);
        assert_eq!(
            shown["members"].as_array().unwrap().len(),
            left,
            "{policy:?}"
        );
    }
}

async fn unknown_attributes_are_counted(server: Server) {
    for (i, size) in [json!(42), json!(42.5), json!([41])]
        .into_iter()
        .enumerate()
    {
        let body = json!({"schemas": [USER], "userName": format!("u{i}"), "shoeSize": size,
            "urn:acme:X": {"badge": {"n": 1}, "tags": ["a"]}});
        server.post("/Users", body).await.expect(201);
    }
    server
        .post(
            "/Groups",
            json!({"schemas": [GROUP], "displayName": "g", "ShoeSize": null}),
        )
        .await
        .expect(201);
    server.service.recorder().finish().await;
    let unknown = server.operator.unknown_attributes("default").await.unwrap();
    let shown: Vec<_> = unknown
        .iter()
        .map(|one| (&*one.resource_type, &*one.name, one.count))
        .collect();
    assert_eq!(
        shown,
        [
            ("User", "shoeSize", 3),
            ("User", "urn:acme:X", 3),
            ("Group", "ShoeSize", 1)
        ]
    );
    let size = Shape {
        kind: Some(Type::Decimal),
        multi_valued: true,
        sub_attributes: vec![],
    };
    assert_eq!(unknown[0].shape, size);
    let [(badge, badge_shape), (tags, tags_shape)] = &unknown[1].shape.sub_attributes[..] else {
        panic!("{unknown:?}")
    };
    assert_eq!((&**badge, &**tags), ("badge", "tags"));
    assert_eq!(badge_shape.sub_attributes[0].1.kind, Some(Type::Integer));
    assert!(tags_shape.multi_valued && tags_shape.kind == Some(Type::String));
    assert_eq!(unknown[2].shape, Shape::default());
    assert!(unknown[0].last >= unknown[1].last);
}

async fn failed_bulk_operations_are_logged(server: Server) {
    let operation = |name: &str, id: &str| json!({"method": "POST", "path": "/Users", "bulkId": id, "data": user(name)});
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [operation("ann", "1"), operation("ANN", "2"), {"method": "DELETE", "path": "/Users/x"}]});
    server.post("/Bulk", body).await.expect(200);
    let row = last(&server).await;
    assert_eq!((row.status, &*row.route), (200, "/Bulk"));
    let notes_of = notes_of(&row);
    assert!(
        notes_of[0].starts_with("operation 2: 409 uniqueness: A User with the same"),
        "{notes_of:?}"
    );
    assert!(
        notes_of[1].starts_with("operation 3: 404: "),
        "{notes_of:?}"
    );
}

async fn refusals_of_invalid_tokens_are_logged_in_the_tenant(server: Server) {
    let issue = |seconds| {
        server
            .operator
            .issue_token("default", "old", TokenScope::ReadWrite, seconds)
    };
    let revoked = issue(None).await.unwrap();
    server.operator.revoke_token(&revoked.id).await.unwrap();
    server
        .by(revoked.text.expose_secret())
        .get("/Users")
        .await
        .expect(401);
    let row = last(&server).await;
    assert_eq!(
        (&*row.token_name, row.status, &*row.token_id),
        ("old", 401, &*revoked.id)
    );
    assert!(row.detail.unwrap().contains("revoked"));
    let status = |status| TenantChange {
        status: Some(status),
        ..TenantChange::default()
    };
    server
        .change_tenant("default", &status(Status::Suspended))
        .await;
    server.get("/Users").await.expect(403);
    server
        .change_tenant("default", &status(Status::Active))
        .await;
    assert!(last(&server).await.detail.unwrap().contains("suspended"));
    let before = logged(&server, "default").await.len();
    let mut forged = server.token.clone();
    forged.replace_range(forged.len() - 10..forged.len() - 8, "zz");
    for unknown in [&*forged, "scimd_x_y", "", "a"] {
        server.by(unknown).get("/Users").await.expect(401);
    }
    assert_eq!(logged(&server, "default").await.len(), before);
}

/// Sends values of every kind, in places of every kind.
async fn plant(client: &Client<'_>, secret: &str) {
    let id = client
        .post("/Users", user(&format!("u{secret}")))
        .await
        .expect(201)
        .id();
    let one = format!("/Users/{id}");
    let all = json!({"schemas": [USER], "userName": secret, "password": secret, "nickName": secret, "shoe": secret,
        "name": {"familyName": secret, "x": secret}, "emails": [{"value": secret}], "active": secret});
    client.put(&one, all.clone()).await.expect(400);
    client.post("/Users", all).await;
    for operations in [
        json!([{"op": "add", "path": "password", "value": secret}]),
        json!([{"op": "add", "path": format!("emails[value eq \"{secret}\"].type"), "value": secret}]),
        json!([{"op": "replace", "path": format!("emails[value xx \"{secret}\"]"), "value": 1}]),
        json!([{"op": "replace", "path": format!("emails[value eq {secret}]"), "value": 1}]),
        json!([{"op": "replace", "path": format!("emails[primary eq \"{secret}\"]"), "value": 1}]),
        json!([{"op": "replace", "path": format!("emails[value eq \"{secret}\"]x"), "value": 1}]),
        json!([{"op": secret, "path": "nickName", "value": secret}]),
        json!([{"op": "add", "path": "active", "value": secret}]),
    ] {
        client.patch(&one, operations).await;
    }
    let group = json!({"schemas": [GROUP], "displayName": secret, "members": [{"value": format!("{secret} x@y")}]});
    client.post("/Groups", group.clone()).await;
    client.post("/Groups", group).await;
    for query in [
        format!("filter=userName%20eq%20%22{secret}%22"),
        format!("filter=userName%20eq%20{secret}"),
        format!("filter=active%20eq%20%22{secret}%22"),
        format!("filter=userName%20eq%20%22{secret}"),
        format!("filter=meta.created%20gt%20%22{secret}%22"),
        format!("filter=userName%20{secret}%20%22x%22"),
        format!("sortBy=userName&sortOrder={secret}"),
        format!("sortBy={secret}"),
        format!("startIndex={secret}"),
        format!("cursor={secret}"),
        format!("attributes={secret}"),
    ] {
        client.get(&format!("/Users?{query}")).await;
    }
    for path in [
        format!("/Users/{secret}"),
        format!("/{secret}"),
        format!("/Schemas/{secret}"),
    ] {
        client.get(&path).await.expect(404);
    }
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": format!("/{secret}"), "bulkId": secret, "data": user(secret)},
        {"method": "PUT", "path": format!("/Users/bulkId:{secret}"), "data": user(secret)}]});
    client.post("/Bulk", bulk).await.expect(200);
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": format!("emails.value co \"{secret}\"")});
    client.post("/Users/.search", search).await.expect(200);
}

async fn no_value_is_stored(server: Server) {
    let strict = TenantChange {
        conformance: Some(scimd::resource::Conformance::Rfc),
        ..TenantChange::default()
    };
    let rfc = server.tenant("rfc", &strict).await;
    plant(&server.client(), "Zq7Planted").await;
    plant(&server.by(&rfc), "Zq7Planted").await;
    for tenant in ["default", "rfc"] {
        let rows = logged(&server, tenant).await;
        assert!(rows.len() > 25);
        for row in rows {
            assert!(
                !format!("{row:?}").to_lowercase().contains("zq7planted"),
                "{row:?}"
            );
        }
    }
}

async fn old_requests_are_forgotten(server: Server) {
    let options = Options {
        clock: Clock::standing(noon()),
        ..Options::default()
    };
    let server = server.other(options).await;
    let until = server.clock.now().plus_seconds(3600);
    server
        .operator
        .keep_bodies("default", Some(until))
        .await
        .unwrap();
    for i in 0..5 {
        server
            .post("/Users", user(&format!("u{i}")))
            .await
            .expect(201);
    }
    assert_eq!(logged(&server, "default").await.len(), 5);
    server.clock.advance(86_400 * 3 + 60);
    server.get("/Users").await.expect(200);
    assert_eq!(logged(&server, "default").await.len(), 6);
    assert_eq!(server.operator.forget_requests(4).await.unwrap(), 0);
    assert_eq!(server.operator.forget_requests(3).await.unwrap(), 5);
    assert_eq!(logged(&server, "default").await.len(), 1);
    assert_eq!(
        server
            .number("select count(*) from provisioning_body")
            .await,
        0
    );
    let since = LogQuery {
        since: Some(server.clock.now()),
        limit: 10,
        ..LogQuery::default()
    };
    assert_eq!(found(&server, "default", &since).await.len(), 1);
    server.clock.advance(60);
    let since = LogQuery {
        since: Some(server.clock.now()),
        limit: 10,
        ..LogQuery::default()
    };
    assert_eq!(found(&server, "default", &since).await.len(), 0);
}

async fn a_tenant_sees_its_own_alone(server: Server) {
    let acme = server.tenant("acme", &TenantChange::default()).await;
    server.by(&acme).get("/Users").await.expect(200);
    server.get("/Groups").await.expect(200);
    assert_eq!(
        logged(&server, "acme")
            .await
            .iter()
            .map(|row| &*row.route)
            .collect::<Vec<_>>(),
        ["/Users"]
    );
    assert_eq!(
        logged(&server, "default")
            .await
            .iter()
            .map(|row| &*row.route)
            .collect::<Vec<_>>(),
        ["/Groups"]
    );
    assert!(matches!(
        server
            .operator
            .requests("nobody", &LogQuery::default())
            .await,
        Err(OperatorError::NoTenant(_))
    ));
    server.operator.delete_tenant("acme").await.unwrap();
    assert_eq!(server.number("select count(*) from provisioning").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_can_be_excluded() {
    for (record, expected) in [(Record::Changes, vec![201, 404]), (Record::None, vec![])] {
        let server = Server::with(
            Database::Sqlite,
            Options {
                record,
                ..Options::default()
            },
        )
        .await;
        server.post("/Users", user("ann")).await.expect(201);
        server.get("/Users").await.expect(200);
        server.get("/Users/x").await.expect(404);
        let statuses: Vec<_> = logged(&server, "default")
            .await
            .iter()
            .map(|row| row.status)
            .collect();
        assert_eq!(statuses, expected, "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_is_logged() {
    let server = Server::on(Database::Sqlite).await;
    let begun = json!({"schemas": [USER], "userName": "ann"}).to_string();
    let head = format!(
        "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 500\r\n\r\n{begun}",
        server.token
    );
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let row = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            match logged(&server, "default").await.pop() {
                Some(row) => return row,
                None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    let row = row.await.unwrap();
    assert!(matches!(row.status, 400 | 499), "{row:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_write_one_log() {
    let first = Server::on(Database::Postgres).await;
    let second = first.second().await;
    for i in 0..40 {
        let server = if i % 2 == 0 { &first } else { &second };
        server.get(&format!("/Users?count={i}")).await.expect(200);
    }
    second.service.recorder().finish().await;
    assert_eq!(logged(&first, "default").await.len(), 40);
}

/// If the log cannot be written, requests are served nevertheless.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_served_while_the_log_cannot_be_written() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = Server::on(database).await;
        server
            .run("alter table provisioning rename to provisioning_away")
            .await;
        for i in 0..20 {
            server
                .post("/Users", user(&format!("u{i}")))
                .await
                .expect(201);
        }
        server.service.recorder().finish().await;
        server
            .run("alter table provisioning_away rename to provisioning")
            .await;
        server.get("/Users").await.expect(200);
        let routes: Vec<_> = logged(&server, "default")
            .await
            .iter()
            .map(|row| row.method.clone())
            .collect();
        assert_eq!(
            routes,
            ["GET"],
            "what could not be written is not kept for ever"
        );
    }
}

/// The size of a row is limited, regardless of the input of the client.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_of_a_client_is_limited() {
    let server = Server::on(Database::Sqlite).await;
    let mut body = user("ann");
    for i in 0..200 {
        let inner: serde_json::Map<_, _> = (0..60)
            .map(|j| (format!("{}{j}", "n".repeat(60)), json!(j)))
            .collect();
        body[format!("made_up_{i}")] = inner.into();
    }
    server.post("/Users", body).await.expect(201);
    let clauses = vec!["emails[type eq \"work\"]"; 90]
        .join(" or ")
        .replace(' ', "%20")
        .replace('"', "%22");
    server
        .get(&format!("/Users?filter={clauses}"))
        .await
        .expect(200);
    let rows = logged(&server, "default").await;
    assert!(
        rows[0].notes.as_ref().unwrap().len() < 100_000
            && notes_of(&rows[0]).last().unwrap().ends_with(" more")
    );
    assert_eq!(rows[1].filter.as_ref().unwrap().chars().count(), 1024);
}
