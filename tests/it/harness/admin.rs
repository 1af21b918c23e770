//! The management listener of a test's server.

use super::{Answer, Server};
use reqwest::Method;
use scimd::admin_api::{AdminSettings, Mount};
use scimd::wire::ServerSettings;
use serde_json::Value;
use tokio::net::TcpListener;

/// A management listener over the database of a server.
pub(crate) struct Admin {
    /// Its root, without a slash at the end.
    pub(crate) root: String,
    client: reqwest::Client,
}

impl Admin {
    /// Serves the management API of a server until the test ends.
    pub(crate) async fn over(server: &Server) -> Self {
        Self::with(server, Vec::new()).await
    }

    /// Serves the management API with more pages.
    pub(crate) async fn with(server: &Server, mounts: Vec<Mount>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let settings = AdminSettings {
            hosts: vec!["admin.example.com".to_owned()],
            is_local: true,
            url: root.clone(),
            requests_per_second: 0,
            burst: 0,
            bad_tokens: 0,
            behind_proxy: false,
        };
        let app = scimd::admin_api::app(server.operator.clone(), settings, mounts);
        tokio::spawn(async move {
            let forever = std::future::pending();
            scimd::wire::serve(listener, app.wire(), ServerSettings::default(), forever)
                .await
                .unwrap();
        });
        Self {
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
        let mut request = self.client.request(method, format!("{}{path}", self.root));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }
}
