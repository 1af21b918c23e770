//! The result of an operation of a bulk request.

use crate::error::{Result, ScimError};
use crate::messages::{BulkResult, BulkSuccess};
use crate::protocol::ScimReply;
use serde_json::Value;

/// The entry of an operation in the response; `location` for a failed one.
pub(super) fn result(
    sent: &Value,
    outcome: Result<&ScimReply, &ScimError>,
    location: Option<&str>,
) -> Value {
    let own = outcome.ok().and_then(|reply| reply.location.as_deref());
    let result = BulkResult {
        location: own.or(location),
        outcome: match outcome {
            Ok(reply) => Ok(BulkSuccess {
                status: reply.status,
                version: reply.etag.as_deref(),
            }),
            Err(error) => Err(error.message()),
        },
    };
    result.entry(sent)
}
