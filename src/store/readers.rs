//! The connections that read the embedded database. Each has a thread, and a word with that thread
//! costs more than a short statement; so a read is a single one. The driver's own pool would ask the
//! thread after each statement whether it is well.

use super::engine::sqlite_args;
use super::error::StoreError;
use super::limit::Limit;
use super::statement::Expanded;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Handle of the connections.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: SqliteConnectOptions,
    /// Longest wait for a connection.
    acquire: Duration,
    /// Longest time of a statement.
    limit: Duration,
    places: Semaphore,
    /// The one that was used last, whose pages are warm, at the end.
    idle: Mutex<Vec<Reader>>,
}

#[derive(Debug)]
struct Reader {
    connection: SqliteConnection,
    limit: Limit,
}

impl Readers {
    /// Opens the first of so many connections.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(super) async fn open(
        options: SqliteConnectOptions,
        most: u32,
        acquire: Duration,
        limit: Duration,
    ) -> Result<Self, StoreError> {
        let places = Semaphore::new(usize::try_from(most.max(1)).unwrap_or(1));
        let readers = Self(Arc::new(Shared { options, acquire, limit, places, idle: Mutex::default() }));
        let first = readers.another().await?;
        readers.put_back(first);
        Ok(readers)
    }

    /// Runs a statement, within the time that one may take.
    ///
    /// # Errors
    /// If it fails, or no connection is free for too long.
    pub(super) async fn read(&self, statement: Expanded) -> Result<Vec<SqliteRow>, StoreError> {
        let _place = self.place().await?;
        let last_used = self.idle().pop();
        let mut reader = match last_used {
            Some(reader) => reader,
            None => self.another().await?,
        };
        // One whose reader is gone before this returns is not put back: it may still be at work.
        let rows = reader.run(statement).await;
        if !matches!(rows, Err(sqlx::Error::WorkerCrashed)) {
            self.put_back(reader);
        }
        Ok(rows?)
    }

    /// A connection for what takes as long as it takes.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(super) async fn apart(&self) -> Result<SqliteConnection, StoreError> {
        Ok(self.0.options.connect().await?)
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        if let Ok(place) = self.0.places.try_acquire() {
            return Ok(place);
        }
        match tokio::time::timeout(self.0.acquire, self.0.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    async fn another(&self) -> Result<Reader, StoreError> {
        let mut connection = self.apart().await?;
        let limit = Limit::on(&mut connection, self.0.limit).await?;
        Ok(Reader { connection, limit })
    }

    fn put_back(&self, reader: Reader) {
        self.idle().push(reader);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    async fn run(&mut self, statement: Expanded) -> sqlx::Result<Vec<SqliteRow>> {
        let Expanded { text, args } = statement;
        self.limit.begin();
        sqlx::query_with(AssertSqlSafe(text), sqlite_args(args)).fetch_all(&mut self.connection).await
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.limit.end();
    }
}
