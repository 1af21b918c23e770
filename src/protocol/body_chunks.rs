//! The streamed part of a response body.

use crate::error::{Result, ScimError};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// The rest of a body, in chunks.
#[derive(Debug)]
pub(crate) struct BodyChunks(mpsc::Receiver<BodyChunk>);

/// A chunk, or `None` after the last one.
pub(crate) type BodyChunk = Option<String>;

impl BodyChunks {
    /// The sender and the receiver of chunks. The last chunk is followed by `None`.
    pub(crate) fn channel() -> (mpsc::Sender<BodyChunk>, Self) {
        let (sender, receiver) = mpsc::channel(1);
        (sender, Self(receiver))
    }

    /// Waits for the next chunk; `None` after the last.
    ///
    /// # Errors
    /// If the rest could not be read.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<String>>> {
        let lost = || ScimError::internal("the members of a group were not read to the end");
        self.0
            .poll_recv(context)
            .map(|chunk| chunk.ok_or_else(lost).transpose())
    }
}
