//! What a service is opened with.

use crate::filter::FilterLimits;
use crate::patch::PatchLimits;
use crate::protocol::DATABASE_FILE;
use crate::request_log::Record;
use crate::resource::limits::ValueLimits;
use crate::schema::SchemaFile;
use crate::store::PoolSettings;
use secrecy::SecretString;
use std::path::PathBuf;

/// What a service is opened with.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// Where resources are kept.
    pub database: DatabaseTarget,
    /// How the database is worked with.
    pub pool: PoolSettings,
    /// Where resources stand for clients, with the base path and without a slash at the end.
    pub public_url: String,
    /// All schema and resource type files of the deployment, to be put into the database by
    /// [`super::Service::open_for`]; `None` if the configuration names no folder: those of the database stay.
    pub schema_files: Option<Vec<SchemaFile>>,
    /// Attributes that a filter may name and a list may be sorted by, likewise; `*` means every one.
    pub searchable: Option<Vec<String>>,
    /// Whom customers ask for what only the vendor can do: an e-mail address or a URL.
    pub support: Option<String>,
    /// Bounds on what a request may ask.
    pub limits: ServiceLimits,
    /// Which requests the provisioning log keeps.
    pub record: Record,
}

/// Which database holds the resources.
#[derive(Debug, Clone)]
pub enum DatabaseTarget {
    /// A PostgreSQL server.
    Postgres {
        /// Its URL, which may hold a password.
        url: SecretString,
    },
    /// Embedded SQLite.
    Sqlite {
        /// The folder of its files.
        data_dir: PathBuf,
    },
}

impl DatabaseTarget {
    /// Whether there is a database to open: the file of the embedded one. Of a database server that
    /// only opening tells.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Postgres { .. } => true,
            Self::Sqlite { data_dir } => data_dir.join(DATABASE_FILE).is_file(),
        }
    }
}

/// Bounds on what a request may ask of the service.
#[derive(Debug, Clone, Copy)]
pub struct ServiceLimits {
    /// Bounds on the values of a resource.
    pub values: ValueLimits,
    /// Bounds on filters.
    pub filter: FilterLimits,
    /// Bounds on PATCH requests.
    pub patch: PatchLimits,
    /// Resources on a page when the client names no `count`.
    pub page_default: i64,
    /// Resources on a page at most.
    pub page_max: i64,
    /// Operations of a bulk request.
    pub bulk_operations: usize,
    /// Bytes of a bulk request.
    pub bulk_bytes: usize,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            values: ValueLimits::default(),
            filter: FilterLimits::default(),
            patch: PatchLimits::default(),
            page_default: 100,
            page_max: 1000,
            bulk_operations: 1000,
            bulk_bytes: 4 * 1024 * 1024,
        }
    }
}

/// Why a service could not be opened, in one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be reached at present; another try may succeed.
    #[error("{0}")]
    Unreachable(String),
    /// Something that the operator must put right.
    #[error("{0}")]
    Unusable(String),
}
