//! Who may do what: every operation with every kind of credential.

use super::is_problem;
use crate::harness::{Admin, Server, openapi, operator_token};
use crate::on_both;
use reqwest::Method;
use scimd::operator::OperatorTokenRequest;
use scimd::store::OperatorRole;
use secrecy::ExposeSecret;
use serde_json::json;

on_both!(
    every_operation_refuses_other_credentials,
    roles_have_their_scopes,
    the_entry_tells_who_calls,
    an_operator_token_is_no_scim_token,
);

/// A path of an operation with values for its variables.
fn filled(template: &str) -> String {
    let path = template.strip_prefix("/api/v1").unwrap();
    path.replace("{tenant}", "default")
        .replace("{type}", "Users")
        .replace("{urn}", "urn:x")
        .replace("{request}", "r-1")
        .replace("{id}", "0190c2a0-7b2e-7c11-8d3c-111111111111")
}

async fn every_operation_refuses_other_credentials(server: Server) {
    let admin = Admin::over(&server).await;
    let expired = server
        .operator
        .issue_operator_token(&OperatorTokenRequest {
            name: "expired".to_owned(),
            role: OperatorRole::Admin,
            scopes: None,
            tenants: None,
            seconds: Some(-1),
        })
        .await
        .unwrap();
    let revoked = operator_token(&server, OperatorRole::Admin, &[]).await;
    server
        .operator
        .revoke_operator_token(&revoked)
        .await
        .unwrap();
    let mut cut = admin.token.clone();
    cut.pop();
    for (method, template, described) in openapi::operations() {
        if described["security"].is_array() {
            continue;
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let path = filled(&template);
        for (token, kind) in [
            (expired.text.expose_secret(), "token-expired"),
            (revoked.as_str(), "token-revoked"),
            (server.token.as_str(), "scim-token"),
            (cut.as_str(), "token-unknown"),
        ] {
            let body = Some(json!({}));
            let answer = admin.call((token, method.clone(), &path), body, &[]).await;
            is_problem(&answer, 401, kind);
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(
                challenge.ends_with("error=\"invalid_token\""),
                "{challenge}"
            );
        }
        let none = admin
            .send(method.clone(), &format!("/api/v1{path}"), None, &[])
            .await;
        is_problem(&none, 401, "token-missing");
        if template.contains("{tenant}") {
            admin
                .ask(Method::POST, "/tenants", Some(json!({"name": "other"})))
                .await;
            let other = operator_token(&server, OperatorRole::Admin, &["other"]).await;
            let answer = admin.call((&other, method, &path), None, &[]).await;
            is_problem(&answer, 404, "not-found");
        }
    }
}

async fn roles_have_their_scopes(server: Server) {
    let admin = Admin::over(&server).await;
    let viewer = operator_token(&server, OperatorRole::Viewer, &[]).await;
    let support = operator_token(&server, OperatorRole::Support, &[]).await;
    let backend = operator_token(&server, OperatorRole::Backend, &[]).await;
    let user = server
        .post("/Users", crate::harness::user("ann"))
        .await
        .expect(201)
        .id();
    let person = format!("/tenants/default/scim/Users/{user}");
    let deactivate = format!("/tenants/default/users/{user}/deactivate");
    for (token, method, path, allowed) in [
        (&viewer, Method::GET, "/tenants", true),
        (&viewer, Method::POST, "/tenants", false),
        (&viewer, Method::GET, person.as_str(), false),
        (&viewer, Method::GET, "/audit", false),
        (&support, Method::GET, person.as_str(), true),
        (&support, Method::GET, "/audit", true),
        (&support, Method::POST, deactivate.as_str(), false),
        (&support, Method::POST, "/tenants/default/tokens", false),
        (&backend, Method::POST, "/tenants/default/tokens", true),
        (&backend, Method::GET, "/operators", false),
        (&backend, Method::GET, person.as_str(), false),
        (&admin.token, Method::GET, "/operators", true),
        (&admin.token, Method::POST, deactivate.as_str(), true),
    ] {
        let body = (method == Method::POST).then(|| json!({"name": "x"}));
        let answer = admin.call((token, method.clone(), path), body, &[]).await;
        if allowed {
            assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        } else {
            is_problem(&answer, 403, "scope-missing");
        }
    }
}

async fn the_entry_tells_who_calls(server: Server) {
    let admin = Admin::over(&server).await;
    let viewer = operator_token(&server, OperatorRole::Viewer, &["default"]).await;
    let entry = admin
        .call((&viewer, Method::GET, ""), None, &[])
        .await
        .expect(200);
    assert_eq!(entry.body["role"], "viewer");
    assert_eq!(entry.body["scopes"], json!(["tenants:read", "log:read"]));
    assert_eq!(entry.body["tenants"], json!(["default"]));
    let document = admin.get("/api/v1/openapi.json").await.expect(200);
    assert_eq!(document.body["openapi"], "3.1.0");
}

async fn an_operator_token_is_no_scim_token(server: Server) {
    let token = operator_token(&server, OperatorRole::Admin, &[]).await;
    let refused = server.by(&token).get("/Users").await.expect(401);
    assert_eq!(
        refused.body["detail"],
        "This is an operator token of the management API; an identity provider needs a tenant's token."
    );
}
