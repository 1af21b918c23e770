//! Tenants: create, list, change and delete.

use super::is_problem;
use crate::harness::{Admin, Server, operator_token};
use crate::on_both;
use reqwest::Method;
use scimd::store::OperatorRole;
use serde_json::json;

on_both!(
    a_tenant_has_a_life,
    all_errors_are_reported,
    lists_are_paged_and_searched,
    a_limited_token_sees_its_tenants,
);

async fn a_tenant_has_a_life(server: Server) {
    let admin = Admin::over(&server).await;
    let body = json!({
        "name": "acme", "displayName": "Acme Ltd", "reference": "cus_8812", "seats": 400, "uniqueGroupNames": false,
    });
    let made = admin
        .ask(Method::POST, "/tenants", Some(body.clone()))
        .await
        .expect(201);
    assert_eq!(made.header("location"), Some("/api/v1/tenants/acme"));
    assert_eq!(made.header("etag"), Some("\"1\""));
    let read = admin
        .ask(Method::GET, "/tenants/acme", None)
        .await
        .expect(200);
    assert_eq!(read.body, made.body, "what was answered is what is stored");
    assert_eq!(read.body["displayName"], "Acme Ltd");
    assert_eq!(read.body["seats"], 400);
    assert_eq!(read.body["uniqueGroupNames"], false);
    let again = admin.ask(Method::POST, "/tenants", Some(body)).await;
    is_problem(&again, 409, "tenant-exists");
    let change = json!({"seats": 500, "status": "suspended", "reference": null});
    let stale = admin
        .call(
            (&admin.token, Method::PATCH, "/tenants/acme"),
            Some(change.clone()),
            &[("if-match", "\"7\"")],
        )
        .await;
    is_problem(&stale, 412, "precondition-failed");
    let changed = admin
        .call(
            (&admin.token, Method::PATCH, "/tenants/acme"),
            Some(change),
            &[("if-match", "\"1\"")],
        )
        .await
        .expect(200);
    assert_eq!(changed.header("etag"), Some("\"2\""));
    assert_eq!(changed.body["seats"], 500);
    assert_eq!(changed.body["status"], "suspended");
    assert_eq!(changed.body["reference"], json!(null));
    assert_eq!(changed.body["displayName"], "Acme Ltd");
    let unconfirmed = admin.ask(Method::DELETE, "/tenants/acme", None).await;
    is_problem(&unconfirmed, 400, "confirm-missing");
    admin
        .ask(Method::DELETE, "/tenants/acme?confirm=acme", None)
        .await
        .expect(200);
    let gone = admin.ask(Method::GET, "/tenants/acme", None).await;
    is_problem(&gone, 404, "not-found");
}

async fn all_errors_are_reported(server: Server) {
    let admin = Admin::over(&server).await;
    let body = json!({"name": "Not A Name", "seats": -1, "conformanc": "x", "support": "nobody"});
    let refused = admin.ask(Method::POST, "/tenants?dry=1", Some(body)).await;
    is_problem(&refused, 400, "invalid-request");
    let pointers: Vec<_> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        ["dry", "/name", "/seats", "/conformanc", "/support"]
    );
    let name = admin
        .ask(Method::POST, "/tenants", Some(json!({"name": "A b"})))
        .await;
    is_problem(&name, 400, "invalid-request");
    assert_eq!(name.body["errors"][0]["pointer"], "/name");
    let text = admin
        .send(
            Method::POST,
            "/api/v1/tenants",
            None,
            &[
                ("authorization", &format!("Bearer {}", admin.token)),
                ("content-type", "text/plain"),
            ],
        )
        .await;
    is_problem(&text, 415, "content-type");
    let put = admin.ask(Method::PUT, "/tenants", Some(json!({}))).await;
    is_problem(&put, 405, "method-not-allowed");
    assert_eq!(put.header("allow"), Some("GET, POST, HEAD, OPTIONS"));
    let large = json!({"name": "b", "displayName": "x".repeat(300_000)});
    let large = admin.ask(Method::POST, "/tenants", Some(large)).await;
    is_problem(&large, 413, "too-large");
}

async fn lists_are_paged_and_searched(server: Server) {
    let admin = Admin::over(&server).await;
    for (name, display, reference) in [
        ("alpha", "Zeta", "c-1"),
        ("beta", "Ärger GmbH", "c-2"),
        ("gamma", "Alpha Two", "x-3"),
    ] {
        let body = json!({"name": name, "displayName": display, "reference": reference});
        admin
            .ask(Method::POST, "/tenants", Some(body))
            .await
            .expect(201);
    }
    let (mut names, mut path) = (Vec::new(), "/tenants?limit=2&total=true".to_owned());
    loop {
        let page = admin.ask(Method::GET, &path, None).await.expect(200);
        assert_eq!(page.body["total"], 4);
        let items = page.body["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["name"].clone()));
        let Some(next) = page.body["next"].as_str() else {
            assert_eq!(page.header("link"), None);
            break;
        };
        let link = page.header("link").unwrap();
        assert!(link.ends_with("; rel=\"next\""), "{link}");
        path = format!("/tenants?limit=2&total=true&cursor={next}");
        assert_eq!(link, format!("</api/v1{path}>; rel=\"next\""));
    }
    assert_eq!(names, ["alpha", "beta", "default", "gamma"]);
    let found = async |query: &str| {
        let page = admin
            .ask(Method::GET, &format!("/tenants?{query}"), None)
            .await
            .expect(200);
        let items = page.body["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("search=ALPHA").await, ["alpha", "gamma"]);
    assert_eq!(found("search=%C3%84rg").await, ["beta"]);
    assert_eq!(found("search=c-").await, ["alpha", "beta"]);
    assert_eq!(found("search=lpha").await, Vec::<String>::new());
    assert_eq!(found("status=suspended").await, Vec::<String>::new());
    let other = admin
        .ask(Method::GET, "/tenants?limit=2&cursor=AAAA", None)
        .await;
    is_problem(&other, 400, "invalid-request");
    let cursor = admin
        .ask(Method::GET, "/tenants?limit=1", None)
        .await
        .expect(200);
    let next = cursor.body["next"].as_str().unwrap();
    let bound = admin
        .ask(
            Method::GET,
            &format!("/tenants?search=a&cursor={next}"),
            None,
        )
        .await;
    is_problem(&bound, 400, "invalid-request");
}

async fn a_limited_token_sees_its_tenants(server: Server) {
    let admin = Admin::over(&server).await;
    for name in ["one", "two"] {
        admin
            .ask(Method::POST, "/tenants", Some(json!({"name": name})))
            .await
            .expect(201);
    }
    let limited = operator_token(&server, OperatorRole::Admin, &["one"]).await;
    let ask = async |method: Method, path: &str, body| {
        admin.call((&limited, method, path), body, &[]).await
    };
    let page = ask(Method::GET, "/tenants", None).await.expect(200);
    assert_eq!(page.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(page.body["items"][0]["name"], "one");
    ask(Method::GET, "/tenants/one", None).await.expect(200);
    is_problem(
        &ask(Method::GET, "/tenants/two", None).await,
        404,
        "not-found",
    );
    let made = ask(Method::POST, "/tenants", Some(json!({"name": "three"}))).await;
    is_problem(&made, 403, "scope-missing");
    admin
        .ask(Method::DELETE, "/tenants/one?confirm=one", None)
        .await
        .expect(200);
    admin
        .ask(Method::POST, "/tenants", Some(json!({"name": "one"})))
        .await
        .expect(201);
    let again = ask(Method::GET, "/tenants/one", None).await;
    is_problem(&again, 404, "not-found");
}
