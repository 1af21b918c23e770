//! Runs the handler in a separate task, with a time limit.

use crate::live::Live;
use crate::trace::RequestSpan;
use crate::wire::layers::middleware::{Inner, Middleware, answer};
use crate::wire::layers::request_id::RequestId;
use crate::wire::refusal::{RefusalForms, Refused};
use crate::wire::settings::RequestSettings;
use crate::wire::tasks::Tasks;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use tokio::time::Instant;
use tracing::{Instrument, Span};

/// The deadline of the response, an extension of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerBy(pub(crate) Instant);

/// Runs the handler in a task. If the client disconnects, the task is aborted only if the method is safe.
#[derive(Debug, Clone)]
pub(crate) struct RunTask {
    pub(crate) settings: Live<RequestSettings>,
    pub(crate) tasks: Tasks,
    pub(crate) refuse: RefusalForms,
}

impl<S: Inner> Middleware<S> for RunTask {
    async fn run(&self, mut request: Request, inner: S) -> Response {
        let id = request.extensions().get::<RequestId>();
        let span = tracing::info_span!("request", request_id = id.map(|id| &*id.0));
        let (refuse, refused) = (self.refuse.at(request.uri().path()), Refused::of(&request));
        let is_safe = is_safe(request.method());
        let time = self.settings.get().request_time;
        let answer_by = AnswerBy(Instant::now() + time);
        request.extensions_mut().insert(answer_by);
        let trace = request.extensions().get().map(RequestSpan::span);
        let work = answer(inner, request)
            .instrument(trace.unwrap_or_else(Span::none))
            .instrument(span);
        match self.tasks.run(is_safe, time, work).await {
            Ok(response) => response,
            Err(refusal) => refuse(refusal, &refused),
        }
    }
}

/// Whether the method only reads, so that its task can be aborted.
pub(crate) fn is_safe(method: &Method) -> bool {
    !matches!(
        *method,
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE
    )
}
