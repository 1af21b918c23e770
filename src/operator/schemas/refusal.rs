//! Why a change of schemas is refused.

use crate::error::ScimError;
use crate::operator::error::OperatorError;
use crate::store::StoreError;

/// The refusal of a schema change.
#[derive(Debug, thiserror::Error)]
pub enum SchemaRefusal {
    /// The problems of the change, one per line.
    #[error("{}", .0.join("; "))]
    Problems(Vec<String>),
    /// The tenant, or without one the deployment, has no own schema with that URN.
    #[error("{} has no schema {urn}{}", owner(.tenant.as_deref()), others(.owners))]
    NoSchema {
        /// URN of the schema.
        urn: String,
        /// Name of the tenant.
        tenant: Option<String>,
        /// Tenants that have a schema of that URN; `None` is the deployment.
        owners: Vec<Option<String>>,
    },
    /// An operation below the change failed.
    #[error(transparent)]
    Failed(#[from] OperatorError),
}

fn owner(tenant: Option<&str>) -> String {
    tenant.map_or("the deployment".to_owned(), |name| format!("tenant {name}"))
}

fn others(owners: &[Option<String>]) -> String {
    let named: Vec<_> = owners.iter().map(|name| owner(name.as_deref())).collect();
    match named.as_slice() {
        [] => String::new(),
        named => format!(", but there is one of {}", named.join(", ")),
    }
}

impl SchemaRefusal {
    pub(super) fn one(problem: impl Into<String>) -> Self {
        Self::Problems(vec![problem.into()])
    }
}

impl From<ScimError> for SchemaRefusal {
    fn from(error: ScimError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<StoreError> for SchemaRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}
