//! The audit trail: each act has one row, in its transaction.

use super::is_problem;
use crate::harness::{Admin, Server, operator_token};
use crate::on_both;
use reqwest::Method;
use scimd::store::OperatorRole;
use serde_json::{Value, json};

on_both!(every_act_has_a_row, rows_are_found_and_limited);

async fn rows(admin: &Admin, query: &str) -> Vec<Value> {
    let page = admin
        .ask(Method::GET, &format!("/audit?{query}"), None)
        .await
        .expect(200);
    page.body["items"].as_array().unwrap().clone()
}

async fn every_act_has_a_row(server: Server) {
    let admin = Admin::over(&server).await;
    let body = json!({"name": "acme", "seats": 400});
    let made = admin
        .ask(Method::POST, "/tenants", Some(body))
        .await
        .expect(201);
    let change = json!({"seats": 500, "status": "suspended"});
    admin
        .ask(Method::PATCH, "/tenants/acme", Some(change))
        .await
        .expect(200);
    let issued = admin
        .ask(
            Method::POST,
            "/tenants/acme/tokens",
            Some(json!({"name": "okta"})),
        )
        .await
        .expect(201);
    let path = format!("/tenants/acme/tokens/{}", issued.id());
    admin
        .ask(Method::POST, &format!("{path}/rotate"), None)
        .await
        .expect(201);
    admin.ask(Method::DELETE, &path, None).await.expect(204);
    admin
        .ask(Method::DELETE, "/tenants/acme?confirm=acme", None)
        .await
        .expect(200);
    // Refused acts have no row.
    let refused = admin.ask(Method::DELETE, &path, None).await;
    is_problem(&refused, 404, "not-found");
    let trail = rows(&admin, "tenant=acme").await;
    let actions: Vec<_> = trail
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "tenant.delete",
            "token.revoke",
            "token.rotate",
            "token.issue",
            "tenant.change",
            "tenant.create"
        ]
    );
    let (created, changed) = (&trail[5], &trail[4]);
    assert_eq!(created["actor"]["kind"], "operator");
    assert_eq!(created["actor"]["name"], "admin");
    assert_eq!(created["address"], "127.0.0.1");
    assert_eq!(created["request"], made.header("x-request-id").unwrap());
    assert_eq!(created["changes"], json!({"seats": [null, 400]}));
    assert_eq!(
        changed["changes"],
        json!({"seats": [400, 500], "status": ["active", "suspended"]})
    );
    assert_eq!(trail[3]["target"], issued.id());
    let secret = issued.body["token"].as_str().unwrap();
    assert!(!json!(trail).to_string().contains(&secret[20..]));
}

async fn rows_are_found_and_limited(server: Server) {
    let admin = Admin::over(&server).await;
    for name in ["one", "two"] {
        admin
            .ask(Method::POST, "/tenants", Some(json!({"name": name})))
            .await
            .expect(201);
    }
    let all = rows(&admin, "action=tenant.&actor=admin").await;
    assert_eq!(all.len(), 2);
    assert_eq!(rows(&admin, "action=tenant.delete").await.len(), 0);
    assert_eq!(rows(&admin, "since=2100-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(rows(&admin, "until=2000-01-01T00:00:00Z").await.len(), 0);
    let limited = operator_token(&server, OperatorRole::Admin, &["one"]).await;
    let page = admin
        .call((&limited, Method::GET, "/audit"), None, &[])
        .await
        .expect(200);
    let items = page.body["items"].as_array().unwrap();
    assert!(items.iter().all(|row| row["tenant"] == "one"), "{items:?}");
    let first = admin
        .ask(Method::GET, "/audit?limit=1&action=tenant.", None)
        .await
        .expect(200);
    let next = first.body["next"].as_str().unwrap();
    let path = format!("/audit?limit=1&action=tenant.&cursor={next}");
    let second = admin.ask(Method::GET, &path, None).await.expect(200);
    assert_ne!(first.body["items"][0]["id"], second.body["items"][0]["id"]);
}
