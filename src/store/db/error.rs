//! Errors of the store, classified by the required reaction.

use crate::error::ScimError;
use crate::reason::Reason;
use crate::store::db::sqlite_error::{SqliteFailure, driver_error};
use sqlx::error::ErrorKind;
use std::time::Duration;

/// A failed statement.
///
/// Every method that uses the database can fail with the variants about connections, deadlines, resources of the
/// database and faults. A method documents a variant only if it returns it for another reason.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is in use.
    #[error("a unique value is in use")]
    Unique(#[source] sqlx::Error),
    /// A referenced row does not exist.
    #[error("a referenced row does not exist")]
    Reference(#[source] sqlx::Error),
    /// A response is already stored for the key of the request.
    #[error("a request with this key was already executed")]
    Repeated,
    /// A change conflicted with another one and was rolled back.
    #[error("the resource has changed")]
    Stale,
    /// The token or the tenant of the caller has changed since authentication.
    #[error("the caller's token or tenant has changed")]
    Outdated,
    /// Another transaction conflicted; a retry can succeed.
    #[error("the database was busy")]
    Busy(#[source] sqlx::Error),
    /// A statement took longer than its deadline.
    #[error("a statement took too long")]
    Slow(#[source] sqlx::Error),
    /// An error that affects only this statement.
    #[error("statement {name} failed")]
    Statement {
        /// The name of the statement or batch.
        name: &'static str,
        /// The failure: [`StoreError::Slow`] or [`StoreError::Fault`].
        #[source]
        source: Box<StoreError>,
    },
    /// The database cannot be reached, or has broken a connection.
    #[error("the database cannot be reached")]
    Away(#[source] sqlx::Error),
    /// A statement was not answered within this time: its outcome is unknown.
    #[error("the database has not responded within {0:?}")]
    Silent(Duration),
    /// The database did not respond to earlier statements, and new ones fail until it does.
    #[error("the database does not respond")]
    Suspected,
    /// PostgreSQL has reported a commit with a warning: its synchronous standby may not have it.
    #[error(
        "PostgreSQL has committed with a warning: the wait for the synchronous standby was cancelled"
    )]
    Unconfirmed,
    /// PostgreSQL has no free connections.
    #[error(
        "PostgreSQL allows no more connections: raise the limit of the server, the database or the role, or lower \
         database.max_connections"
    )]
    NoMoreConnections,
    /// The machine of the database lacks disk or memory.
    #[error("the database lacks disk or memory")]
    Exhausted(#[source] sqlx::Error),
    /// Another program keeps the embedded database locked.
    #[error("another program keeps the embedded database locked")]
    Locked,
    /// The file of the embedded database is damaged.
    #[error(
        "the embedded database is damaged: {0}; restore a backup: stop the server, delete scimd.db, scimd.db-wal and \
         scimd.db-shm, and put the backup in the place of scimd.db"
    )]
    Damaged(String),
    /// A defect of scimd.
    #[error("the database refused a statement")]
    Fault(#[source] sqlx::Error),
    /// A newer version of this program has changed the tables of the database.
    #[error(
        "its tables are those of a newer scimd (version {found}; this one supports {known}): start that scimd, or \
         restore the backup from before the upgrade"
    )]
    Newer {
        /// Version of the tables.
        found: i64,
        /// The latest version that this program supports.
        known: i64,
    },
    /// Other transactions used the tables of a migration for longer than its limit.
    #[error(
        "migration {migration} has waited {seconds} s (database.migration_lock_seconds) for tables that other transactions \
         use: {holders}; end these transactions, for example with pg_terminate_backend(session), and start again"
    )]
    Blocked {
        /// The number of the migration.
        migration: i64,
        /// How long it has waited.
        seconds: u64,
        /// The transactions.
        holders: String,
    },
    /// Another instance has been migrating for longer than this one waits.
    #[error(
        "another instance has been migrating the tables for {seconds} s (database.migration_lock_seconds): {holder}; check \
         its log; if it makes no progress, end its session, for example with pg_terminate_backend(session), and start again"
    )]
    Migrating {
        /// How long this instance has waited, in seconds.
        seconds: u64,
        /// The session of the other instance.
        holder: String,
    },
    /// A migration failed.
    #[error("migration failed")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The role lacks settings that are needed behind a pooler; the text has the statements to run.
    #[error("{0}")]
    Role(String),
    /// The writer of the embedded database has stopped.
    #[error("the writer of the embedded database has stopped")]
    Stopped,
}

