//! Connections to PostgreSQL. The driver's own pool asks the server after each use of one whether it is
//! well, which is a round trip more for each statement; here one that failed is not used again.

use super::engine::postgres_args;
use super::error::StoreError;
use super::row::Row;
use super::session::Session;
use super::statement::Expanded;
use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use std::io::ErrorKind;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a connection is used at most: balancers and failed hosts are turned to again.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long one may lie idle.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// Pause before a server that is not there yet is tried again, while somebody waits.
const RETRY: Duration = Duration::from_millis(50);

/// Handle of the connections.
#[derive(Debug, Clone)]
pub(super) struct Connections(Pool<Opener>);

#[derive(Debug)]
pub(super) struct Opener {
    primary: Mutex<PgConnectOptions>,
    session: Session,
}

/// A connection, and whether it may still be at work: for somebody who has given up waiting, or because
/// it has failed. It is not used again then.
#[derive(Debug)]
pub(super) struct Link {
    connection: PgConnection,
    session: Session,
    is_at_work: bool,
}

impl Manager for Opener {
    type Type = Link;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Link, sqlx::Error> {
        loop {
            let options = self.session.options(self.primary.lock().unwrap_or_else(PoisonError::into_inner).clone());
            // Boxed: what waits for a connection should not carry the opening of one along.
            match Box::pin(options.connect()).await {
                Err(error) if is_starting(&error) => tokio::time::sleep(RETRY).await,
                outcome => {
                    let session = self.session.clone();
                    return outcome.map(|connection| Link { connection, session, is_at_work: false });
                }
            }
        }
    }

    async fn recycle(&self, link: &mut Link, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        let is_old = metrics.age() > LIFETIME || metrics.last_used() > IDLE;
        if is_old || link.is_at_work { Err(RecycleError::message("not to be used again")) } else { Ok(()) }
    }
}

/// Nobody listens, or PostgreSQL says that it starts or stops.
fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P03"),
        _ => false,
    }
}

impl Connections {
    /// So many connections at most, for each of which nobody waits longer than `acquire`.
    ///
    /// # Errors
    /// If the first one cannot be opened.
    pub(super) async fn open(
        primary: PgConnectOptions,
        session: Session,
        most: u32,
        acquire: Duration,
    ) -> Result<Self, StoreError> {
        let pool = Pool::builder(Opener { primary: Mutex::new(primary), session })
            .max_size(usize::try_from(most.max(1)).unwrap_or(1))
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts { wait: Some(acquire), create: Some(acquire), recycle: None })
            .runtime(Runtime::Tokio1)
            .build();
        let connections = Self(pool.map_err(|error| sqlx::Error::Configuration(error.into()))?);
        drop(connections.link().await?);
        Ok(connections)
    }

    /// A connection that is free, or a new one.
    ///
    /// # Errors
    /// If none is free for too long, or none can be opened.
    pub(super) async fn link(&self) -> Result<Object<Opener>, StoreError> {
        match self.0.get().await {
            Ok(link) => Ok(link),
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// A connection that nobody else will use, within a transaction that may read for as long as it takes.
    ///
    /// # Errors
    /// As [`Connections::link`].
    pub(super) async fn reading(&self) -> Result<PgConnection, StoreError> {
        let mut connection = Object::take(self.link().await?).connection;
        connection.execute(AssertSqlSafe(self.0.manager().session.begin_reading())).await?;
        Ok(connection)
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// As [`Connections::link`], or if it fails.
    pub(super) async fn rows(&self, statement: Expanded) -> Result<Vec<Row>, StoreError> {
        if self.0.manager().session.is_pooled() {
            return self.transaction(vec![statement]).await;
        }
        self.link().await?.rows(statement).await
    }

    /// Runs statements in one transaction; the rows are those of the last. It has a task of its
    /// own, which nobody can cancel: a connection whose `BEGIN` was cancelled loses what is written
    /// through it later.
    ///
    /// # Errors
    /// As [`Connections::link`], or if one fails; then neither takes effect.
    pub(super) async fn transaction(&self, statements: Vec<Expanded>) -> Result<Vec<Row>, StoreError> {
        let connections = self.clone();
        let work = async move { connections.link().await?.transaction(statements).await };
        tokio::spawn(work).await.unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }

    /// Forgets those that are not in use, since one has failed; new ones go to `primary`, if it is given.
    pub(super) fn renew(&self, primary: Option<PgConnectOptions>) {
        if let Some(primary) = primary {
            *self.0.manager().primary.lock().unwrap_or_else(PoisonError::into_inner) = primary;
        }
        self.0.retain(|_, _| false);
    }
}

impl Link {
    /// Runs a statement; in a transaction of its own, if the session is pooled.
    ///
    /// # Errors
    /// If it fails.
    pub(super) async fn rows(&mut self, statement: Expanded) -> Result<Vec<Row>, StoreError> {
        if self.session.is_pooled() {
            return self.transaction(vec![statement]).await;
        }
        self.is_at_work = true;
        let rows = rows(&mut self.connection, statement, true).await;
        self.is_at_work = matches!(rows, Err(StoreError::Away(_)));
        rows
    }

    async fn transaction(&mut self, statements: Vec<Expanded>) -> Result<Vec<Row>, StoreError> {
        self.is_at_work = true;
        let is_named = !self.session.is_pooled();
        let begin = AssertSqlSafe(self.session.begin());
        #[expect(clippy::disallowed_methods, reason = "this is the one place that begins a transaction")]
        let mut transaction = self.connection.begin_with(begin).await?;
        let mut outcome = Ok(Vec::new());
        for statement in statements {
            outcome = rows(&mut transaction, statement, is_named).await;
            if outcome.is_err() {
                break;
            }
        }
        match &outcome {
            Ok(_) => transaction.commit().await?,
            // A connection that failed is not used again; the server takes back by itself.
            Err(StoreError::Away(_)) => return outcome,
            Err(_) => transaction.rollback().await?,
        }
        self.is_at_work = false;
        outcome
    }
}

/// `is_named`: whether the statement stays prepared under a name, for the next time.
async fn rows(connection: &mut PgConnection, statement: Expanded, is_named: bool) -> Result<Vec<Row>, StoreError> {
    let Expanded { text, args } = statement;
    let query = sqlx::query_with(AssertSqlSafe(text), postgres_args(args)).persistent(is_named);
    Ok(query.fetch_all(connection).await?.into_iter().map(Row::Postgres).collect())
}
