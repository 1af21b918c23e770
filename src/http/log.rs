//! One line for each request, and what the provisioning log of its tenant is told. Neither ever
//! holds query strings, and of headers only what the client calls itself.

use crate::clock::{Clock, Timestamp};
use crate::error::{ErrorStatus, ScimError};
use crate::http::route::{Route, Target, Verb};
use crate::reason::Reason;
use crate::schema::ResourceType;
use crate::service::{Asked, Recorder, Reply, Trail};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tracing::{Level, Span};
use uuid::Uuid;

/// Characters of a client's name that are kept.
const CLIENT: usize = 200;

/// What is learned of a request while it is handled; kept outside of the task that handles it,
/// so that a request which ran out of time is logged with what was known by then.
#[derive(Debug, Default)]
pub(super) struct Facts {
    kind: OnceLock<Arc<ResourceType>>,
    /// What the service learns.
    pub(super) trail: Arc<Trail>,
}

impl Facts {
    pub(super) fn kind(&self, kind: &Arc<ResourceType>) {
        let _ = self.kind.set(kind.clone());
    }
}

/// Where requests are logged.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// That of the provisioning log, if there is one.
    pub(super) recorder: Option<Recorder>,
    pub(super) clock: Clock,
}

/// A line in the making.
#[derive(Debug)]
pub(super) struct Entry {
    started: Instant,
    at: Timestamp,
    recorder: Option<Recorder>,
    client: Option<String>,
    method: String,
    peer: Option<IpAddr>,
    trace_id: Option<String>,
    /// Names the request, in the answer and in every line that is logged on its behalf.
    pub(super) request_id: String,
    /// What the handler learns.
    pub(super) facts: Arc<Facts>,
    /// Where the request is bound for; `None` while it is not known.
    pub(super) route: Option<Route>,
    /// An outline of a path beside the base path, for the provisioning log.
    pub(super) beside: Option<String>,
    is_written: bool,
}

impl Logs {
    /// Begins the line of a request.
    pub(super) fn begin(&self, head: &Parts, peer: Option<IpAddr>) -> Entry {
        let known = Verb::of(&head.method) != Verb::Other;
        Entry {
            started: Instant::now(),
            at: self.clock.now(),
            recorder: self.recorder.clone(),
            client: client(&head.headers),
            method: if known {
                head.method.to_string()
            } else {
                "other".to_owned()
            },
            peer,
            trace_id: trace_id(&head.headers),
            request_id: request_id(&head.headers),
            facts: Arc::default(),
            route: None,
            beside: None,
            is_written: false,
        }
    }
}

impl Entry {
    /// The span of everything that is done for the request.
    pub(super) fn span(&self) -> Span {
        tracing::info_span!("request", request_id = self.request_id)
    }

    /// Writes the line.
    pub(super) fn finish(&mut self, outcome: Result<&Reply, &ScimError>) {
        self.is_written = true;
        let route = self.route.as_ref();
        let status = outcome.map_or_else(ScimError::status, |reply| reply.status);
        let level = match (route, status) {
            // Probes come every few seconds and say nothing while all is well.
            (Some(Route::Live | Route::Ready), 200) => Level::DEBUG,
            (_, 501) => Level::INFO,
            (_, 500..) => Level::ERROR,
            _ => Level::INFO,
        };
        let (tenant, token) = self.facts.trail.names().unzip();
        let (tenant, token) = (tenant.as_deref(), token.as_deref());
        let id = route
            .and_then(requested_id)
            .or_else(|| outcome.ok().and_then(created_id));
        self.record(id, outcome);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "scimd::request",
                    $level,
                    method = self.method,
                    route = self.template(route),
                    status,
                    tenant,
                    token,
                    resource_type = self.facts.kind.get().map(|kind| &**kind.name()),
                    id = id.map(tracing::field::display),
                    scim_type = outcome.err().and_then(|error| Some(error.scim_type()?.as_str())),
                    reason = outcome.err().and_then(|error| Some(error.reason()?.as_str())),
                    elapsed_ms = elapsed_ms(self.started),
                    request_id = self.request_id,
                    trace_id = self.trace_id,
                    peer = self.peer.map(tracing::field::display),
                    // What is told of a token names no person.
                    refused = outcome.err().filter(|error| error.status() == 401).map(ScimError::logged),
                    cause = outcome.err().and_then(causes),
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

    /// Tells the provisioning log; a request without a tenant is not told of.
    fn record(&self, id: Option<Uuid>, outcome: Result<&Reply, &ScimError>) {
        let Some(recorder) = self
            .recorder
            .as_ref()
            .filter(|_| self.facts.trail.names().is_some())
        else {
            return;
        };
        let route = self.route.as_ref();
        let reads = match route {
            Some(Route::Scim(Target::Search(_) | Target::RootSearch)) => true,
            _ => matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS"),
        };
        let asked = Asked {
            at: self.at,
            client: self.client.clone(),
            method: self.method.clone(),
            route: self.beside.clone().unwrap_or_else(|| self.template(route)),
            reads,
            resource_type: self.facts.kind.get().map(|kind| kind.name().to_string()),
            resource: id,
            status: outcome.map_or_else(ScimError::status, |reply| reply.status),
            scim_type: outcome
                .err()
                .and_then(|error| Some(error.scim_type()?.as_str())),
            detail: outcome.err().map(|error| error.logged().to_owned()),
            reason: outcome.err().and_then(ScimError::reason),
            micros: i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX),
            request_id: self.request_id.clone(),
        };
        recorder.take(asked, &self.facts.trail);
    }

