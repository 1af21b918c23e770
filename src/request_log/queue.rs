//! The queue of requests for the provisioning log, in the chunks that are written with one statement each.

use crate::resource::Key;
use crate::store::RequestRows;
use crate::sync::locked;
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::sync::{Notify, oneshot};

/// Maximum number of queued requests.
const WAITING: usize = 16_384;
/// Approximate maximum number of queued bytes.
const WAITING_BYTES: usize = 64 << 20;
/// Maximum number of requests, and of bytes, in one write.
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 4 << 20;

/// Requests that are written with one statement.
#[derive(Debug, Default)]
pub(super) struct RequestChunk {
    pub(super) rows: RequestRows,
    /// Keys of the names of users, with their rows, in order.
    pub(super) names: Vec<(usize, Key)>,
    /// Approximate bytes.
    pub(super) bytes: usize,
    /// Receivers of a signal when the chunk, and those before it, are written.
    pub(super) waiting: Vec<oneshot::Sender<()>>,
}

impl RequestChunk {
    /// Whether it has room for another request.
    pub(super) fn has_room(&self) -> bool {
        self.rows.len() < AT_ONCE && self.bytes < BYTES_AT_ONCE
    }

    fn is_empty(&self) -> bool {
        self.rows.len() == 0 && self.waiting.is_empty()
    }
}

/// The outcome of adding a request to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueOutcome {
    /// The request is queued.
    Yes,
    /// The request needs no row, because its tenant is unknown.
    No,
    /// The queue is full.
    Full,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct RequestQueue {
    chunks: Mutex<QueuedChunks>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct QueuedChunks {
    full: VecDeque<RequestChunk>,
    /// The chunk for the next request.
    last: RequestChunk,
    /// Requests that are queued or being written, and their bytes.
    rows: usize,
    bytes: usize,
}

impl RequestQueue {
    /// Adds a request of this size with `add`, which returns whether it added a row to the chunk.
    pub(super) fn add(
        &self,
        bytes: usize,
        add: impl FnOnce(&mut RequestChunk) -> bool,
    ) -> QueueOutcome {
        let mut chunks = locked(&self.chunks);
        if chunks.rows >= WAITING || chunks.bytes > WAITING_BYTES {
            return QueueOutcome::Full;
        }
        if !add(&mut chunks.last) {
            return QueueOutcome::No;
        }
        chunks.last.bytes += bytes;
        chunks.rows += 1;
        chunks.bytes += bytes;
        if !chunks.last.has_room() {
            let last = std::mem::take(&mut chunks.last);
            chunks.full.push_back(last);
            self.filled.notify_one();
        }
        QueueOutcome::Yes
    }

    /// Sends a signal when all queued requests are written.
    pub(super) fn notify_when_written(&self, done: oneshot::Sender<()>) {
        locked(&self.chunks).last.waiting.push(done);
    }

    /// Returns when a chunk has become full since the last call; it can be written already.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Removes and returns the first full chunk.
    pub(super) fn first_full(&self) -> Option<RequestChunk> {
        locked(&self.chunks).full.pop_front()
    }

    /// Removes and returns the first chunk, full or not.
    pub(super) fn first(&self) -> Option<RequestChunk> {
        let mut chunks = locked(&self.chunks);
        if let Some(full) = chunks.full.pop_front() {
            return Some(full);
        }
        (!chunks.last.is_empty()).then(|| std::mem::take(&mut chunks.last))
    }

    /// Removes requests of a chunk, which were written or dropped, from the count.
    pub(super) fn written(&self, rows: usize, bytes: usize) {
        let mut chunks = locked(&self.chunks);
        chunks.rows = chunks.rows.saturating_sub(rows);
        chunks.bytes = chunks.bytes.saturating_sub(bytes);
    }
}
