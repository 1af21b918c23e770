//! Permissions: every operation with every kind of credential.

use super::is_problem;
use crate::harness::{Admin, Server, openapi, operator_token};
use crate::on_both;
use reqwest::Method;
use scimd::operator::OperatorTokenRequest;
use scimd::store::{OperatorRole, OperatorScope, TenantChange};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

on_both!(
    every_operation_refuses_other_credentials,
    every_operation_needs_its_scope,
    a_limited_token_reads_nothing_of_other_tenants,
    roles_have_their_scopes,
    the_entry_names_the_caller,
    an_operator_token_is_not_a_scim_token,
);

/// The path of an operation with values for its variables.
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

/// The required scope of an operation, from its description.
fn scope_of(described: &Value) -> Option<OperatorScope> {
    let text = described["description"].as_str()?;
    let named = text.split_once("Needs the scope `")?.1.split('`').next()?;
    Some(OperatorScope::from_keyword(named).expect(named))
}

/// A token with these scopes.
async fn with_scopes(
    server: &Server,
    scopes: Vec<OperatorScope>,
    tenants: Option<Vec<String>>,
) -> String {
    let request = OperatorTokenRequest {
        name: "scoped".to_owned(),
        role: OperatorRole::Admin,
        scopes: Some(scopes),
        tenants,
        seconds: None,
    };
    let issued = server.operator.issue_operator_token(&request).await;
    issued.unwrap().text.expose_secret().to_owned()
}

async fn every_operation_needs_its_scope(server: Server) {
    let admin = Admin::over(&server).await;
    let all: Vec<_> = OperatorScope::KEYWORDS
        .iter()
        .filter_map(|word| OperatorScope::from_keyword(word))
        .collect();
    let mut tokens = Vec::new();
    for scope in &all {
        let others = all.iter().filter(|other| *other != scope).copied();
        let lacking = with_scopes(&server, others.collect(), None).await;
        let having = with_scopes(&server, vec![*scope], None).await;
        tokens.push((*scope, lacking, having));
    }
    let mut needed = 0;
    for (method, template, described) in openapi::operations() {
        let Some(scope) = scope_of(&described) else {
            let is_open = ["getEntry", "getOpenApi"].map(Value::from);
            assert!(is_open.contains(&described["operationId"]), "{template}");
            continue;
        };
        needed += 1;
        let found = tokens.iter().find(|(own, ..)| *own == scope);
        let (_, lacking, having) = found.unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let path = filled(&template);
        let answer = admin
            .call((lacking, method.clone(), &path), None, &[])
            .await;
        is_problem(&answer, 403, "scope-missing");
        let detail = answer.body["detail"].as_str().unwrap();
        let quoted = format!("\"{}\"", scope.as_str());
        assert!(detail.contains(&quoted), "{path}: {detail}");
        let is_stream = described["responses"]["200"]["content"]["text/event-stream"].is_object();
        if is_stream {
            continue;
        }
        let answer = admin.call((having, method.clone(), &path), None, &[]).await;
        assert!(
            ![401, 403].contains(&answer.status),
            "{method} {path}: {}",
            answer.body
        );
    }
    assert!(needed > 40, "{needed} operations were found");
}

/// A query with each parameter that requires a keyword; some operations return nothing without it.
fn query_of(described: &Value) -> String {
    let parameters = described["parameters"].as_array().unwrap().iter();
    let words = parameters.filter_map(|parameter| {
        let words = parameter["schema"]["enum"].as_array()?;
        let [word] = words.as_slice() else {
            return None;
        };
        let name = parameter["name"].as_str()?;
        Some(format!("{name}={}", word.as_str()?))
    });
    words.collect::<Vec<_>>().join("&")
}

/// No response contains data of a tenant to which the token has no access, and no request changes data of such a
/// tenant.
async fn a_limited_token_reads_nothing_of_other_tenants(server: Server) {
    let admin = Admin::over(&server).await;
    let change = TenantChange {
        display_name: Some(Some("hidden company".to_owned())),
        ..TenantChange::default()
    };
    let hidden = server.tenant("hidden", &change).await;
    server.tenant("own", &TenantChange::default()).await;
    server
        .by(&hidden)
        .post("/Users", json!({}))
        .await
        .expect(400);
    let body = json!({"name": "hidden token", "expiresIn": "2d"});
    admin
        .ask(Method::POST, "/tenants/hidden/tokens", Some(body))
        .await
        .expect(201);
    let schema = json!({
        "id": "urn:hidden:User", "name": "hidden schema",
        "attributes": [{"name": "code", "type": "string"}],
    });
    admin
        .ask(
            Method::PUT,
            "/tenants/hidden/schemas/urn:hidden:User",
            Some(schema),
        )
        .await
        .expect(200);
    let endpoint =
        json!({"name": "hidden-hook", "url": "https://example.com/", "tenant": "hidden"});
    admin
        .ask(Method::POST, "/webhooks", Some(endpoint))
        .await
        .expect(201);
    server.service.recorder().finish().await;
    let token = operator_token(&server, OperatorRole::Admin, &["own"]).await;
    let mut refused = 0;
    for (method, template, described) in openapi::operations() {
        // A stream has no end; a separate test reads it.
        let is_stream = described["responses"]["200"]["content"]["text/event-stream"].is_object();
        if described["security"].is_array() || template.contains("{tenant}") || is_stream {
            continue;
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let path = filled(&template).replace("{name}", "hidden-hook");
        let path = format!("{path}?{}", query_of(&described));
        let whole = admin.ask(Method::GET, &path, None);
        let is_refused = method == Method::GET && whole.await.body.to_string().contains("hidden");
        let body = (method != Method::GET).then(|| json!({}));
        let answer = admin.call((&token, method.clone(), &path), body, &[]).await;
        let text = answer.body.to_string();
        if answer.status < 300 {
            assert_eq!(method, Method::GET, "{path}: {text}");
        }
        let is_kept = !text.replace("hidden-hook", "").contains("hidden");
        assert!(is_kept, "{method} {path}: {text}");
        refused += usize::from(is_refused);
    }
    // Other credentials return the data that this token cannot read.
    assert!(refused >= 5, "{refused}");
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

async fn the_entry_names_the_caller(server: Server) {
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

async fn an_operator_token_is_not_a_scim_token(server: Server) {
    let token = operator_token(&server, OperatorRole::Admin, &[]).await;
    let refused = server.by(&token).get("/Users").await.expect(401);
    assert_eq!(
        refused.body["detail"],
        "This is an operator token of the management API; an identity provider needs a tenant's token."
    );
}
