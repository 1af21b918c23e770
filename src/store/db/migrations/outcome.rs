//! Classification of errors of migrations, and the record of migrations.

use crate::store::db::error::StoreError;
use sqlx::migrate::{MigrateError, Migrator};

/// The table of the migrations that have been run, as the driver's own migrator keeps it.
pub(super) const TABLE: &str = "_sqlx_migrations";

/// Whether a step failed because others hold a lock: lock not available, deadlock detected.
pub(super) fn is_lock_conflict(error: &sqlx::Error) -> bool {
    has_code(error, &["55P03", "40P01"])
}

/// Whether PostgreSQL refused with one of these SQLSTATE codes.
pub(super) fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| codes.contains(&&*code)),
        _ => false,
    }
}

/// Classifies an error of the driver's migrator: newer tables and an unavailable database are not errors of a
/// migration.
pub(super) fn failed(error: MigrateError, migrator: &Migrator) -> StoreError {
    let known = migrator
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    match error {
        MigrateError::VersionMissing(found) if found > known => StoreError::Newer { found, known },
        MigrateError::Execute(error) => error.into(),
        MigrateError::ExecuteMigration(error, version) => refused(error, version),
        error => StoreError::Migration(error),
    }
}

/// Classifies an error of a statement of a migration.
pub(super) fn refused(error: sqlx::Error, version: i64) -> StoreError {
    match StoreError::from(error) {
        StoreError::Fault(error) | StoreError::Unique(error) | StoreError::Reference(error) => {
            StoreError::Migration(MigrateError::ExecuteMigration(error, version))
        }
        error => error,
    }
}
