//! Schemas that the operator adds and removes while servers run: listing, planning and executing changes.

mod change;
pub(super) mod configure;
mod list;
mod plan;
mod refusal;
mod schema_edit;
mod suggest;
mod survey;

pub use change::{SchemaOutcome, SchemaStep};
pub use list::SchemaOrigin;
pub(crate) use list::{KnownSchema, SchemaPlace};
pub(crate) use plan::SchemaPlan;
pub use refusal::{SchemaProblem, SchemaRefusal};
pub use schema_edit::SchemaChange;
