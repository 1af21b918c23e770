//! Simulates a broken server: a proxy that forwards all requests to a correct server and introduces one fault.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A request to the correct server.
pub(super) struct Asked {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Value,
    /// Number of other requests in progress.
    pub(super) others: usize,
}

/// A response from the correct server.
pub(super) struct FaultyResponse {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) body: String,
}

/// A fault: responds in place of the correct server, or changes the request or the response.
#[derive(Clone, Copy)]
pub(super) struct Fault {
    pub(super) before: fn(&mut Asked) -> Option<FaultyResponse>,
    pub(super) after: fn(&Asked, &mut FaultyResponse),
}

pub(super) const SOUND: Fault = Fault {
    before: |_| None,
    after: |_, _| {},
};

impl Asked {
    pub(super) fn is(&self, method: &Method, start: &str) -> bool {
        self.method == method && self.target.contains(start)
    }

    pub(super) fn operation(&self) -> &Value {
        &self.body["Operations"][0]
    }
}

impl FaultyResponse {
    pub(super) fn error(status: u16) -> Self {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
        let body = json!({"schemas": schemas, "status": status.to_string(), "detail": "broken"});
        Self {
            status,
            kind: "application/scim+json".into(),
            body: body.to_string(),
        }
    }

    /// Changes the body, if it is JSON.
    pub(super) fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut body) = serde_json::from_str(&self.body) {
            change(&mut body);
            self.body = body.to_string();
        }
    }
}

struct Broken {
    /// Scheme, host and port of the correct server.
    sound: String,
    fault: Fault,
    client: reqwest::Client,
    running: AtomicUsize,
}

async fn listen(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/scim/v2", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, router));
    base
}

/// Serves one connection after the other, because axum::serve is not compiled in.
async fn serve(listener: tokio::net::TcpListener, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let builder =
                hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
            let _ = builder
                .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The base URL of a broken server in front of a correct one.
pub(super) async fn before(base: &str, fault: Fault) -> String {
    let sound = base.strip_suffix("/scim/v2").unwrap().to_owned();
    let broken = Broken {
        sound,
        fault,
        client: reqwest::Client::new(),
        running: AtomicUsize::new(0),
    };
    listen(Router::new().fallback(pass).with_state(Arc::new(broken))).await
}

/// A web server without SCIM.
pub(super) async fn of_html() -> String {
    listen(Router::new().fallback(async || Html("<html>Welcome</html>"))).await
}

/// A server that redirects every request.
pub(super) async fn of_redirects() -> String {
    listen(
        Router::new()
            .fallback(async || Redirect::permanent("https://elsewhere.example.com/scim/v2/Users")),
    )
    .await
}

async fn pass(State(broken): State<Arc<Broken>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut asked = Asked {
        method: head.method,
        target: head.uri.path_and_query().unwrap().to_string(),
        authorization: head
            .headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned()),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        others: broken.running.fetch_add(1, Ordering::SeqCst),
    };
    let response = match (broken.fault.before)(&mut asked) {
        Some(response) => response,
        None => {
            let mut response = broken.forward(&asked).await;
            (broken.fault.after)(&asked, &mut response);
            response
        }
    };
    broken.running.fetch_sub(1, Ordering::SeqCst);
    let status = axum::http::StatusCode::from_u16(response.status).unwrap();
    (status, [("content-type", response.kind)], response.body).into_response()
}

impl Broken {
    async fn forward(&self, asked: &Asked) -> FaultyResponse {
        let mut request = self.client.request(
            asked.method.clone(),
            format!("{}{}", self.sound, asked.target),
        );
        if let Some(authorization) = &asked.authorization {
            request = request.header("authorization", authorization);
        }
        if !asked.body.is_null() {
            request = request
                .header("content-type", "application/scim+json")
                .body(asked.body.to_string());
        }
        let answer = request.send().await.unwrap();
        let kind = answer
            .headers()
            .get("content-type")
            .map(|kind| kind.to_str().unwrap().to_owned());
        let (status, kind) = (answer.status().as_u16(), kind.unwrap_or_default());
        FaultyResponse {
            status,
            kind,
            body: answer.text().await.unwrap(),
        }
    }
}
