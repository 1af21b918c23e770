//! What a listener serves.

use crate::error::Result;
use crate::http::admission::Admission;
use crate::http::body::Upload;
use crate::http::exchange::{Call, Exchange};
use crate::http::gzip;
use crate::http::in_flight::{Bounds, InFlight};
use crate::http::log::Logs;
use crate::http::rate::Limits;
use crate::http::settings::{HttpSettings, ServerSettings};
use crate::http::tasks::Tasks;
use crate::live::Live;
use crate::service::Reply;
use axum::Router;
use axum::extract::Request;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Largest head of a request, where the routes set no limit of their own.
const HEAD_BYTES: usize = 48 << 10;

/// Routes, with what the server must know of them to stop and to keep house.
#[derive(Debug, Clone)]
pub struct App {
    pub(super) router: Router,
    pub(super) tasks: Tasks,
    pub(super) in_flight: InFlight,
    pub(super) admission: Admission,
    /// Settings of connections that were read again.
    pub(super) renewed: watch::Sender<Option<ServerSettings>>,
    scim: Option<Scim>,
}

/// What limits the SCIM endpoints.
#[derive(Debug, Clone)]
struct Scim {
    limits: Arc<Limits>,
    settings: Live<HttpSettings>,
}

impl App {
    /// An app of other routes than SCIM, such as the console's.
    pub fn of(router: Router) -> Self {
        Self::with(router, Tasks::default(), None)
    }

    fn with(router: Router, tasks: Tasks, scim: Option<Scim>) -> Self {
        let bounds = scim
            .as_ref()
            .map_or_else(Bounds::default, |scim| Bounds::of(&scim.settings.get()));
        Self {
            router,
            tasks,
            in_flight: InFlight::new(bounds),
            admission: Admission::default(),
            renewed: watch::Sender::new(None),
            scim,
        }
    }

    /// The app that answers every request with what `handle` makes of it.
    pub(super) fn scim<H, W>(
        settings: HttpSettings,
        limits: Arc<Limits>,
        logs: Logs,
        handle: H,
    ) -> Self
    where
        H: Fn(Call, Upload) -> W + Clone + Send + Sync + 'static,
        W: Future<Output = Result<Reply>> + Send + 'static,
    {
        let tasks = Tasks::default();
        let settings = Live::new(settings);
        let exchange = Arc::new(Exchange::new(settings.clone(), tasks.clone(), logs));
        let router = Router::new().fallback(move |request: Request| {
            let (exchange, handle) = (exchange.clone(), handle.clone());
            async move { exchange.conduct(request, handle).await }
        });
        Self::with(gzip::over(router), tasks, Some(Scim { limits, settings }))
    }

    /// Takes other limits, and reads the certificate again. Where the endpoints stand does not change.
    pub fn renew(&self, settings: &HttpSettings, server: ServerSettings) {
        if let Some(scim) = &self.scim {
            let before = scim.settings.get();
            let HttpSettings {
                base_path,
                tenant_paths,
                behind_proxy,
                ..
            } = (*before).clone();
            let settings = HttpSettings {
                base_path,
                tenant_paths,
                behind_proxy,
                ..settings.clone()
            };
            scim.limits.set(&before, &settings);
            self.in_flight.set(Bounds::of(&settings));
            scim.settings.set(settings);
        }
        self.renewed.send_replace(Some(server));
    }

    /// Largest head of a request.
    pub(super) fn head_bytes(&self) -> usize {
        let of =
            |settings: Arc<HttpSettings>| settings.uri_bytes.saturating_add(settings.header_bytes);
        self.scim
            .as_ref()
            .map_or(HEAD_BYTES, |scim| of(scim.settings.get()))
    }

    /// What a request may take, if anything limits it.
    pub(super) fn request_time(&self) -> Option<Duration> {
        self.scim
            .as_ref()
            .map(|scim| scim.settings.get().request_time())
    }

    /// Forgets what has no effect any more; called now and then.
    pub(super) fn tidy(&self) {
        if let Some(scim) = &self.scim {
            scim.limits.tidy(Instant::now());
        }
    }
}
