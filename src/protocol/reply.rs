//! The outcome of an operation, before it becomes an HTTP response or a bulk result.

use crate::error::Result;
use crate::protocol::body_chunks::BodyChunks;
use crate::protocol::query::ReturnPreference;
use std::future::poll_fn;

/// The response to the client.
#[derive(Debug, Default)]
pub(crate) struct ScimReply {
    /// HTTP status.
    pub(crate) status: u16,
    /// JSON text; `None` for a response without a body.
    pub(crate) body: Option<String>,
    /// The streamed rest of the body.
    pub(crate) rest: Option<BodyChunks>,
    /// Entity tag of the resource.
    pub(crate) etag: Option<String>,
    /// URL of the resource.
    pub(crate) location: Option<String>,
    /// The applied preference of the client.
    pub(crate) applied: Option<ReturnPreference>,
}

impl ScimReply {
    /// 200 with a body.
    pub(crate) fn ok(body: String) -> Self {
        Self {
            status: 200,
            body: Some(body),
            ..Self::default()
        }
    }

    /// The complete body, including the streamed rest; empty if there is none.
    ///
    /// # Errors
    /// If the rest could not be read.
    pub(crate) async fn text(self) -> Result<String> {
        let mut text = self.body.unwrap_or_default();
        let Some(mut rest) = self.rest else {
            return Ok(text);
        };
        while let Some(chunk) = poll_fn(|context| rest.poll_next(context)).await {
            text.push_str(&chunk?);
        }
        Ok(text)
    }

    /// A response without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}
