//! What the operator does: tenants, tokens, schemas, export and import, verification, the directory.

mod admin;
mod caller;
mod compliance;
mod directory;
pub(crate) mod index_drift;
mod requests;
pub(crate) mod schemas;
mod tenants;
mod tokens;
mod transfer;

pub use admin::IssuedToken;
pub use caller::naming_attribute;
pub use directory::{DirectoryState, Views};
pub use schemas::{
    KnownSchema, SchemaChange, SchemaOrigin, SchemaOutcome, SchemaPlan, SchemaRefusal, SchemaStep,
    Survey,
};
pub use tokens::EndingTokens;
pub use transfer::{Counts, Export, Exported, Import, Imported, OnError, Step};
