//! Other APIs on the listener of the SCIM API.

use crate::scim_api::log::Facts;
use crate::scim_api::route::Route;
use axum::extract::Request;
use axum::response::Response;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// The future of one request.
pub(super) type Answering = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// An API with a path prefix.
#[derive(Clone)]
pub struct Beside {
    prefix: &'static str,
    answer: Arc<dyn Fn(Request) -> Answering + Send + Sync>,
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Beside {
    /// The API for a prefix.
    pub fn new<F>(
        prefix: &'static str,
        answer: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let answer = move |request| {
            let work = answer(request);
            Box::pin(async move { Ok(work.await) }) as Answering
        };
        Self {
            prefix,
            answer: Arc::new(answer),
        }
    }

    pub(super) fn is_for(&self, request: &Request) -> bool {
        let rest = request.uri().path().strip_prefix(self.prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(super) fn answer(&self, request: Request) -> Answering {
        if let Some(facts) = request.extensions().get::<Arc<Facts>>() {
            facts.route(&Route::Beside(self.prefix), None);
        }
        (self.answer)(request)
    }
}
