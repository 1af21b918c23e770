//! Searching requests by the name of the affected user.

use super::{about, found, logged};
use crate::harness::{Options, Server, noon, user};
use scimd::clock::Clock;
use scimd::store::{LogQuery, LoggedRequest, TenantChange};
use serde_json::json;

crate::on_both!(
    a_name_finds_all_requests_about_the_user,
    a_name_finds_operations_of_a_bulk_request,
    a_name_finds_what_was_refused,
    a_name_finds_a_refused_query,
    a_name_is_of_its_tenant,
    names_go_with_their_requests,
    instances_over_one_database_make_equal_digests,
);

fn asked(rows: &[LoggedRequest]) -> Vec<(&str, u16)> {
    rows.iter().map(|row| (&*row.method, row.status)).collect()
}

/// The user is deleted in the end: only the digests of the name remain.
async fn a_name_finds_all_requests_about_the_user(server: Server) {
    let id = server.post("/Users", user("Ann")).await.expect(201).id();
    let one = format!("/Users/{id}");
    let other = server.post("/Users", user("ben")).await.expect(201).id();
    server
        .get("/Users?filter=userName%20eq%20%22ANN%22")
        .await
        .expect(200);
    server
        .get("/Users?filter=userName%20eq%20%22ben%22%20or%20userName%20eq%20%22ann%22")
        .await
        .expect(200);
    server.get("/Users").await.expect(200);
    server.get(&one).await.expect(200);
    server
        .patch(
            &one,
            json!([{"op": "replace", "path": "nickName", "value": "A"}]),
        )
        .await
        .expect(200);
    server
        .put(&format!("/Users/{other}"), user("ann"))
        .await
        .expect(409);
    server.delete(&one).await.expect(204);
    let expected = [
        ("POST", 201),
        ("GET", 200),
        ("GET", 200),
        ("GET", 200),
        ("PATCH", 200),
        ("PUT", 409),
        ("DELETE", 204),
    ];
    assert_eq!(asked(&about(&server, "default", "aNN").await), expected);
    assert_eq!(
        asked(&about(&server, "default", "ben").await),
        [("POST", 201), ("GET", 200), ("PUT", 409)]
    );
    assert!(about(&server, "default", "an").await.is_empty());
    let failed = LogQuery {
        user: Some(server.operator.logged_user("default", "ann").await.unwrap()),
        failed: true,
        limit: 10,
        ..LogQuery::default()
    };
    assert_eq!(
        asked(&found(&server, "default", &failed).await),
        [("PUT", 409)]
    );
    assert_eq!(about(&server, "default", &id).await.len(), 4, "by id");
}

async fn a_name_finds_operations_of_a_bulk_request(server: Server) {
    let id = server.post("/Users", user("carl")).await.expect(201).id();
    let operation = |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": user(name)});
    let patch = json!({"Operations": [{"op": "replace", "path": "nickName", "value": "C"}]});
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        operation("ann"), operation("ben"), operation("CARL"),
        {"method": "PATCH", "path": format!("/Users/{id}"), "data": patch}]});
    server.post("/Bulk", body).await.expect(200);
    for name in ["ann", "ben", "carl"] {
        let rows = about(&server, "default", name).await;
        let bulk = rows.iter().filter(|row| row.route == "/Bulk").count();
        assert_eq!(
            (bulk, rows.len()),
            (1, 1 + usize::from(name == "carl")),
            "{name}: {rows:?}"
        );
    }
}

async fn a_name_finds_what_was_refused(server: Server) {
    let seats = TenantChange {
        seats: Some(Some(0)),
        ..TenantChange::default()
    };
    server.change_tenant("default", &seats).await;
    server.post("/Users", user("ann")).await.expect(403);
    server
        .post("/Users", json!({"userName": "ann", "active": {"a": 1}}))
        .await
        .expect(400);
    server
        .post(
            "/Users",
            json!({"urn:ietf:params:scim:schemas:core:2.0:User:userName": "ann"}),
        )
        .await;
    let rows = about(&server, "default", "ann").await;
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows.iter().all(|row| row.resource.is_none()));
    for row in logged(&server, "default").await {
        assert!(!format!("{row:?}").contains("ann"), "{row:?}");
    }
}

/// One part of the filter has the name, another one is invalid.
async fn a_name_finds_a_refused_query(server: Server) {
    for filter in [
        "userName%20eq%20%22ann%22%20and%20shoeSize%20eq%201",
        "password%20pr%20or%20urn:ietf:params:scim:schemas:core:2.0:User:userName%20eq%20%22Ann%22",
    ] {
        server
            .get(&format!("/Users?filter={filter}"))
            .await
            .refused(400, "invalidFilter");
    }
    let rows = about(&server, "default", "ann").await;
    assert_eq!(asked(&rows), [("GET", 400), ("GET", 400)]);
}

async fn a_name_is_of_its_tenant(server: Server) {
    let acme = server.tenant("acme", &TenantChange::default()).await;
    server
        .by(&acme)
        .post("/Users", user("ann"))
        .await
        .expect(201);
    server.post("/Users", user("ann")).await.expect(201);
    assert_eq!(about(&server, "acme", "ann").await.len(), 1);
    server.service.recorder().finish().await;
    assert_eq!(
        server
            .number("select count(distinct about) from provisioning_about where length(about) < 36")
            .await,
        2
    );
}

async fn names_go_with_their_requests(server: Server) {
    let server = server
        .other(Options {
            clock: Clock::standing(noon()),
            ..Options::default()
        })
        .await;
    let acme = server.tenant("acme", &TenantChange::default()).await;
    server
        .by(&acme)
        .post("/Users", user("ann"))
        .await
        .expect(201);
    server.post("/Users", user("ann")).await.expect(201);
    server.post("/Users", user("ann")).await.expect(409);
    assert_eq!(about(&server, "default", "ann").await.len(), 2);
    server.clock.advance(86_400 * 3);
    server.post("/Users", user("ben")).await.expect(201);
    server.service.recorder().finish().await;
    assert_eq!(server.operator.forget_requests(2).await.unwrap(), 3);
    assert_eq!(
        server
            .number("select count(*) from provisioning_about where length(about) < 36")
            .await,
        1
    );
    assert_eq!(
        server
            .number("select count(*) from provisioning_failure")
            .await,
        0
    );
    server
        .by(&acme)
        .post("/Users", user("ANN"))
        .await
        .expect(409);
    server.service.recorder().finish().await;
    server.operator.delete_tenant("acme").await.unwrap();
    assert_eq!(
        server
            .number("select count(*) from provisioning_about where length(about) < 36")
            .await,
        1
    );
    assert_eq!(
        server
            .number("select count(*) from provisioning_failure")
            .await,
        0
    );
}

async fn instances_over_one_database_make_equal_digests(server: Server) {
    let second = server.second().await;
    server.post("/Users", user("ann")).await.expect(201);
    second.post("/Users", user("ANN")).await.expect(409);
    server.service.recorder().finish().await;
    assert_eq!(about(&second, "default", "ann").await.len(), 2);
}
