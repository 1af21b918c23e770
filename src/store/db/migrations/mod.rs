//! Migrations, which can run while other instances use the tables.
//!
//! PostgreSQL: one instance migrates at a time ([`guard`]); the others wait. A migration is a list of steps
//! ([`step`]), each with its own transaction or outside of one ([`apply`], [`concurrent`]), so that no lock is
//! held for longer than one short statement. A migration is recorded after its last step. One that was
//! interrupted starts again with its first step, so each step of a migration with several may run twice.

mod apply;
mod concurrent;
mod embedded;
mod files;
mod guard;
mod lock_wait;
mod outcome;
mod recorded;
mod step;

use crate::store::db::error::StoreError;
use crate::store::db::session::Session;
use apply::Worker;
pub(super) use embedded::run as run_on_sqlite;
pub(super) use files::{postgres, sqlite};
use guard::Guard;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::time::{Duration, Instant};
use step::steps;

/// Runs the pending migrations of PostgreSQL. `connection` is a connection without settings to the server of `options`.
/// A step waits at most `lock` for tables in use, and so does the start for another instance that migrates.
/// `keeps_role`: whether the settings of the role are set too.
///
/// # Errors
/// [`StoreError::Blocked`] if others use a table for too long, [`StoreError::Migrating`] if another instance migrates for
/// as long; any other if a migration fails. Those before it, and its own steps before the one that failed, have taken effect.
pub(super) async fn run(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
    migrator: &Migrator,
    session: &Session,
    lock: Duration,
    keeps_role: bool,
) -> Result<(), StoreError> {
    let applied = recorded::read(connection, session).await?;
    if !keeps_role && recorded::pending(migrator, &applied).is_ok_and(|pending| pending.is_empty())
    {
        return Ok(());
    }
    let mut guard = Guard::take(options, session, lock).await?;
    // Building an index has no limit; only its wait for other transactions has one. Behind a pooler this setting has no
    // lasting effect.
    if !session.is_pooled() {
        let limits = concurrent::limits(lock);
        connection.execute(AssertSqlSafe(limits)).await?;
    }
    recorded::prepare(connection, session).await?;
    let applied = recorded::read(connection, session).await?;
    let pending = recorded::pending(migrator, &applied)?;
    let is_new = applied.is_empty();
    let begun = Instant::now();
    for migration in &pending {
        let steps = steps(migration.sql.as_str()).map_err(|error| {
            StoreError::Migration(MigrateError::ExecuteMigration(
                sqlx::Error::Configuration(error.into()),
                migration.version,
            ))
        })?;
        let mut worker = Worker::new(connection, session, migration, lock);
        for (number, step) in steps.iter().enumerate() {
            guard.check().await?;
            let file = &migration.description;
            match is_new {
                true => tracing::debug!("migration {file}: {}", step.title(file)),
                false => tracing::info!("migration {file}: {}", step.title(file)),
            }
            let is_last = number + 1 == steps.len();
            worker.run(step, is_last).await?;
        }
    }
    if keeps_role {
        apply::keep_role(connection, session).await?;
    }
    guard.release().await?;
    if !pending.is_empty() {
        tracing::info!(
            migrations = pending.len(),
            seconds = begun.elapsed().as_secs_f64(),
            "{}",
            if is_new {
                "the tables have been created"
            } else {
                "the tables are up to date"
            }
        );
    }
    Ok(())
}
