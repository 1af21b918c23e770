//! The outcome of an operation, before it becomes an HTTP response or a bulk result.

use crate::error::Result;
use crate::protocol::pieces::Pieces;
use crate::protocol::query::ReturnPreference;
use std::future::poll_fn;

/// What the client is answered.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u16,
    /// JSON text; `None` for an answer without a body.
    pub(crate) body: Option<String>,
    /// What follows it, if that is still being read.
    pub(crate) rest: Option<Pieces>,
    /// Entity tag of the resource.
    pub(crate) etag: Option<String>,
    /// URL of the resource.
    pub(crate) location: Option<String>,
    /// The client's preference that was followed.
    pub(crate) applied: Option<ReturnPreference>,
}

impl Reply {
    /// 200 with a body.
    pub(crate) fn ok(body: String) -> Self {
        Self {
            status: 200,
            body: Some(body),
            ..Self::default()
        }
    }

    /// All of the body, once the rest is read; empty if there is none.
    ///
    /// # Errors
    /// If the rest could not be read.
    pub(crate) async fn text(self) -> Result<String> {
        let mut text = self.body.unwrap_or_default();
        let Some(mut rest) = self.rest else {
            return Ok(text);
        };
        while let Some(piece) = poll_fn(|context| rest.poll_next(context)).await {
            text.push_str(&piece?);
        }
        Ok(text)
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}
