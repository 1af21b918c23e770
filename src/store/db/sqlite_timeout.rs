//! Time limits of SQLite statements, which are checked at intervals while a statement runs.

use crate::store::db::error::StoreError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Virtual machine steps between two checks of the time; they take less than a millisecond.
const STEPS: i32 = 10_000;

/// The time limit of the running statement or batch of a connection.
#[derive(Debug, Clone)]
pub(in crate::store) struct TimeLimit {
    each: Duration,
    since: Instant,
    /// Microseconds after `since`.
    end: Arc<AtomicU64>,
}

impl TimeLimit {
    /// Installs the time limit on a connection. Before [`TimeLimit::begin`] only statements of few steps can run.
    ///
    /// # Errors
    /// If SQLite refuses.
    pub(in crate::store) fn on(
        connection: &rusqlite::Connection,
        each: Duration,
    ) -> Result<Self, StoreError> {
        let limit = Self {
            each,
            since: Instant::now(),
            end: Arc::default(),
        };
        let (since, end) = (limit.since, limit.end.clone());
        let is_over = move || micros(since.elapsed()) >= end.load(Ordering::Relaxed);
        connection.progress_handler(STEPS, Some(is_over))?;
        Ok(limit)
    }

    /// Starts the time limit of a statement or batch.
    pub(in crate::store) fn begin(&self) {
        self.begin_within(self.each);
    }

    /// Starts a time limit of this length.
    pub(in crate::store) fn begin_within(&self, time: Duration) {
        let end = self.since.elapsed().saturating_add(time);
        self.end.store(micros(end), Ordering::Relaxed);
    }

    /// Ends the running statement of the connection, and every later one of more than a few steps until
    /// [`TimeLimit::begin`].
    pub(in crate::store) fn end(&self) {
        self.end.store(0, Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
