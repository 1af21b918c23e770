//! Spans for OpenTelemetry traces: one for each request, statement, group of coalesced statements and delivery.
//!
//! They are spans of the library `tracing`, below the target [`TARGET`], which only the export of traces enables. While
//! it is disabled, no spans are created. Spans contain templates of routes, names of statements and numbers, never
//! values.

mod parent;
#[cfg(feature = "otlp")]
mod remote;

pub(crate) use parent::TraceParent;

use tracing::field::Empty;
use tracing::{Level, Span};

/// The target of all spans.
pub(crate) const TARGET: &str = "scimd::trace";

/// Whether traces are exported.
pub(crate) fn is_enabled() -> bool {
    tracing::span_enabled!(target: TARGET, Level::DEBUG)
}

/// The span of a request, an extension of it.
#[derive(Debug, Clone)]
pub(crate) struct RequestSpan(Span);

/// The span of a caller that waits for shared work.
#[derive(Debug, Clone)]
pub(crate) struct CallerSpan(Option<Span>);

impl RequestSpan {
    /// Starts the span of a request, below that of the client if it sent one; `None` while traces are disabled.
    pub(crate) fn begin(parent: Option<TraceParent>) -> Option<Self> {
        let span = tracing::debug_span!(
            target: TARGET,
            parent: None,
            "request",
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = Empty,
            http.route = Empty,
            http.response.status_code = Empty,
            tenant = Empty,
            request_id = Empty,
        );
        if span.is_disabled() {
            return None;
        }
        if let Some(parent) = parent {
            set_parent(&span, parent);
        }
        Some(Self(span))
    }

    /// The span for the work of the request.
    pub(crate) fn span(&self) -> Span {
        self.0.clone()
    }

    /// Adds the tenant and the id of the request to the span.
    pub(crate) fn identify(&self, tenant: Option<&str>, request_id: Option<&str>) {
        if let Some(id) = request_id {
            self.0.record("request_id", id);
        }
        if let Some(tenant) = tenant {
            self.0.record("tenant", tenant);
        }
    }

    /// Ends the span with the outcome of the request. The route is a template.
    pub(crate) fn finish(&self, method: &str, route: &str, status: u16) {
        rename(&self.0, format!("{method} {route}"));
        self.0.record("http.request.method", method);
        self.0.record("http.route", route);
        self.0.record("http.response.status_code", status);
        if status >= 500 {
            self.0.record("otel.status_code", "ERROR");
        }
    }
}

impl CallerSpan {
    /// The current span.
    pub(crate) fn current() -> Self {
        Self(is_enabled().then(Span::current))
    }
}

/// The span of a statement or batch of a request. Background work has none: it queries several times a second, and each
/// of these statements would be a trace.
pub(crate) fn statement_of_request(name: &'static str, system: &'static str) -> Span {
    match CallerSpan::current() {
        CallerSpan(Some(caller)) if !caller.is_none() => statement(name, system),
        _ => Span::none(),
    }
}

/// The span of a statement or batch: its name, and the kind of database.
pub(crate) fn statement(name: &'static str, system: &'static str) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "statement",
        otel.name = name,
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = system,
        db.query.summary = name,
        db.response.returned_rows = Empty,
    )
}

/// Ends the span of a statement with its number of rows; `None` if it failed.
pub(crate) fn end_statement(span: &Span, rows: Option<usize>) {
    match rows {
        Some(rows) => span.record("db.response.returned_rows", rows),
        None => span.record("otel.status_code", "ERROR"),
    };
}

/// The span of an attempt to send an event.
pub(crate) fn delivery(event: &str) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "delivery",
        otel.name = "delivery",
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = "POST",
        http.response.status_code = Empty,
        event,
    )
}

/// Ends the span of an attempt with the status of the response; `None` without a response.
pub(crate) fn end_delivery(span: &Span, status: Option<u16>) {
    if let Some(status) = status {
        span.record("http.response.status_code", status);
    }
    if !status.is_some_and(|status| (200..300).contains(&status)) {
        span.record("otel.status_code", "ERROR");
    }
}

/// The span of shared work, with links to the spans of all waiting callers.
pub(crate) fn shared<'a>(
    name: &'static str,
    origins: impl ExactSizeIterator<Item = &'a CallerSpan>,
) -> Span {
    let span = tracing::debug_span!(
        target: TARGET,
        parent: None,
        "shared",
        otel.name = name,
        otel.kind = "client",
        requests = origins.len(),
    );
    if !span.is_disabled() {
        origins
            .filter_map(|origin| origin.0.as_ref())
            .for_each(|origin| link(&span, origin));
    }
    span
}

#[cfg(feature = "otlp")]
pub(crate) use remote::place;
#[cfg(feature = "otlp")]
use remote::{link, rename, set_parent};

/// Spans of a build without export have no parent elsewhere.
#[cfg(not(feature = "otlp"))]
fn set_parent(_: &Span, _: TraceParent) {}

/// Names of spans are not used in a build without export.
#[cfg(not(feature = "otlp"))]
fn rename(_: &Span, _: String) {}

/// Spans of a build without export are in no trace.
#[cfg(not(feature = "otlp"))]
pub(crate) fn place(_: &Span) -> Option<TraceParent> {
    None
}

/// Spans of a build without export have no links.
#[cfg(not(feature = "otlp"))]
fn link(_: &Span, _: &Span) {}
