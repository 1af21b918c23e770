//! Schemas that the operator adds and removes while servers run: which there are, what a change of
//! them would do, and doing it.

mod change;
mod configure;
mod list;
mod plan;
mod suggest;
mod survey;

pub use change::{SchemaOutcome, SchemaStep};
pub(crate) use configure::{compare, configure};
pub use list::{KnownSchema, SchemaOrigin};
pub use plan::{SchemaChange, SchemaPlan};
pub use survey::Survey;

use crate::error::ScimError;
use crate::store::StoreError;

/// Why a change of schemas is not made.
#[derive(Debug, thiserror::Error)]
pub enum SchemaRefusal {
    /// What is wrong with what was asked, a line for each.
    #[error("{}", .0.join("; "))]
    Problems(Vec<String>),
    /// It could not be done.
    #[error(transparent)]
    Failed(#[from] ScimError),
}

impl SchemaRefusal {
    fn one(problem: impl Into<String>) -> Self {
        Self::Problems(vec![problem.into()])
    }
}

impl From<StoreError> for SchemaRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}