impl StoreError {
    /// Whether it is a conflict with another request, and not a problem of the database or the statement.
    pub(in crate::store) fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::Unique(_) | Self::Reference(_) | Self::Stale | Self::Outdated | Self::Busy(_)
        )
    }

    /// Whether the problem can be temporary, at the start.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Away(_)
                | Self::Silent(_)
                | Self::Suspected
                | Self::NoMoreConnections
                | Self::Exhausted(_)
        )
    }

    /// Adds the name of a statement to an error that affects only this statement.
    pub(in crate::store) fn of_statement(self, name: &'static str) -> Self {
        match self {
            Self::Slow(_) | Self::Fault(_) => Self::Statement {
                name,
                source: Box::new(self),
            },
            other => other,
        }
    }

    /// Whether nothing took effect, possibly because of one of several combined writes, so that each has to be executed
    /// separately.
    pub(in crate::store) fn is_of_one(&self) -> bool {
        match self {
            Self::Unique(_) | Self::Reference(_) | Self::Stale | Self::Outdated | Self::Busy(_) => {
                true
            }
            Self::Fault(_) => true,
            Self::Statement { source, .. } => source.is_of_one(),
            _ => false,
        }
    }

    /// A copy of the error for each of several combined writes, which must not be repeated because their outcome can be
    /// unknown.
    pub(in crate::store) fn for_each(&self) -> Self {
        self.of_all()
            .unwrap_or_else(|| Self::Away(sqlx::Error::Protocol(self.to_string())))
    }

    /// Whether a statement exceeded its time limit.
    pub(crate) fn is_slow(&self) -> bool {
        match self {
            Self::Slow(_) => true,
            Self::Statement { source, .. } => source.is_slow(),
            _ => false,
        }
    }

    /// A copy of the error for other requests, if it is not specific to one statement.
    pub(in crate::store) fn of_all(&self) -> Option<Self> {
        match self {
            Self::Silent(time) => Some(Self::Silent(*time)),
            Self::Suspected => Some(Self::Suspected),
            Self::Unconfirmed => Some(Self::Unconfirmed),
            Self::NoMoreConnections => Some(Self::NoMoreConnections),
            Self::Locked => Some(Self::Locked),
            Self::Away(sqlx::Error::PoolTimedOut) => Some(Self::Away(sqlx::Error::PoolTimedOut)),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                match (database.kind(), database.code().as_deref()) {
                    (ErrorKind::UniqueViolation, _) if is_value_index(&**database) => {
                        Self::Unique(error)
                    }
                    (ErrorKind::UniqueViolation, _) if is_kept_answer(&**database) => {
                        Self::Repeated
                    }
                    // Another instance generated the same seq or inserted the same row concurrently.
                    (ErrorKind::UniqueViolation, _) => Self::Busy(error),
                    (ErrorKind::ForeignKeyViolation, _) => Self::Reference(error),
                    (_, Some(code)) if database.as_error().is::<SqliteFailure>() => {
                        of_sqlite(code)(error)
                    }
                    (_, Some(code)) => of_postgres(code)(error),
                    _ => Self::Fault(error),
                }
            }
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

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        driver_error(error).into()
    }
}

/// Classifies an extended result code of SQLite.
fn of_sqlite(code: &str) -> fn(sqlx::Error) -> StoreError {
    // The last byte is the primary code.
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => StoreError::Busy,
        Ok(9) => StoreError::Slow,
        // Out of memory, read-only, I/O error, disk full.
        Ok(7 | 8 | 10 | 13) => StoreError::Exhausted,
        // Corrupt, not a database.
        Ok(11 | 26) => |error| StoreError::Damaged(error.to_string()),
        _ => StoreError::Fault,
    }
}

