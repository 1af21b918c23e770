//! What can go wrong in the store, told apart by what to do about it.

use crate::error::ScimError;
use sqlx::error::ErrorKind;

/// A failed statement.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A value that must be unique is in use.
    #[error("a unique value is in use")]
    Unique(#[source] sqlx::Error),
    /// A row that was referred to is gone.
    #[error("a referenced row is gone")]
    Reference(#[source] sqlx::Error),
    /// A change came too late and took itself back.
    #[error("the resource has changed")]
    Stale,
    /// Token or tenant of the caller are no longer as they were when he was authenticated.
    #[error("the caller's token or tenant has changed")]
    Outdated,
    /// Another transaction was in the way; the same again may succeed.
    #[error("the database was busy")]
    Busy(#[source] sqlx::Error),
    /// It took longer than a statement may.
    #[error("a statement took too long")]
    Slow(#[source] sqlx::Error),
    /// The database does not answer.
    #[error("the database cannot be reached")]
    Away(#[source] sqlx::Error),
    /// A fault of ours.
    #[error("the database refused a statement")]
    Fault(#[source] sqlx::Error),
    /// The schema of the database cannot be brought up to date.
    #[error("migration failed")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The role lacks settings that count behind a pooler; what to run.
    #[error("{0}")]
    Role(String),
    /// The writer of the embedded database has stopped.
    #[error("the writer of the embedded database has stopped")]
    Stopped,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => match (database.kind(), database.code().as_deref()) {
                (ErrorKind::UniqueViolation, _) if is_value_index(&**database) => Self::Unique(error),
                // Another instance made the same seq, or the same row, at the same moment.
                (ErrorKind::UniqueViolation, _) => Self::Busy(error),
                (ErrorKind::ForeignKeyViolation, _) => Self::Reference(error),
                // The division by which a batch takes itself back.
                (_, Some("22012")) => Self::Stale,
                (_, Some("40001" | "40P01" | "55P03" | "5" | "6" | "261" | "517")) => Self::Busy(error),
                (_, Some("57014" | "9")) => Self::Slow(error),
                (_, Some(code)) if is_away(code) => Self::Away(error),
                _ => Self::Fault(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Away(error),
            _ => Self::Fault(error),
        }
    }
}

/// PostgreSQL names the index, SQLite its columns.
fn is_value_index(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.constraint() == Some("attribute_value_unique") || error.message().contains("attribute_value.key")
}

/// Shut down, starting up, read-only standby, connection lost, too many connections; or the server does not
/// take the user or the database any more.
fn is_away(code: &str) -> bool {
    let refuses = matches!(code, "28000" | "28P01" | "3D000");
    refuses || code.starts_with("08") || matches!(code, "25006" | "57P01" | "57P02" | "57P03" | "53300")
}

impl From<StoreError> for ScimError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unique(_) => Self::uniqueness("A value that must be unique is in use.").caused_by(error),
            StoreError::Fault(_) | StoreError::Migration(_) | StoreError::Role(_) => Self::internal(error),
            StoreError::Busy(_) | StoreError::Reference(_) | StoreError::Stale => {
                Self::unavailable("The server is busy with other changes; try again.", 1).caused_by(error)
            }
            // Whoever took the caller for good asks again who calls; no client sees this.
            StoreError::Outdated => Self::unauthorized("The token or its tenant has changed.").caused_by(error),
            StoreError::Slow(_) => {
                Self::unavailable("The server took too long over this request; try again.", 5).caused_by(error)
            }
            StoreError::Away(_) | StoreError::Stopped => {
                Self::unavailable("The server's database is away for the moment; try again.", 5).caused_by(error)
            }
        }
    }
}
