//! One attempt to send a message, and its outcome.

use crate::clock::Clock;
use crate::delivery::lane::AttemptOutcome;
use crate::delivery::message::Messenger;
use crate::outbound::{CallError, Outbound, OutboundCall, OutboundReply, Target};
use crate::trace;
use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};
use std::time::{Duration, Instant};
use tracing::Instrument;

/// The trace context of the delivery, for the receiver.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// An attempt.
#[derive(Debug)]
pub(in crate::delivery) struct Attempt<'a> {
    pub(in crate::delivery) outbound: &'a Outbound,
    pub(in crate::delivery) target: &'a Target,
    pub(in crate::delivery) messenger: &'a Messenger,
    pub(in crate::delivery) clock: &'a Clock,
    pub(in crate::delivery) id: &'a str,
    pub(in crate::delivery) body: Bytes,
    pub(in crate::delivery) timeout: Duration,
}

/// The result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::delivery) struct Attempted {
    pub(in crate::delivery) outcome: AttemptOutcome,
    pub(in crate::delivery) reply: Option<OutboundReply>,
    /// The response or the error, as text.
    pub(in crate::delivery) error: String,
    /// Duration.
    pub(in crate::delivery) took: Duration,
}

impl Attempted {
    pub(in crate::delivery) fn failed(outcome: AttemptOutcome, error: impl Into<String>) -> Self {
        Self {
            outcome,
            reply: None,
            error: error.into(),
            took: Duration::ZERO,
        }
    }
}

/// Makes an attempt.
pub(in crate::delivery) async fn send(attempt: Attempt<'_>) -> Attempted {
    let now = attempt.clock.now();
    let headers = attempt.messenger.headers(attempt.id, &attempt.body, now);
    let mut headers = match headers {
        Ok(headers) => headers,
        Err(error) => return Attempted::failed(AttemptOutcome::Pause(60_000), error.to_string()),
    };
    let span = trace::delivery(attempt.id);
    let place = trace::place(&span).map(|place| HeaderValue::from_str(&place.to_string()));
    if let Some(Ok(place)) = place {
        headers.insert(TRACEPARENT, place);
    }
    let call = OutboundCall {
        target: attempt.target,
        headers,
        body: attempt.body,
        timeout: attempt.timeout,
    };
    let begun = Instant::now();
    let reply = attempt.outbound.post(call).instrument(span.clone()).await;
    let took = begun.elapsed();
    trace::end_delivery(&span, reply.as_ref().ok().map(|reply| reply.status));
    match reply {
        Ok(reply) => Attempted {
            outcome: attempt.messenger.meaning(&reply),
            error: if (200..300).contains(&reply.status) {
                String::new()
            } else {
                format!("status {}", reply.status)
            },
            reply: Some(reply),
            took,
        },
        Err(CallError::Refused(error) | CallError::NoAnswer(error)) => Attempted {
            took,
            ..Attempted::failed(AttemptOutcome::NoAnswer, error)
        },
    }
}
