//! The management listener as an app of the wire.

use crate::admin_api::host;
use crate::admin_api::json_schema::Schemas;
use crate::admin_api::log::CallProperties;
use crate::admin_api::mount::Mount;
use crate::admin_api::problem::{Problem, ProblemType, Result};
use crate::admin_api::respond;
use crate::admin_api::running::Running;
use crate::admin_api::settings::AdminSettings;
use crate::config::Config;
use crate::delivery::Endpoints;
use crate::live::Live;
use crate::operator::{Operator, SchemaStep};
use crate::wire::rate::{Rates, TokenLimits};
use crate::wire::shutdown::Leaving;
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Time limit for the readiness check of the database.
const READY_TIME: Duration = Duration::from_secs(2);

/// The parts of the program that the management API uses.
#[derive(Debug)]
pub struct AdminParts {
    /// Operations on tenants, tokens, schemas and directories.
    pub operator: Operator,
    /// Operations on webhooks and streams.
    pub endpoints: Endpoints,
    /// The configuration of the server.
    pub config: Config,
    /// The pages that other parts of the program add.
    pub mounts: Vec<Mount>,
}

/// The observer of the steps of schema changes.
pub(crate) type SchemaSteps = Arc<dyn Fn(SchemaStep<'_>) + Send + Sync>;

/// The state of the management listener.
pub(crate) struct Api {
    pub(crate) operator: Operator,
    pub(crate) endpoints: Endpoints,
    pub(crate) settings: AdminSettings,
    pub(crate) config: Arc<Config>,
    pub(crate) limits: TokenLimits,
    /// The limits.
    pub(crate) rates: Live<Rates>,
    pub(crate) schemas: Schemas,
    /// The OpenAPI document.
    pub(crate) document: Value,
    /// The observer of the steps of schema changes.
    pub(crate) schema_steps: SchemaSteps,
    /// The requests with a key that are being executed.
    pub(crate) running: Running,
    mounts: Vec<Mount>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

impl Api {
    /// Observes the steps of schema changes.
    pub(crate) fn with_schema_steps(self, schema_steps: SchemaSteps) -> Self {
        Self {
            schema_steps,
            ..self
        }
    }

    /// The application with its settings and its OpenAPI document.
    pub(crate) fn new(settings: AdminSettings, parts: AdminParts, document: Value) -> Self {
        let AdminParts {
            operator,
            endpoints,
            config,
            mounts,
        } = parts;
        Self {
            operator,
            endpoints,
            limits: TokenLimits::new(settings.rates()),
            rates: Live::new(settings.rates()),
            settings,
            config: Arc::new(config),
            schemas: Schemas::all(),
            document,
            schema_steps: Arc::new(|_| ()),
            running: Running::default(),
            mounts,
        }
    }

    /// The response for a page that needs no token; `None` for other paths. Only pages for monitors are served for any
    /// host.
    ///
    /// # Errors
    /// 405, 421, or 503 if the database is unavailable.
    pub(crate) async fn page(
        &self,
        head: &Parts,
        facts: &CallProperties,
    ) -> Result<Option<Response>> {
        let path = head.uri.path();
        if path == "/healthz" {
            let _ = facts.route.set("/healthz");
            return read(head, health).map(Some);
        }
        if path == "/readyz" {
            let _ = facts.route.set("/readyz");
            self.ready(head).await?;
            return read(head, health).map(Some);
        }
        if let Some(mount) = self.mounts.iter().find(|mount| mount.path == path) {
            let _ = facts.route.set(mount.path);
            mount.admit(head)?;
            let page = || respond::text(200, mount.content_type, (mount.text)());
            return read(head, page).map(Some);
        }
        if host::is_ours(head, &self.settings) {
            return Ok(None);
        }
        let detail = "This listener does not serve the host of the request: use the URL of the management API.";
        Err(Problem::new(ProblemType::Misdirected, 421, detail))
    }

    async fn ready(&self, head: &Parts) -> Result<()> {
        let not_ready = |detail: &str| Problem {
            retry_after: Some(1),
            ..Problem::new(ProblemType::DatabaseAway, 503, detail)
        };
        if head.extensions.get::<Leaving>().is_some() {
            return Err(not_ready("The server is about to stop."));
        }
        let away = || not_ready("The database does not respond.");
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

/// The response of a read-only page by method.
pub(crate) fn read(head: &Parts, page: impl FnOnce() -> Response) -> Result<Response> {
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
