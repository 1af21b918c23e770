//! What a listener serves: the handler of an API with the layers around it, and the limits of its requests.

use crate::live::Live;
use crate::wire::admission::Admission;
use crate::wire::in_flight::{Bounds, InFlight};
use crate::wire::layers::access_log::Begin;
use crate::wire::layers::{Handler, Inner, Pipeline};
use crate::wire::refusal::RefusalForms;
use crate::wire::settings::{RequestSettings, ServerSettings};
use crate::wire::tasks::Tasks;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// An API that is ready to be served; clones share it.
#[derive(Clone)]
pub struct App {
    pub(crate) handler: Handler,
    pub(crate) tasks: Tasks,
    pub(crate) in_flight: InFlight,
    pub(crate) admission: Admission,
    /// The API's format of refusals.
    pub(crate) refuse: RefusalForms,
    /// Reloaded settings of connections.
    pub(crate) renewed: watch::Sender<Option<ServerSettings>>,
    /// Removal of the API's expired state, called once a minute.
    pub(crate) tidy: Arc<dyn Fn() + Send + Sync>,
    settings: Live<RequestSettings>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl App {
    /// An app with the handler of an API, within limits. The API defines how requests are refused and logged, and can
    /// remove expired state once a minute.
    pub(crate) fn new<S: Inner>(
        settings: RequestSettings,
        refuse: RefusalForms,
        log: Begin,
        tidy: impl Fn() + Send + Sync + 'static,
        handler: S,
    ) -> Self {
        let (tasks, bounds) = (Tasks::default(), Bounds::of(&settings));
        let settings = Live::new(settings);
        let pipeline = Pipeline {
            settings: settings.clone(),
            tasks: tasks.clone(),
            refuse,
            log,
        };
        Self {
            handler: pipeline.over(handler),
            tasks,
            in_flight: InFlight::new(bounds),
            admission: Admission::default(),
            refuse,
            renewed: watch::Sender::new(None),
            tidy: Arc::new(tidy),
            settings,
        }
    }

    /// Replaces the limits, and reloads the certificate.
    pub(crate) fn renew(&self, settings: RequestSettings, server: ServerSettings) {
        self.in_flight.set(Bounds::of(&settings));
        self.settings.set(settings);
        self.renewed.send_replace(Some(server));
    }

    /// Maximum size of a request head in bytes.
    pub(crate) fn head_bytes(&self) -> usize {
        let settings = self.settings.get();
        settings.uri_bytes.saturating_add(settings.header_bytes)
    }

    /// Time limit of a request until its response is ready.
    pub(crate) fn request_time(&self) -> Duration {
        self.settings.get().request_time
    }
}
