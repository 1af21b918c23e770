//! What the operator does: tenants, tokens, schemas, export and import, verification, the directory.

mod admin;
mod caller;
mod compliance;
mod directory;
mod error;
mod handle;
mod index_drift;
mod log_reader;
mod log_watch;
mod measures;
mod open;
mod request_shape;
mod requests;
mod schemas;
mod settings;
mod statistics;
mod tenants;
mod tokens;
mod transfer;

pub use admin::IssuedToken;
pub use caller::naming_attribute;
pub use directory::{DirectoryState, Views};
pub use error::OperatorError;
pub use handle::{DEFAULT_TENANT, Operator};
pub use index_drift::IndexDrift;
pub use log_reader::{LogEvent, LogReader};
pub use log_watch::LATE;
pub use request_shape::{explanation_as_json, request_as_json};
pub use schemas::{
    KnownSchema, SchemaChange, SchemaOrigin, SchemaOutcome, SchemaPlan, SchemaRefusal, SchemaStep,
    Survey,
};
pub use settings::{DatabaseTarget, ServiceSettings, StartError};
pub use statistics::SeriesStep;
pub use tokens::EndingTokens;
pub use transfer::{Counts, ExportRequest, Exported, ImportRequest, Imported, OnError, Step};
