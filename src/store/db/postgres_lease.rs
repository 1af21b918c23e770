//! A connection to PostgreSQL in use, and the statements and transactions on it.

use crate::store::db::args::postgres_args;
use crate::store::db::error::StoreError;
use crate::store::db::fair_semaphore::Permit;
use crate::store::db::notices::without_warnings;
use crate::store::db::postgres_pool::{Common, Link, Opener, PostgresPool};
use crate::store::db::postgres_texts::Prepared;
use crate::store::db::row::Row;
use crate::store::db::suspicion::Purpose;
use deadpool::managed::Object;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::future::poll_fn;
use std::time::Instant;
use tracing::dispatcher::{Dispatch, with_default};

/// A connection in use. When this is dropped, the connection returns to the pool, or is closed if it can still be busy.
#[derive(Debug)]
pub(in crate::store) struct Lease {
    /// `Some` until it is dropped or taken.
    link: Option<Object<Opener>>,
    pool: PostgresPool,
    /// Released after the connection.
    permit: Permit,
}

impl Lease {
    /// A connection of a pool, with its permit.
    pub(super) fn new(link: Object<Opener>, pool: PostgresPool, permit: Permit) -> Self {
        Self {
            link: Some(link),
            pool,
            permit,
        }
    }

    /// Whether the connection can be kept for another statement: it works as far as known, and no request waits for
    /// one.
    pub(in crate::store) fn may_be_kept(&self) -> bool {
        let generation = self.pool.common.generation();
        let is_usable = self
            .link
            .as_ref()
            .is_some_and(|link| !link.is_at_work && link.generation == generation);
        is_usable && !self.pool.permits.is_contended()
    }

    fn link(&mut self) -> Result<&mut Link, StoreError> {
        self.link
            .as_deref_mut()
            .ok_or(StoreError::Away(sqlx::Error::PoolClosed))
    }

    /// Runs a reading statement; in a separate transaction, if the session is pooled.
    ///
    /// # Errors
    /// If it fails, or is not answered in time.
    pub(in crate::store) async fn rows(
        &mut self,
        statement: Prepared,
    ) -> Result<Vec<Row>, StoreError> {
        let common = self.pool.common.clone();
        if common.session.is_pooled() {
            return self.transaction(Purpose::Read, vec![statement]).await;
        }
        let _measuring = self.permit.measure();
        let link = self.link()?;
        link.is_at_work = true;
        let answer = rows(&mut link.connection, statement, true);
        let outcome = common.deadline.on(answer).await;
        self.learn(outcome, true)
    }

    /// Begins a reading transaction without a time limit, which has a permit for long reads.
    ///
    /// # Errors
    /// If it cannot begin.
    pub(super) async fn read_transaction(
        mut self,
        permit: Permit,
    ) -> Result<ReadTransaction, StoreError> {
        let common = self.pool.common.clone();
        let link = self.link()?;
        link.is_at_work = true;
        let begin = AssertSqlSafe(common.session.begin_reading());
        common.deadline.on(link.connection.execute(begin)).await?;
        Ok(ReadTransaction {
            lease: self,
            _permit: permit,
        })
    }

    /// Runs a statement that writes.
    ///
    /// # Errors
    /// If it fails, or is not answered in time. Then its outcome is unknown.
    pub(super) async fn write(&mut self, statement: Prepared) -> Result<Vec<Row>, StoreError> {
        let deadline = self.pool.common.deadline;
        let link = self.link()?;
        link.is_at_work = true;
        let answer = without_warnings(rows(&mut link.connection, statement, true));
        let outcome = deadline.on(answer).await;
        self.learn(outcome, true)
    }

    /// Runs statements in one transaction; returns the rows of the last one.
    ///
    /// # Errors
    /// If one fails, or is not answered in time. Then the outcome of writes is unknown.
    pub(super) async fn transaction(
        &mut self,
        purpose: Purpose,
        statements: Vec<Prepared>,
    ) -> Result<Vec<Row>, StoreError> {
        let common = self.pool.common.clone();
        let _measuring = (purpose == Purpose::Read).then(|| self.permit.measure());
        let link = self.link()?;
        link.is_at_work = true;
        let mut has_ended = false;
        let transaction = Transaction {
            common: &common,
            purpose,
            has_ended: &mut has_ended,
        };
        let outcome = transaction.run(&mut link.connection, statements).await;
        self.learn(outcome, has_ended)
    }

