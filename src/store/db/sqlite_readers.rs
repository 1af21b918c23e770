//! The read connections of the embedded database. A short statement runs on the calling thread, because a switch to another
//! thread costs more than the statement. Long statements run on separate threads.

use crate::metrics;
use crate::store::db::error::StoreError;
use crate::store::db::fair_semaphore::{FairSemaphore, Permit, Shares};
use crate::store::db::flow::Flow;
use crate::store::db::settings::{LONG_READ_WAIT, PoolSettings};
use crate::store::db::sqlite_connection::{SqliteConnection, SqliteFile};
use crate::store::db::sqlite_row::SqliteRow;
use crate::store::db::sqlite_timeout::TimeLimit;
use crate::store::db::statement::Statement;
use crate::sync::locked;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Maximum number of concurrent statements on separate threads.
const MAX: u32 = 4;
/// Maximum number of concurrent reads without a time limit, and a tenant's share of them.
const LONG_READS: usize = 8;
const HALF: Shares = Shares {
    short: LONG_READS / 2,
    slow: LONG_READS / 2,
};
/// A short statement that takes longer than this has waited for the disk or for a core.
const PROMPT: Duration = Duration::from_millis(2);
/// Number of consecutive slow short statements after which a slow disk is assumed.
const SLOW_IN_ROW: u32 = 4;
/// Time for which short statements then also run on separate threads.
const PAUSE: Duration = Duration::from_secs(1);

/// Handle of the read connections.
#[derive(Debug, Clone)]
pub(in crate::store) struct Readers {
    shared: Arc<Shared>,
    permits: FairSemaphore,
    /// Permits for reads without a time limit, each on a separate connection and thread.
    long_reads: FairSemaphore,
    /// Maximum wait for a connection.
    acquire: Duration,
}

#[derive(Debug)]
struct Shared {
    file: SqliteFile,
    /// Idle connections. The most recently used one comes first, because its pages are cached.
    idle: Mutex<Vec<SqliteConnection>>,
    max: usize,
    is_closed: AtomicBool,
    since: Instant,
    /// Number of consecutive short statements that were slow.
    slow_in_row: AtomicU32,
    /// Time until which short statements do not run on the calling thread, in milliseconds after `since`.
    pause: AtomicU64,
}

/// Ends the running statement when it is dropped.
struct TimeLimitGuard(TimeLimit);

impl Readers {
    /// Opens the first connection.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(in crate::store) fn open(
        file: SqliteFile,
        settings: &PoolSettings,
        metrics: &metrics::Metrics,
    ) -> Result<Self, StoreError> {
        let max = settings.max_connections.clamp(1, MAX);
        let max = usize::try_from(max).unwrap_or(1);
        let first = file.reader()?;
        let shared = Shared {
            file,
            idle: Mutex::new(vec![first]),
            max,
            is_closed: AtomicBool::new(false),
            since: Instant::now(),
            slow_in_row: AtomicU32::new(0),
            pause: AtomicU64::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
            permits: FairSemaphore::new(max, shares(max), metrics.pool.clone()),
            long_reads: FairSemaphore::new(LONG_READS, HALF, metrics.long_reads.clone()),
            acquire: settings.acquire,
        })
    }

    /// Runs a statement within the time limit.
    ///
    /// # Errors
    /// If it fails, or no connection is free for too long.
    pub(in crate::store) async fn read(
        &self,
        statement: &Statement,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        if statement.is_coalescible()
            && let Some(outcome) = self.shared.run_here(statement)
        {
            return outcome;
        }
        let permit = self.permits.acquire(Flow::of(statement.body().args()));
        let _permit = timeout(self.acquire, permit)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        let connection = match self.shared.idle()? {
            Some(connection) => connection,
            None => self.open_separate().await?,
        };
        let limit = connection.limit().clone();
        limit.begin();
        let guard = TimeLimitGuard(limit);
        let (statement, lock) = (statement.clone(), self.shared.file.lock);
        let running = spawn_blocking(move || {
            let waits = connection.wait_for_lock(lock);
            let outcome = waits.and_then(|()| connection.rows(&statement));
            (connection, outcome)
        });
        let (connection, outcome) = running.await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        drop(guard);
        self.shared.put_back(connection);
        outcome
    }

    /// Closes the idle connections; later reads fail.
    pub(in crate::store) fn close(&self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        locked(&self.shared.idle).clear();
    }

    /// A connection for a read without a time limit, and its permit.
    ///
    /// # Errors
    /// If the file cannot be opened, or there are too many such connections for too long.
    pub(in crate::store) async fn reading(
        &self,
        flow: Flow,
    ) -> Result<(Permit, SqliteConnection), StoreError> {
        let permit = timeout(LONG_READ_WAIT, self.long_reads.acquire(flow))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        Ok((permit, self.open_separate().await?))
    }

    /// A connection without a time limit, for commands of the operator.
    ///
    /// # Errors
    /// If the file cannot be opened, or the database is closed.
    pub(in crate::store) async fn open_separate(&self) -> Result<SqliteConnection, StoreError> {
        self.shared.check_open()?;
        let file = self.shared.file.clone();
        let opening = spawn_blocking(move || file.reader());
        let connection = opening.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
        connection.limit().begin_within(Duration::MAX);
        Ok(connection)
    }
}

impl Shared {
    /// Runs a short statement on this thread; `None` if it is not short, or if the disk is assumed to be slow.
    fn run_here(&self, statement: &Statement) -> Option<Result<Vec<SqliteRow>, StoreError>> {
        let began = Instant::now();
        if millis(began - self.since) < self.pause.load(Ordering::Relaxed) {
            return None;
        }
        let connection = self.idle().ok()??;
        // Limits the statement to a number of virtual machine steps.
        connection.limit().end();
        let waits = connection.wait_for_lock(Duration::ZERO);
        let outcome = waits.and_then(|()| connection.rows(statement));
        self.put_back(connection);
        self.note(began);
        match outcome {
            Err(StoreError::Slow(_) | StoreError::Busy(_)) => None,
            outcome => Some(outcome),
        }
    }

    /// Records the duration of a short statement.
    fn note(&self, began: Instant) {
        let now = Instant::now();
        if now - began <= PROMPT {
            // Written only if it differs, because all threads share the cache line.
            if self.slow_in_row.load(Ordering::Relaxed) != 0 {
                self.slow_in_row.store(0, Ordering::Relaxed);
            }
        } else if self.slow_in_row.fetch_add(1, Ordering::Relaxed) + 1 >= SLOW_IN_ROW {
            let until = now - self.since + PAUSE;
            self.pause.store(millis(until), Ordering::Relaxed);
        }
    }

    /// An error once the database is closed.
    fn check_open(&self) -> Result<(), StoreError> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(sqlx::Error::PoolClosed.into());
        }
        Ok(())
    }

    /// Takes an idle connection; `None` if there is none.
    fn idle(&self) -> Result<Option<SqliteConnection>, StoreError> {
        self.check_open()?;
        Ok(locked(&self.idle).pop())
    }

    fn put_back(&self, connection: SqliteConnection) {
        let mut idle = locked(&self.idle);
        if idle.len() < self.max && !self.is_closed.load(Ordering::SeqCst) {
            idle.push(connection);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A tenant's share of the connections while others are active. Statements run in this process, so half of the cores
/// stay free for other tenants and for the server, regardless of the duration of the statements.
fn shares(connections: usize) -> Shares {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = connections.min(cores) / 2;
    Shares {
        short: share,
        slow: share,
    }
}

impl Drop for TimeLimitGuard {
    fn drop(&mut self) {
        self.0.end();
    }
}
