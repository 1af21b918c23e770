//! Brings the tables of PostgreSQL up to date, in one transaction: a pooler may give the next transaction
//! another session, so neither the lock nor a prepared statement may belong to the session.

use crate::store::db::error::StoreError;
use crate::store::db::role;
use crate::store::db::session::Session;
use futures_core::future::BoxFuture;
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::time::Duration;

type Outcome<'a, T> = BoxFuture<'a, Result<T, MigrateError>>;

/// Runs what has not been run yet. `keeps_role`: whether the settings of the role are kept too.
///
/// # Errors
/// If a migration fails; then none takes effect.
pub(in crate::store) async fn run(
    connection: &mut PgConnection,
    mut migrator: Migrator,
    session: &Session,
    keeps_role: bool,
) -> Result<(), StoreError> {
    if let Some(schema) = session.schema() {
        migrator.create_schema(schema.to_owned());
    }
    connection
        .execute(AssertSqlSafe(session.begin_migrating()))
        .await?;
    let outcome = migrator
        .run_direct(None, &mut InTransaction(connection), false)
        .await;
    outcome.map_err(|error| failed(error, &migrator))?;
    if keeps_role {
        role::keep(connection, session).await?;
    }
    connection.execute("commit").await?;
    Ok(())
}

/// A database that goes away meanwhile is no fault of a migration, nor are tables that are newer.
pub(in crate::store) fn failed(error: MigrateError, migrator: &Migrator) -> StoreError {
    let known = migrator
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    match error {
        MigrateError::VersionMissing(found) if found > known => StoreError::Newer { found, known },
        MigrateError::Execute(error)
        | MigrateError::ExecuteMigration(
            error @ (sqlx::Error::Io(_) | sqlx::Error::Protocol(_)),
            _,
        ) => error.into(),
        error => StoreError::Migration(error),
    }
}

/// A connection on which a transaction has begun.
struct InTransaction<'c>(&'c mut PgConnection);

impl Migrate for InTransaction<'_> {
    fn create_schema_if_not_exists<'e>(&'e mut self, schema: &'e str) -> Outcome<'e, ()> {
        // PostgreSQL's own "if not exists" wants the right to create one also where it is there.
        let block = format!(
            "do $$ begin if to_regnamespace('\"{schema}\"') is null then create schema \"{schema}\"; end if; end $$"
        );
        Box::pin(async move {
            self.0.execute(AssertSqlSafe(block)).await?;
            Ok(())
        })
    }

    fn ensure_migrations_table<'e>(&'e mut self, table: &'e str) -> Outcome<'e, ()> {
        self.0.ensure_migrations_table(table)
    }

    fn dirty_version<'e>(&'e mut self, table: &'e str) -> Outcome<'e, Option<i64>> {
        let text =
            format!("select version from {table} where not success order by version limit 1");
        Box::pin(async move {
            let query = sqlx::query_scalar(AssertSqlSafe(text)).persistent(false);
            Ok(query.fetch_optional(&mut *self.0).await?)
        })
    }

    fn list_applied_migrations<'e>(
        &'e mut self,
        table: &'e str,
    ) -> Outcome<'e, Vec<AppliedMigration>> {
        let text = format!("select version, checksum from {table} order by version");
        Box::pin(async move {
            let query = sqlx::query_as::<_, (i64, Vec<u8>)>(AssertSqlSafe(text)).persistent(false);
            let applied = query.fetch_all(&mut *self.0).await?.into_iter();
            Ok(applied
                .map(|(version, checksum)| AppliedMigration {
                    version,
                    checksum: checksum.into(),
                })
                .collect())
        })
    }

    /// Takes the lock that the driver's own migrator takes, until the transaction ends.
    fn lock(&mut self) -> Outcome<'_, ()> {
        Box::pin(async move {
            let query = sqlx::query_scalar::<_, String>("select cast(current_database() as text)")
                .persistent(false);
            let database = query.fetch_one(&mut *self.0).await?;
            let key = 0x3d32_ad9e * i64::from(crc32fast::hash(database.as_bytes()));
            self.0
                .execute(AssertSqlSafe(format!(
                    "select pg_advisory_xact_lock({key})"
                )))
                .await?;
            Ok(())
        })
    }

    fn unlock(&mut self) -> Outcome<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn apply<'e>(&'e mut self, table: &'e str, migration: &'e Migration) -> Outcome<'e, Duration> {
        Box::pin(async move {
            let outcome = self.0.execute(migration.sql.clone()).await;
            outcome.map_err(|error| MigrateError::ExecuteMigration(error, migration.version))?;
            let text = format!(
                "insert into {table} (version, description, success, checksum, execution_time) \
                 values ($1, $2, true, $3, 0)"
            );
            let query = sqlx::query(AssertSqlSafe(text))
                .bind(migration.version)
                .bind(&*migration.description);
            query
                .bind(&*migration.checksum)
                .persistent(false)
                .execute(&mut *self.0)
                .await?;
            Ok(Duration::ZERO)
        })
    }

    fn revert<'e>(&'e mut self, _: &'e str, migration: &'e Migration) -> Outcome<'e, Duration> {
        Box::pin(async move { Err(MigrateError::VersionNotPresent(migration.version)) })
    }
}
