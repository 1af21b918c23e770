//! The management listener of a test's server.

use super::{Answer, Server, openapi};
use reqwest::Method;
use scimd::admin_api::{AdminParts, AdminSettings, Mount};
use scimd::config::{Config, Environment};
use scimd::delivery::{Endpoints, KeyPlace};
use scimd::operator::OperatorTokenRequest;
use scimd::secrets::{KeySource, generate_key};
use scimd::store::OperatorRole;
use scimd::wire::ServerSettings;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::sync::LazyLock;
use tokio::net::TcpListener;

/// The key that seals secrets behind every management listener of this process.
pub(crate) static SECRETS_KEY: LazyLock<SecretString> = LazyLock::new(|| generate_key().unwrap());

/// A management listener over the database of a server.
pub(crate) struct Admin {
    /// Root URL, without a slash at the end.
    pub(crate) root: String,
    /// An operator token with all permissions.
    pub(crate) token: String,
    client: reqwest::Client,
}

fn home() -> Environment {
    let home = [("HOME".to_owned(), "/home/ann".to_owned())];
    home.into_iter().collect()
}

/// An operator token of a role, limited to these tenants if there are any.
pub(crate) async fn operator_token(
    server: &Server,
    role: OperatorRole,
    tenants: &[&str],
) -> String {
    let tenants: Vec<_> = tenants.iter().map(|name| (*name).to_owned()).collect();
    let request = OperatorTokenRequest {
        name: role.as_str().to_owned(),
        role,
        scopes: None,
        tenants: Some(tenants).filter(|tenants| !tenants.is_empty()),
        seconds: None,
    };
    let issued = server
        .operator
        .issue_operator_token(&request)
        .await
        .unwrap();
    issued.text.expose_secret().to_owned()
}

impl Admin {
    /// Serves the management API of a server until the test ends.
    pub(crate) async fn over(server: &Server) -> Self {
        Self::with(server, Vec::new()).await
    }

    /// Serves the management API with more pages.
    pub(crate) async fn with(server: &Server, mounts: Vec<Mount>) -> Self {
        Self::set_up(server, mounts, |_| {}).await
    }

    /// Serves the management API with other settings, such as limits.
    pub(crate) async fn limited(server: &Server, change: impl FnOnce(&mut AdminSettings)) -> Self {
        Self::set_up(server, Vec::new(), change).await
    }

    async fn set_up(
        server: &Server,
        mounts: Vec<Mount>,
        change: impl FnOnce(&mut AdminSettings),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let mut settings = AdminSettings {
            hosts: vec!["admin.example.com".to_owned()],
            is_local: true,
            scim_url: server.base.clone(),
            requests_per_second: 0,
            burst: 0,
            bad_tokens: 0,
            behind_proxy: false,
        };
        change(&mut settings);
        let keys = KeyPlace {
            source: KeySource {
                current: Some(SECRETS_KEY.clone()),
                previous: None,
            },
            folder: None,
        };
        let issuer = server.base.trim_end_matches("/scim/v2").to_owned();
        let parts = AdminParts {
            operator: server.operator.clone(),
            endpoints: Endpoints::new(&server.operator, server.feed(), keys, issuer),
            config: Config::load(None, &home(), &[]).unwrap(),
            mounts,
        };
        let app = scimd::admin_api::app(settings, parts);
        tokio::spawn(async move {
            let forever = std::future::pending();
            scimd::wire::serve(listener, app.wire(), ServerSettings::default(), forever)
                .await
                .unwrap();
        });
        Self {
            token: operator_token(server, OperatorRole::Admin, &[]).await,
            root,
            client: reqwest::Client::new(),
        }
    }

    /// Sends a request with these headers.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let text = body.map(|body| body.to_string());
        self.send_text(method, path, text, headers).await
    }

    /// Sends a request, with this text as body if given.
    pub(crate) async fn send_text(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let name = method.to_string();
        let mut request = self.client.request(method, format!("{}{path}", self.root));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = Answer::of(request.send().await.unwrap()).await;
        if path.starts_with("/api/v1") {
            openapi::check(&name, path, &answer);
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Sends a request with an operator token below the base of the API.
    pub(crate) async fn call(
        &self,
        (token, method, path): (&str, Method, &str),
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        self.send(method, &format!("/api/v1{path}"), body, &all)
            .await
    }

    /// Sends a request with the token that has all permissions.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call((&self.token, method, path), body, &[]).await
    }
}
