//! How long SQLite may work on what it was given. A connection is told once to look at the time; to
//! tell it anew for each statement would mean to wait for its thread twice.

use crate::store::db::error::StoreError;
use sqlx::sqlite::SqliteConnection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Steps of a statement between two looks at the time.
const STEPS: i32 = 10_000;

/// The time that is left to a connection for what it is at work on.
#[derive(Debug)]
pub(in crate::store) struct Limit {
    each: Duration,
    since: Instant,
    /// Microseconds after `since`.
    end: Arc<AtomicU64>,
}

impl Limit {
    /// Lets what is done on the connection end when its time is over. There is none before
    /// [`Limit::begin`].
    ///
    /// # Errors
    /// If the connection's thread is gone.
    pub(in crate::store) async fn on(
        connection: &mut SqliteConnection,
        each: Duration,
    ) -> Result<Self, StoreError> {
        let limit = Self {
            each,
            since: Instant::now(),
            end: Arc::default(),
        };
        let (since, end) = (limit.since, limit.end.clone());
        let is_left = move || micros(since.elapsed()) < end.load(Ordering::Relaxed);
        connection
            .lock_handle()
            .await?
            .set_progress_handler(STEPS, is_left);
        Ok(limit)
    }

    /// From now on there is as much time as each statement, or batch, has.
    pub(in crate::store) fn begin(&self) {
        self.end
            .store(micros(self.since.elapsed() + self.each), Ordering::Relaxed);
    }

    /// Ends what the connection is at work on.
    pub(in crate::store) fn end(&self) {
        self.end.store(0, Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
