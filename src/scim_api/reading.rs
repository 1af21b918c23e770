//! Reading resources for an operator: responses of the protocol, without its authentication and log.

use crate::access::{Caller, answered};
use crate::error::{Result, ScimError};
use crate::protocol::{ScimReply, Service};
use crate::scim_api::exchange::ScimCall;
use crate::scim_api::resources::carry_out;
use crate::scim_api::respond;
use crate::scim_api::route::{Route, ScimTarget, Verb};
use crate::scim_api::settings::HttpSettings;
use crate::wire::body::Upload;
use axum::body::Body;
use axum::http::request::Parts;
use axum::response::Response;
use std::sync::Arc;

/// A request to read resources.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    /// The endpoint of a type without a slash, such as `Users`; `None`: all types.
    pub(crate) endpoint: Option<&'a str>,
    /// The id of one resource.
    pub(crate) id: Option<&'a str>,
    /// The head of the request: method, query and headers are used.
    pub(crate) head: Parts,
    pub(crate) settings: Arc<HttpSettings>,
}

impl Reading<'_> {
    fn target(&self) -> ScimTarget {
        let endpoint = self.endpoint.map(|endpoint| format!("/{endpoint}"));
        let searches = Verb::of(&self.head.method) == Verb::Post;
        match (endpoint, self.id) {
            (None, _) => ScimTarget::RootSearch,
            (Some(endpoint), _) if searches => ScimTarget::Search(endpoint),
            (Some(endpoint), None) => ScimTarget::Collection(endpoint),
            (Some(endpoint), Some(id)) => ScimTarget::Resource(endpoint, id.to_owned()),
        }
    }
}

/// Handles a request of an operator to read resources. Other methods are refused.
pub(crate) async fn read_for_operator(
    service: &Service,
    caller: &Caller,
    reading: Reading<'_>,
    upload: Option<Upload>,
) -> Response {
    match read(service, caller, reading, upload).await {
        Ok(reply) => respond::reply(reply),
        Err(error) => respond::error(error, true),
    }
}

async fn read(
    service: &Service,
    caller: &Caller,
    reading: Reading<'_>,
    upload: Option<Upload>,
) -> Result<ScimReply> {
    let target = reading.target();
    let call = ScimCall {
        verb: Verb::of(&reading.head.method),
        tenant: None,
        route: Route::Scim(target.clone()),
        peer: None,
        facts: Arc::default(),
        settings: reading.settings,
        head: reading.head,
    };
    let mut upload = upload.unwrap_or_else(|| Upload::new(&call.head, Body::empty()));
    let searches = matches!(target, ScimTarget::Search(_) | ScimTarget::RootSearch);
    if !searches && call.verb != Verb::Get {
        return Err(ScimError::forbidden("Resources are only read here."));
    }
    answered(carry_out(service, &call, &mut upload, &target, caller).await)
}
