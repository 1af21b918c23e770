//! A client that reads the feed over HTTP.

use crate::harness::Server;
use reqwest::Method;
use scimd::store::TokenScope;
use secrecy::ExposeSecret;
use serde_json::Value;

/// A reader of the feed with a token.
#[derive(Clone)]
pub(crate) struct FeedClient {
    pub(crate) root: String,
    pub(crate) token: String,
    client: reqwest::Client,
}

impl FeedClient {
    /// With a token of all tenants.
    pub(crate) async fn of_all(server: &Server) -> Self {
        let issued = server
            .operator
            .issue_feed_token("app", None, None)
            .await
            .unwrap();
        Self::with(server, issued.text.expose_secret())
    }

    /// With a token of one tenant.
    pub(crate) async fn of(server: &Server, tenant: &str) -> Self {
        let issued = server
            .operator
            .issue_token(tenant, "app", TokenScope::Feed, None);
        Self::with(server, issued.await.unwrap().text.expose_secret())
    }

    pub(crate) fn with(server: &Server, token: &str) -> Self {
        Self::at(&server.base.replace("/scim/v2", "/feed/v1"), token)
    }

    /// At the address of a server, with a token.
    pub(crate) fn at(root: &str, token: &str) -> Self {
        Self {
            root: root.to_owned(),
            token: token.to_owned(),
            client: reqwest::Client::new(),
        }
    }

    /// Sends a request, optionally with a body; checks that the response is one of the feed.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Response {
        let request = self
            .client
            .request(method, format!("{}{path}", self.root))
            .bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let is_problem = answer.headers()["content-type"] == "application/problem+json";
        assert_eq!(is_problem, answer.status().as_u16() >= 400, "{path}");
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.send(Method::GET, path, None).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The read page; the request must succeed.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

/// The text of a member that must be text.
#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
