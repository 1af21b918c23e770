//! The connections that read the embedded database. Each has a thread, and a word with that thread
//! costs more than a short statement; so a read is a single one. The driver's own pool would ask the
//! thread after each statement whether it is well.

use crate::metrics;
use crate::store::db::args::sqlite_args;
use crate::store::db::error::StoreError;
use crate::store::db::fair_queue::Flow;
use crate::store::db::fair_semaphore::{FairSemaphore, Permit, Shares};
use crate::store::db::settings::{PoolSettings, READING_WAIT};
use crate::store::db::sqlite_timeout::Limit;
use crate::store::db::statement::Expanded;
use deadpool::Runtime;
use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions};
use std::num::NonZero;
use std::time::Duration;
use tokio::time::timeout;

/// Connections that read, at most.
const MOST: u32 = 4;
/// Connections at a time that are read from for as long as it takes, and how tenants share them.
const READINGS: usize = 8;
const HALF: Shares = Shares {
    short: READINGS / 2,
    slow: READINGS / 2,
};

/// Handle of the connections. The one that was used last, whose pages are warm, is used first.
#[derive(Debug, Clone)]
pub(in crate::store) struct Readers {
    pool: Pool<Opener>,
    permits: FairSemaphore,
    /// For connections beside those, each with a thread, that are read from for as long as it takes.
    readings: FairSemaphore,
    /// Longest wait for a connection.
    acquire: Duration,
}

#[derive(Debug)]
struct Opener {
    options: SqliteConnectOptions,
    /// Longest time of a statement.
    limit: Duration,
}

/// A connection, and whether it may still be at work for somebody who has given up waiting. It is not
/// used again then.
#[derive(Debug)]
struct Reader {
    connection: SqliteConnection,
    limit: Limit,
    is_at_work: bool,
}

/// Ends what is at work when it is dropped.
struct Ending<'a>(&'a Limit);

impl Manager for Opener {
    type Type = Reader;
    type Error = StoreError;

    async fn create(&self) -> Result<Reader, StoreError> {
        let mut connection = self.options.connect().await?;
        let limit = Limit::on(&mut connection, self.limit).await?;
        Ok(Reader {
            connection,
            limit,
            is_at_work: false,
        })
    }

    async fn recycle(&self, reader: &mut Reader, _: &Metrics) -> RecycleResult<StoreError> {
        if reader.is_at_work {
            Err(RecycleError::message("still at work"))
        } else {
            Ok(())
        }
    }
}

impl Readers {
    /// Opens the first of at most [`MOST`] connections.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(in crate::store) async fn open(
        options: SqliteConnectOptions,
        settings: &PoolSettings,
        metrics: &metrics::Metrics,
    ) -> Result<Self, StoreError> {
        let most = settings.max_connections.clamp(1, MOST);
        let most = usize::try_from(most).unwrap_or(1);
        let opener = Opener {
            options,
            limit: settings.statement,
        };
        let pool = Pool::builder(opener)
            .max_size(most)
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts {
                wait: Some(settings.acquire),
                ..Timeouts::default()
            })
            .runtime(Runtime::Tokio1)
            .build();
        let pool = pool.map_err(|error| sqlx::Error::Configuration(error.into()))?;
        let readers = Self {
            pool,
            permits: FairSemaphore::new(most, shares(most), metrics.pool.clone()),
            readings: FairSemaphore::new(READINGS, HALF, metrics.readings.clone()),
            acquire: settings.acquire,
        };
        drop(readers.reader().await?);
        Ok(readers)
    }

    /// Runs a statement, within the time that one may take.
    ///
    /// # Errors
    /// If it fails, or no connection is free for too long.
    pub(in crate::store) async fn read(
        &self,
        statement: Expanded,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let permit = self.permits.acquire(Flow::of(&statement.args));
        let _permit = timeout(self.acquire, permit)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        Ok(self.reader().await?.run(statement).await?)
    }

    /// Closes those that are not in use; nobody gets one afterwards.
    pub(in crate::store) fn close(&self) {
        self.pool.close();
    }

    /// A connection for a read that takes as long as it takes, while its permit is held.
    ///
    /// # Errors
    /// If the file cannot be opened, or there are too many such connections for too long.
    pub(in crate::store) async fn reading(
        &self,
        flow: Flow,
    ) -> Result<(Permit, SqliteConnection), StoreError> {
        let permit = timeout(READING_WAIT, self.readings.acquire(flow))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        Ok((permit, self.apart().await?))
    }

    /// A connection for work of the operator that takes as long as it takes.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(in crate::store) async fn apart(&self) -> Result<SqliteConnection, StoreError> {
        Ok(self.pool.manager().options.connect().await?)
    }

    async fn reader(&self) -> Result<Object<Opener>, StoreError> {
        match self.pool.get().await {
            Ok(reader) => Ok(reader),
            Err(PoolError::Backend(error)) => Err(error),
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }
}

/// Shares of a tenant in so many connections while others are active: statements run in this process, and half of the
/// cores are to be free for other tenants and for the server itself, however long the statements take.
fn shares(connections: usize) -> Shares {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = connections.min(cores) / 2;
    Shares {
        short: share,
        slow: share,
    }
}

impl Reader {
    async fn run(&mut self, statement: Expanded) -> sqlx::Result<Vec<SqliteRow>> {
        let Expanded { text, args } = statement;
        self.is_at_work = true;
        self.limit.begin();
        let _ending = Ending(&self.limit);
        let rows = sqlx::query_with(AssertSqlSafe(text), sqlite_args(args))
            .fetch_all(&mut self.connection)
            .await;
        self.is_at_work = matches!(rows, Err(sqlx::Error::WorkerCrashed));
        rows
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
