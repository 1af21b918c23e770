//! Which migrations have been run.

use super::outcome::{TABLE, failed};
use crate::store::db::error::StoreError;
use crate::store::db::session::Session;
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use std::collections::BTreeMap;

/// Checksums of texts that a migration had before its first release. They create the same tables in one transaction,
/// which holds its locks for too long in a large database.
const FORMER: [(i64, &str); 3] = [
    (
        9,
        "57b6e08188be5ba7b9435426439443933793f2486f3b5cdea63a1687f1e7ae14f40d3817fd2b67f17cc29bbefb243947",
    ),
    (
        11,
        "b25bacbcc1350d931126d035c00a858cafa7c567ccb3ad1129d56c3f55daa7780d21f8379db96f8e563183a233ad2b1c",
    ),
    (
        12,
        "8bf3f02069e5fca7411f518f9612a3e481899988005e115eb52c45eddf546ed2b86de6551e7abbe9eec546865c937814",
    ),
];

/// Creates the schema and the migrations table, if they do not exist.
///
/// # Errors
/// If PostgreSQL refuses.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    session: &Session,
) -> Result<(), StoreError> {
    if let Some(schema) = session.schema() {
        // PostgreSQL's "if not exists" requires the privilege to create a schema even if it exists.
        let block = format!(
            "do $$ begin if to_regnamespace('\"{schema}\"') is null then create schema \"{schema}\"; end if; end $$"
        );
        connection.execute(AssertSqlSafe(block)).await?;
    }
    connection
        .execute(AssertSqlSafe(session.begin_migrating()))
        .await?;
    let made = connection.ensure_migrations_table(TABLE).await;
    let end = if made.is_ok() { "commit" } else { "rollback" };
    connection.execute(end).await?;
    match made {
        Err(MigrateError::Execute(error)) => Err(error.into()),
        outcome => outcome.map_err(StoreError::Migration),
    }
}

/// The migrations that have been run, in order; none if there is no migrations table.
///
/// # Errors
/// If PostgreSQL refuses; [`MigrateError::Dirty`] if a migration of another tool is unfinished.
pub(super) async fn read(
    connection: &mut PgConnection,
    session: &Session,
) -> Result<Vec<AppliedMigration>, StoreError> {
    connection
        .execute(AssertSqlSafe(session.begin_migrating()))
        .await?;
    let found = in_transaction(connection).await;
    connection.execute("rollback").await?;
    found
}

async fn in_transaction(
    connection: &mut PgConnection,
) -> Result<Vec<AppliedMigration>, StoreError> {
    let there =
        format!("select to_regclass(quote_ident(current_schema()) || '.{TABLE}') is not null");
    let row = sqlx::raw_sql(AssertSqlSafe(there))
        .fetch_one(&mut *connection)
        .await?;
    if row.try_get::<Option<bool>, _>(0)? != Some(true) {
        return Ok(Vec::new());
    }
    let text = format!("select version, checksum, success from {TABLE} order by version");
    let rows = sqlx::query_as::<_, (i64, Vec<u8>, bool)>(AssertSqlSafe(text))
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let applied = |(version, checksum, success): (i64, Vec<u8>, bool)| {
        if !success {
            return Err(StoreError::Migration(MigrateError::Dirty(version)));
        }
        Ok(AppliedMigration {
            version,
            checksum: checksum.into(),
        })
    };
    rows.into_iter().map(applied).collect()
}

/// The pending migrations, in order.
///
/// # Errors
/// [`StoreError::Newer`] if an unknown later one has been run; [`MigrateError::VersionMismatch`] if one has been run
/// with another text.
pub(super) fn pending<'m>(
    migrator: &'m Migrator,
    applied: &[AppliedMigration],
) -> Result<Vec<&'m Migration>, StoreError> {
    let mut pending: BTreeMap<i64, &Migration> = migrator
        .iter()
        .map(|migration| (migration.version, migration))
        .collect();
    for AppliedMigration { version, checksum } in applied {
        let problem = match pending.remove(version) {
            None => MigrateError::VersionMissing(*version),
            Some(known) if !is_of(checksum, known) => MigrateError::VersionMismatch(*version),
            Some(_) => continue,
        };
        return Err(failed(problem, migrator));
    }
    Ok(pending.into_values().collect())
}

/// Whether a checksum is that of a migration's text, or of an earlier text of the migration.
fn is_of(checksum: &[u8], migration: &Migration) -> bool {
    let hex = || -> String { checksum.iter().map(|byte| format!("{byte:02x}")).collect() };
    *checksum == *migration.checksum || FORMER.contains(&(migration.version, hex().as_str()))
}
