//! The layers of every request, independent of its API.

pub(crate) mod access_log;
mod answer_memory;
pub(crate) mod client_address;
pub(crate) mod closing;
pub(crate) mod guard;
mod gzip;
mod middleware;
pub(crate) mod request_id;
pub(crate) mod task;

use crate::live::Live;
use crate::wire::refusal::RefusalForms;
use crate::wire::settings::RequestSettings;
use crate::wire::tasks::Tasks;
use access_log::{AccessLog, Begin};
use answer_memory::AnswerMemory;
use axum::extract::Request;
use axum::response::Response;
use client_address::FindClient;
use closing::Closing;
use guard::Guard;
use gzip::Negotiate;
pub(crate) use middleware::Inner;
use middleware::MiddlewareLayer;
use request_id::NameRequest;
use std::convert::Infallible;
use task::RunTask;
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;

/// A handler with all layers around it.
pub(crate) type Handler = BoxCloneSyncService<Request, Response, Infallible>;

/// The shared state of the layers of one listener.
pub(crate) struct Pipeline {
    /// The limits of requests.
    pub(crate) settings: Live<RequestSettings>,
    /// The work in progress.
    pub(crate) tasks: Tasks,
    /// The API's format of refusals.
    pub(crate) refuse: RefusalForms,
    /// The API's logging of requests.
    pub(crate) log: Begin,
}

impl Pipeline {
    /// The layers around the handler of an API. A request passes through them from the first to the last, and its
    /// response from the last to the first.
    pub(crate) fn over<S: Inner>(self, handler: S) -> Handler {
        let Self {
            settings,
            tasks,
            refuse,
            log,
        } = self;
        let layers = ServiceBuilder::new()
            .layer(MiddlewareLayer(Negotiate))
            .map_response(gzip::body)
            .layer(gzip::compression())
            .layer(MiddlewareLayer(NameRequest))
            .layer(MiddlewareLayer(FindClient {
                settings: settings.clone(),
            }))
            .layer(MiddlewareLayer(AccessLog { log }))
            .layer(MiddlewareLayer(Closing))
            .layer(MiddlewareLayer(AnswerMemory { refuse }))
            .layer(MiddlewareLayer(Guard {
                settings: settings.clone(),
                refuse,
            }))
            .layer(MiddlewareLayer(RunTask {
                settings,
                tasks,
                refuse,
            }));
        BoxCloneSyncService::new(layers.service(handler))
    }
}