    fn template(&self, route: Option<&Route>) -> String {
        let template = route.map_or("refused", Route::template);
        match self.facts.kind.get() {
            Some(kind) => template.replace("/{endpoint}", kind.endpoint()),
            None => template.to_owned(),
        }
    }
}

impl Drop for Entry {
    /// A client that hangs up drops the wait for its answer; what it asked is logged all the same.
    fn drop(&mut self) {
        if !self.is_written {
            let error = ScimError::new(
                ErrorStatus::CLIENT_CLOSED_REQUEST,
                "The client hung up before it was answered.",
            );
            self.finish(Err(&error.because(Reason::ClientGone)));
        }
    }
}

/// Whole microseconds, as milliseconds.
fn elapsed_ms(since: Instant) -> f64 {
    f64::from(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)) / 1000.0
}

/// The id in the path, if it can be one of ours; other text stays out of the log.
fn requested_id(route: &Route) -> Option<Uuid> {
    match route {
        Route::Scim(Target::Resource(_, id)) => id.parse().ok(),
        _ => None,
    }
}

fn created_id(reply: &Reply) -> Option<Uuid> {
    reply.location.as_deref()?.rsplit('/').next()?.parse().ok()
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

/// What the client calls itself, as far as that is fit for a log.
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

/// The client's own `X-Request-Id`, if it is fit for a log, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok());
    let fit = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    given
        .filter(fit)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// The trace id of a well-formed W3C `traceparent`: version, trace, span, flags.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let parts: Vec<&str> = headers
        .get("traceparent")?
        .to_str()
        .ok()?
        .split('-')
        .collect();
    let [version, trace, span, flags, ..] = parts.as_slice() else {
        return None;
    };
    let hex = |text: &str, length| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_set = |text: &str| text.bytes().any(|byte| byte != b'0');
    let well_formed = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    let meant =
        *version != "ff" && is_set(trace) && is_set(span) && (*version != "00" || parts.len() == 4);
    (well_formed && meant).then(|| (*trace).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn only_well_formed_traces_are_logged() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(
            trace_id(&with("traceparent", good)).as_deref(),
            Some("0af7651916cd43dd8448eb211c80319c")
        );
        for bad in [
            "",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        ] {
            assert_eq!(trace_id(&with("traceparent", bad)), None, "{bad}");
        }
    }

    #[test]
    fn request_ids_are_kept_if_they_are_fit_for_a_log() {
        assert_eq!(request_id(&with("x-request-id", "abc-1.2_3")), "abc-1.2_3");
        for bad in ["", "a b", "a\"b", &"a".repeat(65)] {
            assert!(
                request_id(&with("x-request-id", bad))
                    .parse::<Uuid>()
                    .is_ok(),
                "{bad}"
            );
        }
    }

    #[test]
    fn causes_are_chained() {
        let inner =
            ScimError::new(ErrorStatus::INTERNAL_SERVER_ERROR, "inner").caused_by("disk full");
        let outer = ScimError::internal(inner);
        assert_eq!(causes(&outer).as_deref(), Some("inner: disk full"));
        assert_eq!(causes(&ScimError::not_found("x")), None);
    }

    #[test]
    fn only_ids_of_ours_are_logged() {
        let id = "0190c2a0-7b2e-7c11-8d3c-111111111111";
        let route = |id: &str| Route::Scim(Target::Resource("/Users".into(), id.into()));
        assert_eq!(
            requested_id(&route(id)).map(|id| id.to_string()).as_deref(),
            Some(id)
        );
        assert_eq!(requested_id(&route("x\nforged line")), None);
        let created = Reply {
            location: Some(format!("https://a/Users/{id}")),
            ..Reply::default()
        };
        assert!(created_id(&created).is_some());
    }
}
