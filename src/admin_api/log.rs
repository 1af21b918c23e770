//! One line for each request of the management listener. It contains templates of paths, and neither queries nor
//! headers.

use crate::admin_api::respond::ShownProblem;
use crate::metrics::Metrics;
use crate::trace::RequestSpan;
use crate::wire::layers::access_log::Begin;
use crate::wire::layers::client_address::ClientAddress;
use crate::wire::layers::request_id::RequestId;
use axum::extract::Request;
use axum::response::Response;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tracing::Level;

/// Properties of a request, collected while it is handled.
#[derive(Debug, Default)]
pub(crate) struct CallProperties {
    /// Template of the path. Not set if the request was refused before it was routed.
    pub(crate) route: OnceLock<&'static str>,
    /// Name of the tenant in the path.
    pub(crate) tenant: OnceLock<String>,
    /// Name of the operator token.
    pub(crate) operator: OnceLock<String>,
}

/// Paths of probes, which are requested every few seconds.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// A log line before it is written.
struct Line {
    started: Instant,
    method: String,
    peer: Option<IpAddr>,
    request_id: Option<Arc<str>>,
    metrics: Arc<Metrics>,
    span: Option<RequestSpan>,
    facts: Arc<CallProperties>,
}

/// Counts each request, starts its line at its arrival and writes it with the response. The handler finds the [`CallProperties`]
/// in the extensions of the request.
pub(crate) fn begin(metrics: Arc<Metrics>) -> Begin {
    Arc::new(move |request| {
        let line = Line::of(request, metrics.clone());
        request.extensions_mut().insert(line.facts.clone());
        Box::new(move |response| line.write(response))
    })
}

impl Line {
    fn of(request: &Request, metrics: Arc<Metrics>) -> Self {
        let extensions = request.extensions();
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = request.method().as_str();
        Self {
            started: Instant::now(),
            method: if known.contains(&method) {
                method
            } else {
                "other"
            }
            .to_owned(),
            peer: extensions.get().map(|address: &ClientAddress| address.0),
            request_id: extensions.get().map(|id: &RequestId| id.0.clone()),
            metrics,
            span: extensions.get().cloned(),
            facts: Arc::default(),
        }
    }

    fn write(&self, response: Option<&Response>) {
        let status = response.map_or(499, |response| response.status().as_u16());
        let problem = response.and_then(|response| response.extensions().get::<ShownProblem>());
        let route = self.facts.route.get().copied();
        let is_quiet = status == 200 && route.is_some_and(|route| PROBES.contains(&route));
        let template = route.unwrap_or("refused");
        let elapsed = self.started.elapsed();
        self.metrics
            .requests
            .note(template, &self.method, status, elapsed);
        if let Some(span) = &self.span {
            let tenant = self.facts.tenant.get().map(String::as_str);
            span.identify(tenant, self.request_id.as_deref());
            span.finish(&self.method, template, status);
        }
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "scimd::admin",
                    $level,
                    method = self.method,
                    route = template,
                    status,
                    tenant = self.facts.tenant.get().map(String::as_str),
                    operator = self.facts.operator.get().map(String::as_str),
                    reason = problem.map(|shown| shown.0.kind.as_str()),
                    elapsed_ms = elapsed_ms(self.started),
                    request_id = self.request_id.as_deref(),
                    peer = self.peer.map(tracing::field::display),
                    cause = problem.and_then(|shown| causes(shown.0.cause.as_deref()?)),
                    "management request"
                )
            };
        }
        match status {
            _ if is_quiet => line!(Level::DEBUG),
            500.. => line!(Level::ERROR),
            _ => line!(Level::INFO),
        }
    }
}

/// Elapsed milliseconds, with microsecond precision.
fn elapsed_ms(since: Instant) -> f64 {
    f64::from(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)) / 1000.0
}

/// An error with the chain of its causes, which only the log shows.
fn causes(error: &(dyn Error + Send + Sync + 'static)) -> Option<String> {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        words.push_str(": ");
        words.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    (!words.is_empty()).then_some(words)
}
