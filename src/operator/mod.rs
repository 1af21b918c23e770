//! Operations of the operator: tenants, tokens, schemas, export and import, verification, the directory.

mod acting;
mod admin;
mod audit_shape;
mod caller;
mod compliance;
mod directory;
mod error;
mod guide_shape;
mod handle;
mod history;
mod index_drift;
mod log_reader;
mod log_watch;
mod mapping_shape;
mod measures;
mod open;
mod operator_tokens;
mod request_shape;
mod requests;
mod resource_acts;
mod schema_shape;
mod schemas;
mod seals;
mod settings;
mod statistics;
mod tenant_acts;
mod tenant_shape;
mod tenants;
mod token_shape;
mod tokens;
mod transfer;

pub(crate) use acting::{Earlier, Once, OnceKey};
pub(crate) use admin::{IssuedToken, TokenRequest};
pub(crate) use audit_shape::{AuditShape, audit_as_json};
pub(crate) use caller::naming_attribute;
pub use directory::DirectoryState;
pub use error::OperatorError;
pub(crate) use guide_shape::guide_as_json;
pub(crate) use handle::DEFAULT_TENANT;
pub use handle::Operator;
pub(crate) use index_drift::IndexDrift;
pub use log_reader::{LogEvent, LogReader};
pub(crate) use log_watch::LATE;
pub use log_watch::LogEntry;
pub(crate) use mapping_shape::{
    ColumnShape, directory_state_word, mapping_as_json, undeclared_text,
};
pub(crate) use operator_tokens::OperatorRefusal;
pub use operator_tokens::OperatorTokenRequest;
pub(crate) use request_shape::{
    RequestShape, change_as_json, failure_as_json, hour_as_json, request_as_json,
};
pub(crate) use resource_acts::Deletable;
pub(crate) use schema_shape::{
    SchemaShape, schema_as_json, schema_change_as_json, whole_schema_as_json,
};
pub(crate) use schemas::{KnownSchema, SchemaPlace, SchemaPlan};
pub use schemas::{
    SchemaChange, SchemaOrigin, SchemaOutcome, SchemaProblem, SchemaRefusal, SchemaStep,
};
pub(crate) use settings::StartError;
pub use settings::{DatabaseTarget, ServiceSettings};
pub use statistics::SeriesStep;
pub(crate) use tenant_acts::check_tenant_name;
pub(crate) use tenant_shape::{TenantShape, TenantUrls, deleted_tenant_as_json, tenant_as_json};
pub(crate) use token_shape::{
    OperatorTokenShape, TokenLife, TokenShape, issued_as_json, issued_operator_as_json,
    operator_token_as_json, token_as_json,
};
pub(crate) use transfer::Counts;
pub use transfer::{ExportRequest, Exported, ImportRequest, ImportStep, Imported, OnError};
