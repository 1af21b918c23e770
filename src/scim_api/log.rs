//! One line for each request, and its entry in the provisioning log of its tenant. Neither contains query strings, and
//! the only header is the user agent.

use crate::clock::{Clock, Timestamp};
use crate::error::{ErrorStatus, ScimError};
use crate::metrics::Metrics;
use crate::reason::Reason;
use crate::request_log::{Recorder, RequestContext, RequestSummary};
use crate::schema::ResourceType;
use crate::scim_api::respond::ShownError;
use crate::scim_api::route::{Route, ScimTarget, Verb};
use crate::trace::{RequestSpan, TraceParent};
use crate::wire::layers::access_log::Begin;
use crate::wire::layers::client_address::ClientAddress;
use crate::wire::layers::request_id::RequestId;
use axum::extract::Request;
use axum::http::header::{LOCATION, USER_AGENT};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use std::borrow::Cow;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tracing::Level;
use uuid::Uuid;

/// Maximum number of recorded characters of a user agent.
const CLIENT: usize = 200;

/// Properties of a request, collected while it is handled; kept outside of its task, so that a request that exceeded
/// the time limit is logged with the properties known by then.
#[derive(Debug, Default)]
pub(crate) struct RequestProperties {
    /// The target of the request and, for a path outside of the base path, its outline. Not set if the wire refused the
    /// request.
    route: OnceLock<(Route, Option<String>)>,
    resource_type: OnceLock<Arc<ResourceType>>,
    /// The context of the service.
    pub(crate) context: Arc<RequestContext>,
}

impl RequestProperties {
    fn of_request(request_id: Arc<str>) -> Self {
        Self {
            context: Arc::new(RequestContext::of_request(request_id)),
            ..Self::default()
        }
    }

    /// Records the target of the request and, outside of the base path, the outline of its path.
    pub(crate) fn route(&self, route: &Route, outline: Option<String>) {
        let _ = self.route.set((route.clone(), outline));
    }

    /// Records the resource type.
    pub(crate) fn resource_type(&self, resource_type: &Arc<ResourceType>) {
        let _ = self.resource_type.set(resource_type.clone());
    }
}

/// The destinations of log entries.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    /// The recorder of the provisioning log, if there is one.
    pub(crate) recorder: Option<Recorder>,
    pub(crate) clock: Clock,
    /// The counters of requests.
    pub(crate) metrics: Arc<Metrics>,
}

/// A log line before it is written.
#[derive(Debug)]
pub(crate) struct AccessLogLine {
    started: Instant,
    at: Timestamp,
    recorder: Option<Recorder>,
    metrics: Arc<Metrics>,
    client: Option<String>,
    method: Method,
    peer: Option<IpAddr>,
    trace: Option<TraceParent>,
    span: Option<RequestSpan>,
    request_id: Arc<str>,
    /// Properties collected by the handler.
    facts: Arc<RequestProperties>,
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy)]
struct Outcome<'a> {
    status: u16,
    error: Option<&'a ScimError>,
    /// The created resource.
    created: Option<Uuid>,
}

impl Logs {
    /// Starts the line of each request at its arrival and completes it with the response. The handler finds its
    /// [`RequestProperties`] in the extensions of the request.
    pub(crate) fn begin(self) -> Begin {
        Arc::new(move |request| {
            let entry = self.entry(request);
            request.extensions_mut().insert(entry.facts.clone());
            Box::new(move |response| match response {
                Some(response) => entry.finish(Outcome::of(response)),
                None => entry.abandon(),
            })
        })
    }

    fn entry(&self, request: &Request) -> AccessLogLine {
        let (headers, extensions) = (request.headers(), request.extensions());
        let request_id: Arc<str> = extensions
            .get()
            .map_or_else(|| "".into(), |id: &RequestId| id.0.clone());
        AccessLogLine {
            started: Instant::now(),
            at: self.clock.now(),
            recorder: self.recorder.clone(),
            metrics: self.metrics.clone(),
            client: client(headers),
            method: request.method().clone(),
            peer: extensions.get().map(|address: &ClientAddress| address.0),
            trace: extensions.get().copied(),
            span: extensions.get().cloned(),
            facts: Arc::new(RequestProperties::of_request(request_id.clone())),
            request_id,
        }
    }
}

impl<'a> Outcome<'a> {
    fn of(response: &'a Response) -> Self {
        let created = response
            .headers()
            .get(LOCATION)
            .and_then(|location| location.to_str().ok())
            .and_then(id_in);
        Self {
            status: response.status().as_u16(),
            error: response
                .extensions()
                .get::<ShownError>()
                .map(|shown| &*shown.0),
            created,
        }
    }
}

impl AccessLogLine {
    /// Writes the line of a request whose client disconnected.
    fn abandon(&self) {
        let error = ScimError::new(
            ErrorStatus::CLIENT_CLOSED_REQUEST,
            "The client disconnected before the response.",
        );
        let error = error.because(Reason::ClientGone);
        self.finish(Outcome {
            status: 499,
            error: Some(&error),
            created: None,
        });
    }

