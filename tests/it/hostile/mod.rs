//! Malformed and hostile requests. None causes a server error, every response is in SCIM format, and the server keeps
//! running (rows ROB-1 to ROB-7 and SEC-6).

mod bodies;
mod conforms;
mod filters;
mod heads;
mod mutate;
mod patches;
mod paths;
mod random;
mod values;

use crate::harness::raw::RawAnswer;
use crate::harness::{Server, USER, group, user};
use scimd::resource::Conformance;
use scimd::store::TenantChange;
use serde_json::{Value, json};

const JSON: &str = "Content-Type: application/scim+json\r\n";

/// A tenant of each conformance mode, with a user and a group with this user as member.
struct Target<'a> {
    server: &'a Server,
    conformance: Conformance,
    token: String,
    user: String,
    group: String,
}

impl<'a> Target<'a> {
    async fn new(server: &'a Server, conformance: Conformance) -> Self {
        let change = TenantChange {
            conformance: Some(conformance),
            ..TenantChange::default()
        };
        let token = server.tenant(conformance.as_str(), &change).await;
        let body = json!({"schemas": [USER], "userName": "jane", "name": {"familyName": "Doe"},
            "emails": [{"value": "jane@example.com", "type": "work", "primary": true}]});
        let user = server
            .by(&token)
            .post("/Users", body)
            .await
            .expect(201)
            .id();
        let body = group("Sales", std::slice::from_ref(&user));
        let group = server
            .by(&token)
            .post("/Groups", body)
            .await
            .expect(201)
            .id();
        Self {
            server,
            conformance,
            token,
            user,
            group,
        }
    }

    /// One tenant of each mode.
    async fn both(server: &'a Server) -> [Self; 2] {
        [
            Self::new(server, Conformance::Lenient).await,
            Self::new(server, Conformance::Rfc).await,
        ]
    }

    /// The expected status, from one for each conformance mode.
    fn due(&self, lenient: u16, rfc: u16) -> u16 {
        if self.conformance.is_lenient() {
            lenient
        } else {
            rfc
        }
    }

    /// Sends a request; checks that a client can understand the response.
    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> RawAnswer {
        self.ask_with(method, path, JSON, body).await
    }

    async fn ask_with(&self, method: &str, path: &str, fields: &str, body: &[u8]) -> RawAnswer {
        let request = self
            .server
            .request_by(&self.token, method, path, fields, body);
        let answer = self.server.say(&request).await;
        assert!(
            answer.status < 500 || answer.status == 501,
            "{method} {path:.200}: {answer:?}"
        );
        is_understandable(&answer);
        answer
    }

    async fn post(&self, path: &str, body: &Value) -> RawAnswer {
        self.ask("POST", path, body.to_string().as_bytes()).await
    }

    async fn patch(&self, path: &str, operations: &Value) -> RawAnswer {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        self.ask("PATCH", path, body.to_string().as_bytes()).await
    }

    /// Checks that the server still works.
    async fn is_alive(&self) {
        let client = self.server.by(&self.token);
        let id = client.post("/Users", user("alive")).await.expect(201).id();
        client.get(&format!("/Users/{id}")).await.expect(200);
        client.delete(&format!("/Users/{id}")).await.expect(204);
        self.server.is_sound().await;
    }
}

/// Errors are Error messages; other answers are JSON, or have no body (RFC 7644 section 3.12).
fn is_understandable(answer: &RawAnswer) {
    let status = answer.status;
    if answer.body.is_empty() {
        assert!(matches!(status, 204 | 304), "{answer:?}");
        return;
    }
    assert_eq!(
        answer.header("content-type"),
        Some("application/scim+json"),
        "{answer:?}"
    );
    let body = answer.json();
    if status >= 400 {
        assert_eq!(
            body["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
        );
        assert_eq!(body["status"], status.to_string());
        let detail = body["detail"].as_str().unwrap();
        for leak in [
            "sqlx",
            "select ",
            "postgres",
            "sqlite",
            "panicked",
            "src/",
            "attribute_value",
        ] {
            assert!(!detail.to_ascii_lowercase().contains(leak), "{detail}");
        }
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
