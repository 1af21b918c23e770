//! Runs the steps of a migration.

use super::concurrent;
use super::outcome::{TABLE, is_lock_conflict, refused};
use super::step::{Step, Work};
use crate::store::db::error::StoreError;
use crate::store::db::role;
use crate::store::db::session::Session;
use sqlx::migrate::Migration;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use std::time::Duration;
use tokio::time::sleep;

/// Pause before a step is tried again that did not get a lock. Requests that were queued behind it run meanwhile.
const AGAIN: Duration = Duration::from_secs(1);
/// Attempts between two lines of the log.
const LOGGED: u32 = 10;

/// Runs the steps of one migration.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    connection: &'a mut PgConnection,
    session: &'a Session,
    migration: &'a Migration,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        connection: &'a mut PgConnection,
        session: &'a Session,
        migration: &'a Migration,
    ) -> Self {
        Self {
            connection,
            session,
            migration,
        }
    }

    /// Runs a step; after the last one the migration is recorded, if possible in the transaction of the step.
    ///
    /// # Errors
    /// If the database goes away or refuses a statement.
    pub(super) async fn run(&mut self, step: &Step<'_>, is_last: bool) -> Result<(), StoreError> {
        match step.work {
            Work::Transaction => return self.transaction(step.text, is_last).await,
            Work::Slices => self.slices(step.text).await?,
            Work::Index(name) => {
                let outcome = concurrent::build(self.connection, self.session, name, step.text);
                outcome.await.map_err(|error| self.failed(error))?;
            }
            Work::Outside => {
                let outcome = concurrent::run(self.connection, self.session, step.text);
                outcome.await.map_err(|error| self.failed(error))?;
            }
        }
        if is_last {
            self.transaction("select 1", true).await?;
        }
        Ok(())
    }

    async fn transaction(&mut self, text: &str, is_last: bool) -> Result<(), StoreError> {
        let mut attempt = 0;
        loop {
            match self.try_transaction(text, is_last).await {
                Err(error) if is_lock_conflict(&error) => self.wait(&mut attempt).await?,
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
        loop {
            match self.try_slice(text, key).await {
                Ok(Some(next)) => key = next,
                Ok(None) => return Ok(()),
                Err(error) if is_lock_conflict(&error) => self.wait(&mut attempt).await?,
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

    /// Waits before the next attempt. The log names the oldest transaction, which is likely to hold the lock.
    async fn wait(&mut self, attempt: &mut u32) -> Result<(), StoreError> {
        if attempt.is_multiple_of(LOGGED) {
            let oldest = oldest(self.connection).await?;
            let file = &self.migration.description;
            tracing::warn!(
                "migration {file}: the tables are in use; trying again. The oldest transaction: {oldest}"
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

/// Makes the settings of the session those of the role.
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

/// Ends a transaction as its work has ended.
async fn end<T>(
    connection: &mut PgConnection,
    outcome: Result<T, sqlx::Error>,
) -> Result<T, sqlx::Error> {
    if outcome.is_ok() {
        connection.execute("commit").await?;
    } else {
        // The error of the work counts; a broken connection shows again with the next statement.
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

/// The oldest transaction of others in this database, in words.
async fn oldest(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let row = sqlx::raw_sql(OLDEST).fetch_optional(connection).await?;
    row.map_or(Ok("none".to_owned()), |row| row.try_get(0))
}

const OLDEST: &str = "select format('session %s (%s), %s s', pid, coalesce(nullif(application_name, ''), usename), \
     extract(epoch from now() - xact_start)::bigint) from pg_stat_activity where datname = current_database() \
     and pid <> pg_backend_pid() and backend_type = 'client backend' and xact_start is not null \
     order by xact_start limit 1";