    /// Writes the line.
    fn finish(&self, outcome: Outcome<'_>) {
        let route = self.facts.route.get().map(|(route, _)| route);
        let Outcome {
            status,
            error,
            created,
        } = outcome;
        let level = match (route, status) {
            // Successful probes arrive every few seconds and are of no interest.
            (Some(Route::Live | Route::Ready), 200) => Level::DEBUG,
            (_, 501) => Level::INFO,
            (_, 500..) => Level::ERROR,
            _ => Level::INFO,
        };
        let (tenant, token) = self.facts.context.names().unzip();
        let (tenant, token) = (tenant.as_deref(), token.as_deref());
        let id = route.and_then(requested_id).or(created);
        let (method, template) = (self.method(), self.template(route));
        if let Some(span) = &self.span {
            span.identify(tenant, Some(&*self.request_id));
            span.finish(method, &template, status);
        }
        self.metrics
            .requests
            .note(&template, method, status, self.started.elapsed());
        self.record(id, &template, outcome);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "scimd::request",
                    $level,
                    method,
                    route = &*template,
                    status,
                    tenant,
                    token,
                    resource_type = self.facts.resource_type.get().map(|resource_type| &**resource_type.name()),
                    id = id.map(tracing::field::display),
                    scim_type = error.and_then(|error| Some(error.scim_type()?.as_str())),
                    reason = error.and_then(|error| Some(error.reason()?.as_str())),
                    elapsed_ms = elapsed_ms(self.started),
                    request_id = &*self.request_id,
                    trace_id = self.trace.map(|parent| parent.trace_id()),
                    peer = self.peer.map(tracing::field::display),
                    // The text about a token contains no personal data.
                    refused = error.filter(|error| error.status() == 401).map(ScimError::logged),
                    cause = error.and_then(causes),
                    "request"
                )
            };
        }
        match level {
            Level::DEBUG => line!(Level::DEBUG),
            Level::ERROR => line!(Level::ERROR),
            _ => line!(Level::INFO),
        }
    }

    /// Adds the request to the provisioning log of its tenant, if the tenant is known.
    fn record(&self, id: Option<Uuid>, template: &str, outcome: Outcome<'_>) {
        let Some(recorder) = self
            .recorder
            .as_ref()
            .filter(|_| self.facts.context.names().is_some())
        else {
            return;
        };
        let (route, outline) = match self.facts.route.get() {
            Some((route, outline)) => (Some(route), outline.as_deref()),
            None => (None, None),
        };
        let Outcome { status, error, .. } = outcome;
        let reads = match route {
            Some(Route::Scim(ScimTarget::Search(_) | ScimTarget::RootSearch)) => true,
            _ => matches!(self.method(), "GET" | "HEAD" | "OPTIONS"),
        };
        let summary = RequestSummary {
            at: self.at,
            client: self.client.as_deref().map(Cow::from),
            method: self.method().into(),
            route: outline.unwrap_or(template).into(),
            reads,
            resource_type: self
                .facts
                .resource_type
                .get()
                .map(|resource_type| Cow::from(&**resource_type.name())),
            resource: id,
            status,
            scim_type: error.and_then(|error| Some(error.scim_type()?.as_str())),
            detail: error.map(|error| error.logged().into()),
            reason: error.and_then(ScimError::reason),
            micros: i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX),
            request_id: Cow::from(&*self.request_id),
        };
        recorder.take(summary, &self.facts.context);
    }

    /// The method; one of a client's own is not logged.
    fn method(&self) -> &str {
        if Verb::of(&self.method) == Verb::Other {
            "other"
        } else {
            self.method.as_str()
        }
    }

    fn template(&self, route: Option<&Route>) -> Cow<'static, str> {
        let template = route.map_or("refused", Route::template);
        let of_type = self.facts.resource_type.get();
        match of_type.zip(template.strip_prefix("/{endpoint}")) {
            Some((resource_type, rest)) => [resource_type.endpoint(), rest].concat().into(),
            None => template.into(),
        }
    }
}

/// Elapsed milliseconds, with microsecond precision.
fn elapsed_ms(since: Instant) -> f64 {
    f64::from(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)) / 1000.0
}

/// The id in the path, if it is well-formed; other text is not logged.
fn requested_id(route: &Route) -> Option<Uuid> {
    match route {
        Route::Scim(ScimTarget::Resource(_, id)) => id.parse().ok(),
        _ => None,
    }
}

/// The id at the end of a URL.
fn id_in(location: &str) -> Option<Uuid> {
    location.rsplit('/').next()?.parse().ok()
}

/// The chain of causes, which only the log shows.
fn causes(error: &ScimError) -> Option<String> {
    let mut cause = error.source()?;
    let mut words = cause.to_string();
    while let Some(deeper) = cause.source() {
        cause = deeper;
        words.push_str(": ");
        words.push_str(&cause.to_string());
    }
    Some(words)
}

/// The user agent, as far as it is valid for a log.
fn client(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(USER_AGENT)?.as_bytes();
    let printable = |byte: &u8| {
        if matches!(byte, b' '..=b'~') {
            char::from(*byte)
        } else {
            '?'
        }
    };
    Some(name.iter().take(CLIENT).map(printable).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_chained() {
        let inner =
            ScimError::new(ErrorStatus::INTERNAL_SERVER_ERROR, "inner").caused_by("disk full");
        let outer = ScimError::internal(inner);
        assert_eq!(causes(&outer).as_deref(), Some("inner: disk full"));
        assert_eq!(causes(&ScimError::not_found("x")), None);
    }

    #[test]
    fn only_well_formed_ids_are_logged() {
        let id = "0190c2a0-7b2e-7c11-8d3c-111111111111";
        let route = |id: &str| Route::Scim(ScimTarget::Resource("/Users".into(), id.into()));
        assert_eq!(
            requested_id(&route(id)).map(|id| id.to_string()).as_deref(),
            Some(id)
        );
        assert_eq!(requested_id(&route("x\nforged line")), None);
        assert!(id_in(&format!("https://a/Users/{id}")).is_some());
    }
}
