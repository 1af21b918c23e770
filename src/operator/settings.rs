//! Settings of a service.

use crate::protocol::ServiceLimits;
use crate::request_log::Record;
use crate::schema::SchemaFile;
use crate::store::{PoolSettings, StoreError};
use secrecy::SecretString;
use std::path::PathBuf;

/// Settings of a service.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// The database.
    pub database: DatabaseTarget,
    /// Settings of its connections.
    pub pool: PoolSettings,
    /// Base URL of resources, with the base path and without a slash at the end.
    pub public_url: String,
    /// All schema and resource type files of the deployment, which [`super::Operator::open_for`] stores in the
    /// database; `None` without a configured folder, which leaves the stored ones unchanged.
    pub schema_files: Option<Vec<SchemaFile>>,
    /// Attributes for filters and sorting; `*` for all.
    pub searchable: Option<Vec<String>>,
    /// Contact of the vendor for customers: an e-mail address or a URL.
    pub support: Option<String>,
    /// Limits of requests.
    pub limits: ServiceLimits,
    /// The requests to record in the provisioning log.
    pub record: Record,
    /// Whether the change log stores the state of a resource with each change.
    pub keeps_documents: bool,
    /// Days before the expiry of a token from which it is expiring.
    pub token_warn_days: i64,
}

/// The database of the resources.
#[derive(Debug, Clone)]
pub enum DatabaseTarget {
    /// A PostgreSQL server.
    Postgres {
        /// URL of the database, which may contain a password.
        url: SecretString,
    },
    /// Embedded SQLite.
    Sqlite {
        /// The folder of its files.
        data_dir: PathBuf,
    },
}

impl DatabaseTarget {
    /// Whether the file of the embedded database exists; always true for a database server.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Postgres { .. } => true,
            Self::Sqlite { data_dir } => data_dir.join(DATABASE_FILE).is_file(),
        }
    }
}

/// The error of opening a service, one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be reached at present; a retry can succeed.
    #[error("{0}")]
    Unreachable(String),
    /// A problem that the operator must fix.
    #[error("{0}")]
    Unusable(String),
}

/// The file of the embedded database in its folder.
pub(super) const DATABASE_FILE: &str = "scimd.db";

/// Classifies an error at the start: a database that becomes unavailable during the start is waited for.
pub(super) fn cannot_start(error: &StoreError) -> StartError {
    match (error, error.remedy()) {
        (error, None) if error.may_pass() => {
            StartError::Unreachable(format!("the database cannot be reached: {}", cause(error)))
        }
        _ => StartError::Unusable(format!("the database cannot be used: {}", cause(error))),
    }
}

/// The message of the database, without the prefix of scimd.
pub(super) fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
