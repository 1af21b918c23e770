//! Polling of security event tokens, below `/feed/v1/streams/{name}/poll` (RFC 8936).

use super::problem::Problem;
use crate::delivery::{EndpointError, Poll, Polled};
use crate::wire::body::{BodyLimits, Upload};
use axum::http::request::Parts;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Limits of a body, sufficient for the acknowledgement of every offered token.
const BODY: BodyLimits = BodyLimits {
    bytes: 256 << 10,
    time: Duration::from_secs(10),
};

/// Default and maximum number of tokens in a response.
const MAX: usize = 1000;

/// The body of a poll (RFC 8936 section 2.2); other members are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PollBody {
    max_events: Option<usize>,
    return_immediately: bool,
    ack: Vec<String>,
    set_errs: BTreeMap<String, SetFault>,
}

/// The error of a token (RFC 8936 section 2.6).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SetFault {
    err: String,
    description: String,
}

/// A parsed poll request.
#[derive(Debug)]
pub(super) struct PollRequest {
    /// The content.
    pub(super) poll: Poll,
    /// Whether to wait for a token if there is none.
    pub(super) waits: bool,
}

/// Reads the body of a poll.
///
/// # Errors
/// 400 if it is not an object of that form; 413 and 408 if it is too large or too slow.
pub(super) async fn read(head: &Parts, upload: &mut Upload) -> Result<PollRequest, Problem> {
    let bytes = upload.bytes(&head.headers, BODY).await?;
    // The derived parser would also accept an array.
    let object: serde_json::Result<Map<String, Value>> = serde_json::from_slice(&bytes);
    let body = object.and_then(|object| serde_json::from_value(object.into()));
    let body: PollBody = body.map_err(|error| {
        Problem::invalid(format!(
            "The body must be a JSON object with maxEvents, returnImmediately, ack and setErrs: {error}."
        ))
    })?;
    let max = body.max_events.unwrap_or(MAX).min(MAX);
    let errors = body.set_errs.into_iter().map(|(id, fault)| {
        let text = match fault.description.as_str() {
            "" => fault.err,
            description => format!("{}: {description}", fault.err),
        };
        (id, text)
    });
    Ok(PollRequest {
        waits: max > 0 && !body.return_immediately,
        poll: Poll {
            max,
            acknowledged: body.ack,
            errors: errors.collect(),
        },
    })
}

/// The body of the response (RFC 8936 section 2.3).
pub(super) fn text(polled: Polled) -> String {
    let tokens = polled.tokens.into_iter();
    let sets: Map<_, _> = tokens.map(|(id, token)| (id, token.into())).collect();
    let body: Value = json!({"sets": sets, "moreAvailable": polled.more});
    body.to_string()
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::NoEndpoint { .. } => {
                Self::not_found("There is no stream with this name that this token may poll.")
            }
            EndpointError::Gone => Self::gone(String::new()),
            EndpointError::Failed(error) => error.into(),
            error => {
                tracing::error!(%error, "a stream cannot be polled");
                Self::new(500, "internal", "The server failed.")
            }
        }
    }
}
