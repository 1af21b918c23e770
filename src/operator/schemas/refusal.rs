//! Refusals of schema changes.

use crate::error::ScimError;
use crate::model::ANNOTATION;
use crate::operator::error::OperatorError;
use crate::store::StoreError;

/// The refusal of a schema change.
#[derive(Debug, thiserror::Error)]
pub enum SchemaRefusal {
    /// The problems of the change.
    #[error("{}", joined(.0))]
    Problems(Vec<SchemaProblem>),
    /// The tenant, or without one the deployment, has no own schema with that URN.
    #[error("{} has no schema {urn}{}", owner(.tenant.as_deref()), others(.owners))]
    NoSchema {
        /// URN of the schema.
        urn: String,
        /// Name of the tenant.
        tenant: Option<String>,
        /// Tenants that have a schema with that URN; `None` is the deployment.
        owners: Vec<Option<String>>,
    },
    /// An operation below the change failed.
    #[error(transparent)]
    Failed(#[from] OperatorError),
}

/// A problem of a schema change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaProblem {
    /// A problem of a schema file, or of the schemas of a tenant with it, with its place.
    #[error("{0}")]
    File(String),
    /// The file defines a resource type.
    #[error(
        "{0}: /endpoint: a resource type is not a schema; put the file into the folder in schemas.dir"
    )]
    ResourceType(String),
    /// The file names other resource types than the request.
    #[error("{origin}: /{}/extends: the file says {}, but {} was requested: change the file or request none", ANNOTATION, .own.join(", "), .requested.join(", "))]
    OtherTypes {
        /// Name of the file.
        origin: String,
        /// The resource types in the file.
        own: Vec<String>,
        /// The requested resource types.
        requested: Vec<String>,
    },
    /// The schema is from a file of the configuration.
    #[error(
        "{urn} is from the file {file}: change it there, or remove it from the folder in schemas.dir, and restart the server"
    )]
    Configured {
        /// URN of the schema.
        urn: String,
        /// Name of the file.
        file: String,
    },
    /// The schema is part of the server.
    #[error("{0} is built in: your own attributes need a separate URN")]
    BuiltIn(String),
    /// The schema has the attribute already.
    #[error(
        "{urn} has an attribute {name}, or it is given twice; to change one, remove it first or add a file"
    )]
    HasAttribute {
        /// URN of the schema.
        urn: String,
        /// Name of the attribute.
        name: String,
    },
    /// The schema does not have the attribute.
    #[error("{urn} has no attribute {name}, but {}", .names.join(", "))]
    NoAttribute {
        /// URN of the schema.
        urn: String,
        /// Name of the attribute.
        name: String,
        /// Names of the attributes of the schema.
        names: Vec<String>,
    },
    /// Resources have values that do not match the definition of their attribute.
    #[error(
        "tenant {tenant}: {count} resources have values of {name} that do not match its definition; the first is {first}"
    )]
    Unfit {
        /// Name of the tenant.
        tenant: String,
        /// Number of resources.
        count: u64,
        /// Name of the attribute.
        name: String,
        /// Type and id of one resource.
        first: String,
    },
    /// Resources share a value that must be unique after the change.
    #[error(
        "tenant {tenant}: {count} resources have the same value of {name} as another one, so it cannot be unique; the first is {first}"
    )]
    Repeated {
        /// Name of the tenant.
        tenant: String,
        /// Number of resources.
        count: u64,
        /// Path of the attribute.
        name: String,
        /// Type and id of one resource.
        first: String,
    },
    /// Resources that were written during the change share a value that must be unique.
    #[error("tenant {tenant}: {count} resources have a unique value that another resource has")]
    Taken {
        /// Name of the tenant.
        tenant: String,
        /// Number of resources.
        count: u64,
    },
    /// The change was undone, because of the other problems.
    #[error("it was rolled back: nothing is changed")]
    RolledBack,
}

fn joined(problems: &[SchemaProblem]) -> String {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
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

impl From<SchemaProblem> for SchemaRefusal {
    fn from(problem: SchemaProblem) -> Self {
        Self::Problems(vec![problem])
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
