//! Runs the migrations of the embedded database. Their table and checksums are compatible with databases of earlier
//! releases.

use super::outcome::{TABLE, failed, refused};
use super::{recorded, step};
use crate::store::db::error::StoreError;
use crate::store::db::sqlite_error::driver_error;
use rusqlite::{Connection, params};
use sqlx::migrate::{AppliedMigration, MigrateError, Migration, Migrator};

/// Runs the migrations that have not been run yet, each in a transaction.
///
/// # Errors
/// If a migration fails. Those before it have taken effect.
pub(in crate::store::db) fn run(
    connection: &Connection,
    migrator: &Migrator,
) -> Result<(), StoreError> {
    connection.execute_batch(&table())?;
    let applied = read(connection, migrator)?;
    let pending = recorded::pending(migrator, &applied)?;
    for migration in &pending {
        if !applied.is_empty() {
            let file = &migration.description;
            tracing::info!("migration {file}: {}", step::title_of(file));
        }
        if let Err(error) = run_one(connection, migration) {
            // Fails if SQLite has already rolled back.
            let _ = connection.execute_batch("rollback");
            return Err(refused(driver_error(error), migration.version));
        }
    }
    Ok(())
}

fn run_one(connection: &Connection, migration: &Migration) -> rusqlite::Result<()> {
    connection.execute_batch("begin immediate")?;
    // Another program may have run it since the table was read.
    let again = format!("select 1 from {TABLE} where version = ?1");
    if !connection
        .prepare(&again)?
        .exists(params![migration.version])?
    {
        connection.execute_batch(migration.sql.as_str())?;
        let record = format!(
            "insert into {TABLE} (version, description, success, checksum, execution_time) values (?1, ?2, true, ?3, 0)"
        );
        connection.execute(
            &record,
            params![
                migration.version,
                &*migration.description,
                &*migration.checksum
            ],
        )?;
    }
    connection.execute_batch("commit")
}

/// The migrations that have been run, in order.
fn read(connection: &Connection, migrator: &Migrator) -> Result<Vec<AppliedMigration>, StoreError> {
    let text =
        format!("select version, cast(checksum as blob), success from {TABLE} order by version");
    let mut statement = connection.prepare(&text)?;
    let mut rows = statement.raw_query();
    let mut applied = Vec::new();
    while let Some(row) = rows.next()? {
        let version: i64 = row.get(0)?;
        if !row.get::<_, bool>(2)? {
            return Err(failed(MigrateError::Dirty(version), migrator));
        }
        applied.push(AppliedMigration {
            version,
            checksum: row.get::<_, Vec<u8>>(1)?.into(),
        });
    }
    Ok(applied)
}

/// Creates the table in the form of sqlx's migrator, which earlier releases used.
fn table() -> String {
    format!(
        "create table if not exists {TABLE} (version bigint primary key, description text not null, \
         installed_on timestamp not null default current_timestamp, success boolean not null, checksum blob not null, \
         execution_time bigint not null)"
    )
}