    /// Updates the state of the connections by an outcome. A connection whose transaction `has_ended` is reused, unless
    /// it has failed.
    fn learn<T>(
        &mut self,
        outcome: Result<T, StoreError>,
        has_ended: bool,
    ) -> Result<T, StoreError> {
        let link = self.link()?;
        link.answered = Instant::now();
        let has_failed = matches!(outcome, Err(StoreError::Away(_) | StoreError::Silent(_)));
        link.is_at_work = has_failed || !has_ended;
        let generation = link.generation;
        match outcome {
            Err(StoreError::Silent(_)) => self.pool.doubt(generation, true),
            Err(StoreError::Away(_)) => self.pool.doubt(generation, false),
            _ => {}
        }
        outcome
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(link) = self.link.take()
            && link.is_useless(&self.pool.common)
        {
            // Closed now, not later in the pool.
            drop(Object::take(link));
        }
    }
}

/// A connection within a transaction that only reads. If it is dropped before its end, the connection is closed, which
/// ends the statement that runs on it.
#[derive(Debug)]
pub(in crate::store) struct ReadTransaction {
    lease: Lease,
    _permit: Permit,
}

impl ReadTransaction {
    /// The connection.
    ///
    /// # Errors
    /// If it was returned.
    pub(in crate::store) fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        Ok(&mut self.lease.link()?.connection)
    }

    /// Ends the transaction; the connection is free for others.
    ///
    /// # Errors
    /// If PostgreSQL does not confirm that.
    pub(in crate::store) async fn end(mut self) -> Result<(), StoreError> {
        let deadline = self.lease.pool.common.deadline;
        let link = self.lease.link()?;
        deadline.on(link.connection.execute("commit")).await?;
        (link.is_at_work, link.answered) = (false, Instant::now());
        Ok(())
    }
}

/// Statements that are executed atomically.
struct Transaction<'a> {
    common: &'a Common,
    purpose: Purpose,
    /// Whether the transaction of the session has ended.
    has_ended: &'a mut bool,
}

impl Transaction<'_> {
    async fn run(
        self,
        connection: &mut PgConnection,
        statements: Vec<Prepared>,
    ) -> Result<Vec<Row>, StoreError> {
        let deadline = self.common.deadline;
        let is_named = !self.common.session.is_pooled();
        let begin = AssertSqlSafe(self.common.session.begin());
        #[expect(
            clippy::disallowed_methods,
            reason = "only this function begins a transaction"
        )]
        let mut transaction = deadline.on(connection.begin_with(begin)).await?;
        let mut outcome = Ok(Vec::new());
        for statement in statements {
            outcome = deadline
                .on(rows(&mut transaction, statement, is_named))
                .await;
            if outcome.is_err() {
                break;
            }
        }
        match &outcome {
            Ok(_) if self.purpose == Purpose::Write => {
                deadline.on(without_warnings(transaction.commit())).await?;
            }
            Ok(_) => deadline.on(transaction.commit()).await?,
            // A failed connection is not reused; the server rolls back by itself.
            Err(StoreError::Away(_) | StoreError::Silent(_)) => return outcome,
            Err(_) => deadline.on(transaction.rollback()).await?,
        }
        *self.has_ended = true;
        outcome
    }
}

/// `is_named`: whether the statement stays prepared under a name, for the next time.
async fn rows(
    connection: &mut PgConnection,
    statement: Prepared,
    is_named: bool,
) -> sqlx::Result<Vec<Row>> {
    let Prepared { text, args, .. } = statement;
    let query = sqlx::query_with(AssertSqlSafe(text), postgres_args(args)).persistent(is_named);
    // The driver enters the span in which a stream is created for each row that it reads.
    let mut rows = with_default(&Dispatch::none(), || query.fetch(connection));
    let mut read = Vec::new();
    while let Some(row) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
        read.push(Row::Postgres(row?));
    }
    Ok(read)
}
