//! From an HTTP request to a call of the API, and from its outcome to an HTTP response.

use crate::error::Result;
use crate::live::Live;
use crate::protocol::ScimReply;
use crate::scim_api::log::RequestProperties;
use crate::scim_api::path::{BasePath, outline};
use crate::scim_api::respond;
use crate::scim_api::route::{Route, Verb};
use crate::scim_api::settings::HttpSettings;
use crate::wire::body::Upload;
use crate::wire::deadlines::ConnectionDeadlines;
use crate::wire::in_flight::Ticket;
use crate::wire::layers::client_address::ClientAddress;
use axum::extract::Request;
use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::response::Response;
use std::net::IpAddr;
use std::sync::Arc;

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// A request for a handler, without the body, which is read later.
#[derive(Debug)]
pub(crate) struct ScimCall {
    pub(crate) head: Parts,
    /// The tenant that the path names.
    pub(crate) tenant: Option<String>,
    pub(crate) route: Route,
    pub(crate) verb: Verb,
    /// The address of the client.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) facts: Arc<RequestProperties>,
    /// The settings at the arrival of the request.
    pub(crate) settings: Arc<HttpSettings>,
}

impl ScimCall {
    /// Records a valid token on the connection.
    pub(crate) fn know(&self) {
        if let Some(deadlines) = self.head.extensions.get::<ConnectionDeadlines>() {
            deadlines.know();
        }
    }

    /// Counts the request for its caller, and releases its admission slot.
    ///
    /// # Errors
    /// 429 or 503 if there are too many running requests.
    pub(crate) fn admit(&self, token: &Arc<str>, tenant: &Arc<str>) -> Result<()> {
        let Some(ticket) = self.ticket() else {
            return Ok(());
        };
        ticket.admit(token, tenant)?;
        ticket.release_slot();
        Ok(())
    }

    /// Releases the admission slot of a refused request.
    pub(crate) fn refuse(&self) {
        if let Some(ticket) = self.ticket() {
            ticket.release_slot();
        }
    }

    /// Counts the bytes that the request will keep.
    ///
    /// # Errors
    /// 429 or 503 if there are too many.
    pub(crate) fn expect(&self, bytes: usize) -> Result<()> {
        self.ticket()
            .map_or(Ok(()), |ticket| Ok(ticket.keep(bytes, true)?))
    }

    fn ticket(&self) -> Option<&Ticket> {
        self.head.extensions.get()
    }
}

/// Converts requests to calls, and outcomes to responses.
#[derive(Debug)]
pub(crate) struct Exchange {
    settings: Live<HttpSettings>,
    base: BasePath,
}

impl Exchange {
    /// Requests with these settings.
    pub(crate) fn new(settings: Live<HttpSettings>) -> Self {
        Self {
            base: BasePath::new(&settings.get().base_path),
            settings,
        }
    }

    /// Handles a request with `handle`.
    pub(crate) async fn conduct<H, W>(&self, request: Request, handle: H) -> Response
    where
        H: FnOnce(ScimCall, Upload) -> W,
        W: Future<Output = Result<ScimReply>> + Send + 'static,
    {
        let has_credentials = request.headers().contains_key(AUTHORIZATION);
        let (call, upload) = self.read(request);
        let (verb, route) = (call.verb, call.route.clone());
        // Boxed: the future is large and moved several times.
        let outcome = Box::pin(handle(call, upload)).await;
        let mut response = match outcome {
            Ok(reply) => respond::reply(reply),
            Err(error) => respond::error(error, has_credentials),
        };
        complete(&mut response, &route, verb);
        response
    }

    fn read(&self, request: Request) -> (ScimCall, Upload) {
        let settings = self.settings.get();
        let (head, body) = request.into_parts();
        let facts = head.extensions.get::<Arc<RequestProperties>>().cloned();
        let facts = facts.unwrap_or_default();
        let upload = Upload::new(&head, body);
        let path = head.uri.path();
        let (tenant, path) = if settings.tenant_paths {
            self.base.tenant(path)
        } else {
            (None, path)
        };
        let route = self.base.route(path);
        let is_beside = matches!(route, Route::Outside | Route::OtherVersion(_));
        facts.route(&route, is_beside.then(|| outline(path)));
        let call = ScimCall {
            verb: Verb::of(&head.method),
            peer: head
                .extensions
                .get()
                .map(|address: &ClientAddress| address.0),
            head,
            tenant,
            route,
            facts,
            settings,
        };
        (call, upload)
    }
}

/// Adds the headers of a response that depend on its route.
fn complete(response: &mut Response, route: &Route, verb: Verb) {
    let status = response.status().as_u16();
    if status == 405 || (verb == Verb::Options && status == 204) {
        allow(response, route.allow());
    }
    if verb == Verb::Patch && status == 204 {
        respond::name_type(response);
    }
    if matches!(route, Route::KeySet) && status == 200 {
        respond::put(response, CONTENT_TYPE, "application/jwk-set+json");
    }
    if matches!(route, Route::Live | Route::Ready | Route::Transmitter) && status == 200 {
        respond::put(response, CONTENT_TYPE, "application/json");
    }
    if matches!(route, Route::Front) && status == 200 {
        respond::put(response, CONTENT_TYPE, "text/plain; charset=utf-8");
    }
}

fn allow(response: &mut Response, methods: &str) {
    respond::put(response, ALLOW, methods);
    if methods.contains("PATCH") {
        respond::put(
            response,
            ACCEPT_PATCH,
            "application/scim+json, application/json",
        );
    }
}
