//! The management listener as an app of the wire.

use crate::admin_api::host;
use crate::admin_api::log::{self, Facts};
use crate::admin_api::mount::Mount;
use crate::admin_api::problem::{Problem, ProblemType, Result};
use crate::admin_api::respond;
use crate::admin_api::settings::AdminSettings;
use crate::service::Operator;
use crate::wire::body::Upload;
use crate::wire::rate::Limits;
use crate::wire::refusal::Refused;
use crate::wire::{self, ServerSettings};
use axum::extract::Request;
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tower::service_fn;

/// How long the database may take to say that it is there.
const READY_TIME: Duration = Duration::from_secs(2);

/// The management API, ready to be served; clones share it.
#[derive(Debug, Clone)]
pub struct AdminApp {
    wire: wire::App,
    api: Arc<Api>,
}

/// What requests of the management listener are answered with.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) operator: Operator,
    pub(crate) settings: AdminSettings,
    pub(crate) limits: Limits,
    mounts: Vec<Mount>,
}

/// The management API over a database, with the pages that other parts of the program add.
pub fn app(operator: Operator, settings: AdminSettings, mounts: Vec<Mount>) -> AdminApp {
    let for_wire = settings.for_wire();
    let api = Arc::new(Api {
        operator,
        limits: Limits::new(settings.rates()),
        settings,
        mounts,
    });
    let (handling, tidied) = (api.clone(), api.clone());
    let handler = service_fn(move |request: Request| {
        let api = handling.clone();
        Box::pin(async move { Ok::<_, Infallible>(api.answer(request).await) })
    });
    let tidy = move || tidied.limits.tidy(Instant::now());
    let log = log::begin(api.operator.service().metrics().clone());
    let wire = wire::App::new(for_wire, respond::refusal, log, tidy, handler);
    AdminApp { wire, api }
}

impl AdminApp {
    /// What [`wire::serve`] serves.
    pub fn wire(&self) -> wire::App {
        self.wire.clone()
    }

    /// Takes other settings of connections, and reads the certificate again.
    pub fn renew(&self, server: ServerSettings) {
        self.wire.renew(self.api.settings.for_wire(), server);
    }
}

impl Api {
    async fn answer(self: Arc<Self>, request: Request) -> Response {
        let refused = Refused::of(&request);
        let (head, body) = request.into_parts();
        let facts: Arc<Facts> = head.extensions.get().cloned().unwrap_or_default();
        let upload = Upload::new(&head, body);
        match self.route(&head, &facts).await {
            Ok(response) => response,
            Err(problem) => {
                upload.discard().await;
                respond::problem(problem, &refused)
            }
        }
    }

    async fn route(&self, head: &Parts, facts: &Facts) -> Result<Response> {
        let path = head.uri.path();
        match path {
            "/healthz" => {
                let _ = facts.route.set("/healthz");
                return read(head, || health());
            }
            "/readyz" => {
                let _ = facts.route.set("/readyz");
                self.ready().await?;
                return read(head, || health());
            }
            _ => {}
        }
        if let Some(mount) = self.mounts.iter().find(|mount| mount.path == path) {
            let _ = facts.route.set(mount.path);
            mount.admit(head)?;
            return read(head, || {
                respond::text(200, mount.content_type, (mount.text)())
            });
        }
        if !host::is_ours(head, &self.settings) {
            return Err(Problem::new(
                ProblemType::Misdirected,
                421,
                "The request is for a host that this listener does not serve: use the URL of the management API.",
            ));
        }
        Err(Problem::not_found(
            "There is nothing here: the management API is below /api/v1.",
        ))
    }

    async fn ready(&self) -> Result<()> {
        let away = || Problem {
            retry_after: Some(1),
            ..Problem::new(
                ProblemType::DatabaseAway,
                503,
                "The database does not answer.",
            )
        };
        match timeout(READY_TIME, self.operator.service().is_ready()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(away().caused_by(error)),
            Err(_) => Err(away()),
        }
    }
}

fn health() -> Response {
    respond::json(200, &json!({"status": "ok"}))
}

/// What a page for reading answers to a method.
fn read(head: &Parts, page: impl FnOnce() -> Response) -> Result<Response> {
    match head.method {
        Method::GET | Method::HEAD => Ok(page()),
        Method::OPTIONS => {
            let mut response = respond::empty(StatusCode::NO_CONTENT);
            respond::put(&mut response, ALLOW, READ_METHODS);
            Ok(response)
        }
        _ => Err(Problem::method_not_allowed(
            head.method.as_str(),
            READ_METHODS.to_owned(),
        )),
    }
}

const READ_METHODS: &str = "GET, HEAD, OPTIONS";
