//! Repeated requests with an `Idempotency-Key`.

use super::is_problem;
use crate::harness::{Admin, Server, operator_token};
use crate::on_both;
use reqwest::Method;
use scimd::store::OperatorRole;
use serde_json::json;

on_both!(
    a_lost_secret_is_returned_again,
    a_key_is_for_one_request_and_operator
);

const KEY: (&str, &str) = ("idempotency-key", "6f2c6f2c-6f2c-6f2c");

async fn a_lost_secret_is_returned_again(server: Server) {
    let admin = Admin::over(&server).await;
    let issue = (
        admin.token.as_str(),
        Method::POST,
        "/tenants/default/tokens",
    );
    let body = json!({"name": "okta"});
    let first = admin
        .call(issue.clone(), Some(body.clone()), &[KEY])
        .await
        .expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = admin.call(issue, Some(body), &[KEY]).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("location"), first.header("location"));
    let create = (admin.token.as_str(), Method::POST, "/tenants");
    let key = ("idempotency-key", "\"0123456789abcdef\"");
    let body = json!({"name": "acme", "seats": 3});
    let made = admin
        .call(create.clone(), Some(body.clone()), &[key])
        .await
        .expect(201);
    let again = admin.call(create, Some(body), &[key]).await.expect(201);
    assert_eq!(
        (again.body, again.headers.get("etag")),
        (made.body, made.headers.get("etag"))
    );
    let id = first.id();
    let path = format!("/tenants/default/tokens/{id}/rotate");
    let rotate = (admin.token.as_str(), Method::POST, path.as_str());
    let key = ("idempotency-key", "rotate-0123456789");
    let one = admin.call(rotate.clone(), None, &[key]).await.expect(201);
    let two = admin.call(rotate, None, &[key]).await.expect(201);
    assert_eq!(one.body, two.body);
}

async fn a_key_is_for_one_request_and_operator(server: Server) {
    let admin = Admin::over(&server).await;
    let issue = (
        admin.token.as_str(),
        Method::POST,
        "/tenants/default/tokens",
    );
    let one = admin
        .call(issue.clone(), Some(json!({"name": "one"})), &[KEY])
        .await
        .expect(201);
    let reused = admin
        .call(issue.clone(), Some(json!({"name": "two"})), &[KEY])
        .await;
    is_problem(&reused, 422, "idempotency-key-reused");
    let other = operator_token(&server, OperatorRole::Backend, &[]).await;
    let theirs = admin
        .call(
            (&other, Method::POST, "/tenants/default/tokens"),
            Some(json!({"name": "one"})),
            &[KEY],
        )
        .await
        .expect(201);
    assert_ne!(theirs.body["id"], one.body["id"]);
    for bad in ["short", "with blank and more than sixteen"] {
        let refused = admin
            .call(
                issue.clone(),
                Some(json!({"name": "x"})),
                &[("idempotency-key", bad)],
            )
            .await;
        is_problem(&refused, 400, "idempotency-key-invalid");
    }
    // A refusal is not stored.
    let missing = (admin.token.as_str(), Method::POST, "/tenants/none/tokens");
    let key = ("idempotency-key", "a-key-of-its-own-0");
    let body = Some(json!({"name": "x"}));
    is_problem(
        &admin.call(missing.clone(), body.clone(), &[key]).await,
        404,
        "not-found",
    );
    let made = json!({"name": "none"});
    admin
        .ask(Method::POST, "/tenants", Some(made))
        .await
        .expect(201);
    admin.call(missing, body, &[key]).await.expect(201);
}
