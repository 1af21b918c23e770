//! Other APIs on the listener of the SCIM API.

use crate::scim_api::log::RequestProperties;
use crate::scim_api::route::Route;
use crate::wire::Refuse;
use crate::wire::refusal::{RefusalForms, is_below};
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
pub struct SiblingApi {
    prefix: &'static str,
    /// The API's format of refusals.
    refuse: Refuse,
    answer: Arc<dyn Fn(Request) -> Answering + Send + Sync>,
}

impl fmt::Debug for SiblingApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiblingApi")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl SiblingApi {
    /// The API for a prefix, with the form of responses to requests that the wire layer refuses.
    pub fn new<F>(
        prefix: &'static str,
        refuse: Refuse,
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
            refuse,
            answer: Arc::new(answer),
        }
    }

    pub(super) fn is_for(&self, request: &Request) -> bool {
        is_below(request.uri().path(), self.prefix)
    }

    /// The forms of refusals with that of this API for its paths.
    pub(super) fn add_form(&self, forms: RefusalForms) -> RefusalForms {
        forms.with(self.prefix, self.refuse)
    }

    pub(super) fn answer(&self, request: Request) -> Answering {
        if let Some(facts) = request.extensions().get::<Arc<RequestProperties>>() {
            facts.route(&Route::SiblingApi(self.prefix), None);
        }
        (self.answer)(request)
    }
}
