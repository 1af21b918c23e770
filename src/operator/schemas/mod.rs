//! Schemas that the operator adds and removes while servers run: which there are, what a change of
//! them would do, and doing it.

mod change;
pub(super) mod configure;
mod list;
mod plan;
mod refusal;
mod suggest;
mod survey;

pub use change::{SchemaOutcome, SchemaStep};
pub use list::{KnownSchema, SchemaOrigin};
pub use plan::{SchemaChange, SchemaPlan};
pub use refusal::SchemaRefusal;
pub use survey::Survey;
