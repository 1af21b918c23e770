//! Rejected requests: they are executed once, and the client is authenticated before the reason is returned.

use crate::harness::{Server, USER, group, user};
use scimd::store::{PasswordPolicy, TenantChange, TokenScope};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

crate::on_both!(
    a_refused_write_is_executed_once,
    an_invalid_token_is_reported_before_a_refusal,
    a_refusal_uses_current_settings
);

fn with_password(name: &str, title: &str) -> Value {
    json!({"schemas": [USER], "userName": name, "title": title, "password": "correct horse"})
}

/// Number of digests computed by a request; they are the expensive part of a write.
async fn digests(
    server: &Server,
    request: impl Future<Output = crate::harness::Answer>,
    status: u16,
) -> u64 {
    let before = server.service.passwords_digested();
    request.await.expect(status);
    server.service.passwords_digested() - before
}

/// The token is cached after the first request, which is the relevant case.
async fn a_refused_write_is_executed_once(server: Server) {
    let keeps = TenantChange {
        password_policy: Some(PasswordPolicy::Argon2id),
        ..TenantChange::default()
    };
    let token = server.tenant("keeps", &keeps).await;
    let client = server.by(&token);
    client.post("/Users", user("ann")).await.expect(201);
    let path = format!(
        "/Users/{}",
        client.post("/Users", user("bob")).await.expect(201).id()
    );
    let rename =
        json!([{"op": "replace", "value": {"userName": "ann", "password": "battery staple"}}]);
    assert_eq!(
        digests(
            &server,
            client.post("/Users", with_password("cy", "Boss")),
            201
        )
        .await,
        1
    );
    assert_eq!(
        digests(
            &server,
            client.post("/Users", with_password("ANN", "Boss")),
            409
        )
        .await,
        1
    );
    assert_eq!(
        digests(
            &server,
            client.put(&path, with_password("Ann", "Boss")),
            409
        )
        .await,
        1
    );
    assert_eq!(digests(&server, client.patch(&path, rename), 409).await, 1);
    let seats = TenantChange {
        seats: Some(Some(3)),
        ..TenantChange::default()
    };
    server.change_tenant("keeps", &seats).await;
    client.get(&path).await.expect(200);
    assert_eq!(
        digests(
            &server,
            client.post("/Users", with_password("dan", "Boss")),
            403
        )
        .await,
        1
    );
}

/// AUTH-7: each of these is rejected before a statement about the resource confirms the token.
async fn an_invalid_token_is_reported_before_a_refusal(server: Server) {
    let issue = async || {
        server
            .operator
            .issue_token("default", "t", TokenScope::ReadWrite, None)
            .await
            .unwrap()
    };
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let requests = [
        ("/Users", user("ann"), 409),
        ("/Users", json!({"schemas": [USER]}), 400),
        (
            "/Users",
            json!({"schemas": ["urn:x"], "userName": "bob"}),
            400,
        ),
        ("/Groups", group("g", &[]), 201),
        ("/Users/.search", json!({"filter": "userName zz 1"}), 400),
        ("/Nobody", user("x"), 404),
    ];
    for (path, body, status) in requests {
        let issued = issue().await;
        let client = server.by(issued.text.expose_secret());
        client.get(&format!("/Users/{id}")).await.expect(200);
        client.post(path, body.clone()).await.expect(status);
        server.operator.revoke_token(&issued.id).await.unwrap();
        let refusal = client.post(path, body).await.refused(401, "");
        assert!(
            refusal.body["detail"].as_str().unwrap().contains("revoked"),
            "{path}: {}",
            refusal.body
        );
    }
}

/// A request rejected under old settings is evaluated again under the current ones.
async fn a_refusal_uses_current_settings(server: Server) {
    let rfc = TenantChange {
        conformance: Some(scimd::resource::Conformance::Rfc),
        ..TenantChange::default()
    };
    let token = server.tenant("turns", &rfc).await;
    let client = server.by(&token);
    let body = json!({"schemas": [USER], "userName": "ann", "shoeSize": 42});
    client
        .post("/Users", body.clone())
        .await
        .refused(400, "invalidSyntax");
    let other = server.second().await;
    let lenient = TenantChange {
        conformance: Some(scimd::resource::Conformance::Lenient),
        ..TenantChange::default()
    };
    other
        .operator
        .change_tenant("turns", &lenient)
        .await
        .unwrap();
    client.post("/Users", body).await.expect(201);
    other.operator.change_tenant("turns", &rfc).await.unwrap();
    client
        .post("/Users", json!({"userName": "bob"}))
        .await
        .refused(400, "invalidValue");
}
