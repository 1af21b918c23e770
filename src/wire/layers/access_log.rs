//! Lets the API log each request, even if its client disconnects before the response.

use crate::trace::{RequestSpan, TraceParent};
use crate::wire::layers::middleware::{Inner, Middleware, answer};
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::Response;
use std::fmt;
use std::sync::Arc;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Starts the log entry of a request, whose [`TraceParent`] and [`RequestSpan`], if any, are extensions. The part that
/// the handler adds is an extension of the request.
pub(crate) type Begin = Arc<dyn Fn(&mut Request) -> Finish + Send + Sync>;

/// Completes a log entry with the response; `None` if the client disconnected.
pub(crate) type Finish = Box<dyn FnOnce(Option<&Response>) + Send>;

/// The layer that makes the API log each request.
#[derive(Clone)]
pub(crate) struct AccessLog {
    pub(crate) log: Begin,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").finish_non_exhaustive()
    }
}

impl<S: Inner> Middleware<S> for AccessLog {
    async fn run(&self, mut request: Request, inner: S) -> Response {
        let parent = request.headers().get(TRACEPARENT);
        let parent = parent.and_then(|value| TraceParent::parse(value.to_str().ok()?));
        let extensions = request.extensions_mut();
        parent.map(|parent| extensions.insert(parent));
        RequestSpan::begin(parent).map(|span| extensions.insert(span));
        let mut entry = Entry(Some((self.log)(&mut request)));
        let response = answer(inner, request).await;
        entry.finish(Some(&response));
        response
    }
}

/// An entry that is finished once, at the latest when it is dropped.
struct Entry(Option<Finish>);

impl Entry {
    fn finish(&mut self, response: Option<&Response>) {
        if let Some(finish) = self.0.take() {
            finish(response);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.finish(None);
    }
}
