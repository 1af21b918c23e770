//! Runs the steps of a migration.

use super::concurrent;
use super::lock_wait::{LockWait, holders};
use super::outcome::{TABLE, is_lock_conflict, refused};
use super::step::{Step, Work};
use crate::store::db::error::StoreError;
use crate::store::db::role;
use crate::store::db::session::Session;
use sqlx::migrate::Migration;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Pause before a retry of a step that did not get a lock. Requests that were queued behind it run in this time.
const AGAIN: Duration = Duration::from_secs(1);
/// Attempts between two lines of the log.
const LOGGED: u32 = 10;

/// Runs the steps of one migration.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    connection: &'a mut PgConnection,
    session: &'a Session,
    migration: &'a Migration,
    /// Maximum wait of a step for tables in use.
    lock: Duration,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        connection: &'a mut PgConnection,
        session: &'a Session,
        migration: &'a Migration,
        lock: Duration,
    ) -> Self {
        Self {
            connection,
            session,
            migration,
            lock,
        }
    }

    /// Runs a step; after the last one the migration is recorded, if possible in the transaction of the step.
    ///
    /// # Errors
    /// [`StoreError::Blocked`] if others use a table for too long; any other if the database becomes unavailable or
    /// refuses a statement.
    pub(super) async fn run(&mut self, step: &Step<'_>, is_last: bool) -> Result<(), StoreError> {
        match step.work {
            Work::Transaction => return self.transaction(step.text, is_last).await,
            Work::Slices => self.slices(step.text).await?,
            Work::Index(name) => {
                let mut wait = LockWait::new(self.lock);
                let index =
                    concurrent::build(self.connection, self.session, name, step.text, &mut wait);
                let outcome = index.await;
                self.outside(outcome, &wait).await?;
            }
            Work::Outside => {
                let mut wait = LockWait::new(self.lock);
                let statement =
                    concurrent::run(self.connection, self.session, step.text, &mut wait);
                let outcome = statement.await;
                self.outside(outcome, &wait).await?;
            }
        }
        if is_last {
            self.transaction("select 1", true).await?;
        }
        Ok(())
    }

    /// Classifies the outcome of a statement outside of a transaction that has waited up to its limit.
    async fn outside(
        &mut self,
        outcome: Result<(), sqlx::Error>,
        wait: &LockWait,
    ) -> Result<(), StoreError> {
        match outcome {
            Err(error) if is_lock_conflict(&error) => Err(self.blocked(wait).await?),
            outcome => outcome.map_err(|error| self.failed(error)),
        }
    }

    async fn transaction(&mut self, text: &str, is_last: bool) -> Result<(), StoreError> {
        let (mut attempt, mut wait) = (0, LockWait::new(self.lock));
        loop {
            let begun = Instant::now();
            match self.try_transaction(text, is_last).await {
                Err(error) if wait.is_over(&error, begun) => {
                    return Err(self.blocked(&wait).await?);
                }
                Err(error) if is_lock_conflict(&error) => self.pause(&mut attempt).await?,
                outcome => return outcome.map_err(|error| self.failed(error)),
            }
        }
    }

    async fn try_transaction(&mut self, text: &str, is_last: bool) -> Result<(), sqlx::Error> {
        begin(self.connection, self.session).await?;
        let outcome = async {
            self.connection
                .execute(AssertSqlSafe(text.to_owned()))
                .await?;
            if is_last {
                record(self.connection, self.migration).await?;
            }
            Ok(())
        };
        let outcome = outcome.await;
        end(self.connection, outcome).await
    }

    async fn slices(&mut self, text: &str) -> Result<(), StoreError> {
        let (mut key, mut attempt) = ((i64::MIN, i64::MIN), 0);
        let mut wait = LockWait::new(self.lock);
        loop {
            let begun = Instant::now();
            match self.try_slice(text, key).await {
                Ok(Some(next)) => {
                    wait.end();
                    key = next;
                }
                Ok(None) => return Ok(()),
                Err(error) if wait.is_over(&error, begun) => {
                    return Err(self.blocked(&wait).await?);
                }
                Err(error) if is_lock_conflict(&error) => self.pause(&mut attempt).await?,
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    async fn try_slice(
        &mut self,
        text: &str,
        (first, second): (i64, i64),
    ) -> Result<Option<(i64, i64)>, sqlx::Error> {
        begin(self.connection, self.session).await?;
        let outcome = sqlx::query_as(AssertSqlSafe(text.to_owned()))
            .bind(first)
            .bind(second)
            .persistent(false)
            .fetch_optional(&mut *self.connection)
            .await;
        end(self.connection, outcome).await
    }

    async fn blocked(&mut self, wait: &LockWait) -> Result<StoreError, StoreError> {
        let blocked = wait.blocked(self.connection, self.session, self.migration.version);
        Ok(blocked.await?)
    }

    /// Pauses before the next attempt. The log names the transactions that are likely to hold the lock.
    async fn pause(&mut self, attempt: &mut u32) -> Result<(), StoreError> {
        if attempt.is_multiple_of(LOGGED) {
            let holders = holders(self.connection, self.session).await?;
            let file = &self.migration.description;
            tracing::warn!(
                "migration {file}: the tables are in use; trying again. Other transactions: {holders}"
            );
        }
        *attempt += 1;
        sleep(AGAIN).await;
        Ok(())
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        refused(error, self.migration.version)
    }
}

/// Sets the settings of the role to those of the session.
///
/// # Errors
/// If PostgreSQL refuses.
pub(super) async fn keep_role(
    connection: &mut PgConnection,
    session: &Session,
) -> Result<(), StoreError> {
    begin(connection, session).await?;
    let kept = role::keep(connection, session).await;
    connection
        .execute(if kept.is_ok() { "commit" } else { "rollback" })
        .await?;
    kept
}

async fn begin(connection: &mut PgConnection, session: &Session) -> Result<(), sqlx::Error> {
    connection
        .execute(AssertSqlSafe(session.begin_migrating()))
        .await?;
    Ok(())
}

/// Commits a transaction if its work succeeded, or else rolls it back.
async fn end<T>(
    connection: &mut PgConnection,
    outcome: Result<T, sqlx::Error>,
) -> Result<T, sqlx::Error> {
    if outcome.is_ok() {
        connection.execute("commit").await?;
    } else {
        // The error of the work is returned; a broken connection fails again with the next statement.
        let _ = connection.execute("rollback").await;
    }
    outcome
}

async fn record(connection: &mut PgConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    let text = format!(
        "insert into {TABLE} (version, description, success, checksum, execution_time) \
         values ($1, $2, true, $3, 0)"
    );
    sqlx::query(AssertSqlSafe(text))
        .bind(migration.version)
        .bind(&*migration.description)
        .bind(&*migration.checksum)
        .persistent(false)
        .execute(connection)
        .await?;
    Ok(())
}