/// Classifies an SQLSTATE (PostgreSQL, appendix A).
fn of_postgres(code: &str) -> fn(sqlx::Error) -> StoreError {
    match code {
        // The division by zero that rolls back a batch.
        "22012" => |_| StoreError::Stale,
        "40001" | "40P01" | "55P03" => StoreError::Busy,
        "57014" => StoreError::Slow,
        "53300" => |_| StoreError::NoMoreConnections,
        // Read-only standby, shut down, starting up.
        "25006" | "57P01" | "57P02" | "57P03" => StoreError::Away,
        // The server no longer accepts the user or the database.
        "28000" | "28P01" | "3D000" => StoreError::Away,
        // Connection lost.
        _ if code.starts_with("08") => StoreError::Away,
        // Insufficient resources, system errors.
        _ if code.starts_with("53") || code.starts_with("58") => StoreError::Exhausted,
        _ => StoreError::Fault,
    }
}

/// PostgreSQL returns the name of the index, SQLite its columns.
fn is_value_index(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.constraint() == Some("attribute_value_unique")
        || error.message().contains("attribute_value.key")
}

fn is_kept_answer(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.constraint() == Some("kept_answer_pkey")
        || error.message().contains("kept_answer.key_digest")
}

impl From<StoreError> for ScimError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unique(_) => {
                Self::uniqueness("A value that must be unique is in use.").caused_by(error)
            }
            ref slow if slow.is_slow() => {
                Self::unavailable("The server took too long over this request; try again.", 5)
                    .caused_by(error)
            }
            StoreError::Fault(_)
            | StoreError::Statement { .. }
            | StoreError::Slow(_)
            | StoreError::Migration(_)
            | StoreError::Newer { .. }
            | StoreError::Blocked { .. }
            | StoreError::Migrating { .. }
            | StoreError::Damaged(_)
            | StoreError::Role(_) => Self::internal(error),
            StoreError::Busy(_)
            | StoreError::Reference(_)
            | StoreError::Stale
            | StoreError::Repeated => {
                Self::unavailable("The server is busy with other changes; try again.", 1)
                    .caused_by(error)
            }
            // The caller is authenticated again; clients do not see this.
            StoreError::Outdated => {
                Self::unauthorized("The token or its tenant has changed.").caused_by(error)
            }
            StoreError::Exhausted(_) => Self::unavailable(
                "The server's database has no disk space or memory left; try again later.",
                30,
            )
            .caused_by(error),
            StoreError::Locked | StoreError::NoMoreConnections => Self::unavailable(
                "The server's database is in use by other programs; try again.",
                5,
            )
            .caused_by(error),
            StoreError::Away(_)
            | StoreError::Silent(_)
            | StoreError::Suspected
            | StoreError::Unconfirmed
            | StoreError::Stopped => Self::unavailable(
                "The server's database is unavailable at the moment; try again.",
                5,
            )
            .because(Reason::DatabaseAway)
            .caused_by(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(error: StoreError) -> (u16, bool) {
        let error = ScimError::from(error);
        (error.status(), error.retry_after().is_some())
    }

    fn cause() -> sqlx::Error {
        sqlx::Error::RowNotFound
    }

    #[test]
    fn temporary_errors_are_503_with_retry_after() {
        for code in [
            "7", "8", "10", "13", "778", "1032", "4874", "5", "6", "261", "517", "9",
        ] {
            assert_eq!(status(of_sqlite(code)(cause())), (503, true), "{code}");
        }
        for code in [
            "53000", "53100", "53200", "53300", "53400", "58000", "58030", "58P01", "57014",
            "57P01", "08006",
        ] {
            assert_eq!(status(of_postgres(code)(cause())), (503, true), "{code}");
        }
        for error in [
            of_sqlite("1")(cause()),
            of_sqlite("11")(cause()),
            of_postgres("42P01")(cause()),
        ] {
            assert_eq!(status(error), (500, false));
        }
        assert_eq!(
            status(StoreError::Silent(Duration::from_secs(1))),
            (503, true)
        );
        assert_eq!(status(StoreError::Suspected), (503, true));
        assert_eq!(status(StoreError::Unconfirmed), (503, true));
        assert_eq!(status(StoreError::Locked), (503, true));
    }
}
