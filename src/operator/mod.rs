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

pub use acting::{Earlier, Once, OnceKey};
pub use admin::{IssuedToken, TokenRequest};
pub use audit_shape::{ActorShape, AuditShape, audit_as_json};
pub use caller::naming_attribute;
pub use directory::{DirectoryState, Views};
pub use error::OperatorError;
pub use guide_shape::guide_as_json;
pub use handle::{DEFAULT_TENANT, Operator};
pub use index_drift::IndexDrift;
pub use log_reader::{LogEvent, LogReader};
pub use log_watch::LATE;
pub use mapping_shape::{ColumnShape, directory_state_word, mapping_as_json, undeclared_text};
pub use operator_tokens::{IssuedOperatorToken, OperatorRefusal, OperatorTokenRequest};
pub use request_shape::{
    ExplanationShape, RequestShape, change_as_json, failure_as_json, hour_as_json, request_as_json,
};
pub use resource_acts::Deletable;
pub use schema_shape::{SchemaShape, schema_as_json, schema_change_as_json, whole_schema_as_json};
pub use schemas::{
    KnownSchema, SchemaChange, SchemaOrigin, SchemaOutcome, SchemaPlan, SchemaRefusal, SchemaStep,
    Survey,
};
pub use settings::{DatabaseTarget, ServiceSettings, StartError};
pub use statistics::SeriesStep;
pub use tenant_shape::{TenantShape, TenantUrls, deleted_tenant_as_json, tenant_as_json};
pub use token_shape::{
    LifeShape, OperatorTokenShape, TokenLife, TokenShape, issued_as_json, issued_operator_as_json,
    operator_token_as_json, token_as_json,
};
pub use tokens::EndingTokens;
pub use transfer::{Counts, ExportRequest, Exported, ImportRequest, ImportStep, Imported, OnError};
