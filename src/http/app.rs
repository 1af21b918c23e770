//! What a listener serves.

use crate::error::Result;
use crate::http::body::Upload;
use crate::http::exchange::{Call, Exchange};
use crate::http::gzip;
use crate::http::log::Logs;
use crate::http::rate::Limits;
use crate::http::settings::HttpSettings;
use crate::http::tasks::Tasks;
use crate::service::Reply;
use axum::Router;
use axum::extract::Request;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Largest head of a request, where the routes set no limit of their own.
const HEAD_BYTES: usize = 48 << 10;

/// Routes, with what the server must know of them to stop and to keep house.
#[derive(Debug, Clone)]
pub struct App {
    pub(super) router: Router,
    pub(super) tasks: Tasks,
    limits: Option<Arc<Limits>>,
    pub(super) head_bytes: usize,
    /// What a request may take, if anything limits it.
    pub(super) request_time: Option<Duration>,
}

impl App {
    /// An app of other routes than SCIM, such as the console's.
    pub fn of(router: Router) -> Self {
        Self { router, tasks: Tasks::default(), limits: None, head_bytes: HEAD_BYTES, request_time: None }
    }

    /// The app that answers every request with what `handle` makes of it.
    pub(super) fn scim<H, W>(settings: HttpSettings, limits: Arc<Limits>, logs: Logs, handle: H) -> Self
    where
        H: Fn(Call, Upload) -> W + Clone + Send + Sync + 'static,
        W: Future<Output = Result<Reply>> + Send + 'static,
    {
        let tasks = Tasks::default();
        let head_bytes = settings.uri_bytes.saturating_add(settings.header_bytes);
        let request_time = Some(settings.request_time());
        let exchange = Arc::new(Exchange::new(settings, tasks.clone(), logs));
        let router = Router::new().fallback(move |request: Request| {
            let (exchange, handle) = (exchange.clone(), handle.clone());
            async move { exchange.conduct(request, handle).await }
        });
        Self { router: gzip::over(router), tasks, limits: Some(limits), head_bytes, request_time }
    }

    /// Forgets what has no effect any more; called now and then.
    pub(super) fn tidy(&self) {
        if let Some(limits) = &self.limits {
            limits.tidy(Instant::now());
        }
    }
}
