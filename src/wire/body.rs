//! Request bodies: read up to a limit and within a time, regardless of the declared length.

use crate::wire::in_flight::Ticket;
use crate::wire::refusal::{Refusal, Result};
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use axum::http::request::Parts;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// Maximum number of bytes of a refused body that are discarded, so that the client reads the response instead of a
/// broken connection.
const DISCARD_BYTES: usize = 8 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Memory of a body as text and as values, per byte.
const WEIGHT: usize = 8;

/// Bytes that are counted for a body of unknown length before it arrives.
const UNCOUNTED: usize = 4 << 10;

/// The limits of size and time for a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

/// A body that may be incomplete.
#[derive(Debug)]
pub(crate) struct Upload {
    body: Body,
    /// Whether more of it can arrive: `false` for a client that waits for `100 Continue` or has stalled.
    comes: bool,
    /// The result, after it was read.
    outcome: Option<Result<Bytes>>,
    remainder: Remainder,
    /// The request for which its bytes are counted.
    ticket: Option<Ticket>,
}

/// Whether the rest of a body cannot be read, so that no other request can follow on its connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remainder(Arc<AtomicBool>);

impl Remainder {
    /// Whether the rest of the body will not be read.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn lose(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Upload {
    /// The body of a request with this head.
    pub(crate) fn new(head: &Parts, body: Body) -> Self {
        let comes = !head.headers.contains_key(EXPECT);
        Self {
            body,
            comes,
            outcome: None,
            remainder: head.extensions.get().cloned().unwrap_or_default(),
            ticket: head.extensions.get().cloned(),
        }
    }

    /// Reads the body; it can be read several times.
    ///
    /// # Errors
    /// 413 over the size limit, 408 over the time limit, 400 if it ends early, 429 or 503 if too many bytes are in use.
    pub(crate) async fn bytes(&mut self, headers: &HeaderMap, limits: BodyLimits) -> Result<Bytes> {
        let declared =
            declared(headers).map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if declared.is_some_and(|length| length > limits.bytes) {
            return Err(too_large(limits.bytes));
        }
        let counted = declared.unwrap_or(UNCOUNTED);
        self.count(counted)?;
        if let Some(outcome) = &self.outcome {
            return outcome.clone();
        }
        let read = timeout(limits.time, self.read(limits.bytes, counted)).await;
        self.comes &= read.is_ok();
        let outcome = read
            .unwrap_or_else(|_| Err(Refusal::too_slow(limits.time)))
            .map(Bytes::from);
        self.outcome.insert(outcome).clone()
    }

    /// Counts the memory of a body of this number of bytes.
    fn count(&self, bytes: usize) -> Result<()> {
        self.ticket.as_ref().map_or(Ok(()), |ticket| {
            ticket.keep(bytes.saturating_mul(WEIGHT), true)
        })
    }

    async fn read(&mut self, limit: usize, mut counted: usize) -> Result<Vec<u8>> {
        self.comes = true;
        let mut bytes = Vec::new();
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| {
                self.remainder.lose();
                Refusal::malformed("The body ended early.").caused_by(error)
            })?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > limit {
                return Err(too_large(limit));
            }
            if bytes.len() + data.len() > counted {
                counted = 2 * (bytes.len() + data.len());
                self.count(counted)?;
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }

    /// Discards the rest of a refused body, within limits.
    pub(crate) async fn discard(mut self) {
        if !self.comes {
            return;
        }
        let rest = async {
            let mut left = DISCARD_BYTES;
            while let Some(frame) = self.body.frame().await {
                let size = frame.ok()?.data_ref().map_or(0, Bytes::len);
                left = left.checked_sub(size)?;
            }
            Some(())
        };
        if !matches!(timeout(DISCARD_TIME, rest).await, Ok(Some(()))) {
            self.remainder.lose();
        }
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::too_large(413, format!("The body is larger than {limit} bytes."))
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
