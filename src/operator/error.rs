//! Errors of the operator's requests. The texts contain no commands: each interface adds the command to type.

use crate::error::ScimError;
use crate::store::StoreError;
use std::io;
use std::path::PathBuf;

/// The error of a request of the operator.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No tenant has that name.
    #[error("There is no tenant \"{0}\".")]
    NoTenant(String),
    /// A tenant with that name exists.
    #[error("There is a tenant \"{0}\" already.")]
    TenantExists(String),
    /// The text cannot be the name of a tenant.
    #[error(
        "\"{0}\" is not a valid tenant name: use lower-case letters, digits and hyphens, at most 63."
    )]
    TenantName(String),
    /// The tenant was changed concurrently.
    #[error("Tenant \"{0}\" was changed concurrently: read it again.")]
    OtherRevision(String),
    /// A scope that the role of an operator token does not have.
    #[error("The role {role} does not have the scope {scope}.")]
    ScopeOfRole {
        /// The scope.
        scope: &'static str,
        /// The role.
        role: &'static str,
    },
    /// A request with the same key was executed concurrently.
    #[error("A request with this key was executed concurrently.")]
    Repeated,
    /// A limit of seats below zero.
    #[error("The number of seats cannot be negative.")]
    NegativeSeats,
    /// Names of groups cannot become unique while two groups have the same name.
    #[error("Some groups of this tenant have the same name; rename them first.")]
    SharedGroupNames(#[source] StoreError),
    /// The name of a token has control characters.
    #[error("A token's name cannot have control characters, such as a tab or a line break.")]
    TokenNameControl,
    /// The name of a token is empty or too long.
    #[error("A token needs a name, such as okta, of at most 100 characters.")]
    TokenNameLength,
    /// No token has that id.
    #[error("There is no token \"{0}\"")]
    NoToken(String),
    /// No valid token has that id.
    #[error("There is no valid token \"{0}\"")]
    NoValidToken(String),
    /// The token already has a successor.
    #[error(
        "Token {id} was already rotated: its successor is {successor}. Rotate the successor, or issue a new token."
    )]
    TokenRotated {
        /// Public id of the token.
        id: String,
        /// Public id of its successor.
        successor: String,
    },
    /// No user of the tenant has that name.
    #[error("There is no user \"{user}\" in tenant \"{tenant}\"; for a deleted user, use the id.")]
    NoUser {
        /// The given name.
        user: String,
        /// Name of the tenant.
        tenant: String,
    },
    /// Schemas were changed since the change was planned.
    #[error("Schemas were changed by another program at the same time")]
    SchemasChanged,
    /// The file of a backup already exists.
    #[error("There is a file {} already.", .0.display())]
    FileExists(PathBuf),
    /// The name of a file is not UTF-8.
    #[error("The name of the file is not UTF-8.")]
    FileName,
    /// The file of a backup cannot be written.
    #[error("The copy cannot be written to {}: {cause}.", .file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// The message of the system.
        cause: io::Error,
    },
    /// Only the embedded database can be copied.
    #[error("The database is PostgreSQL: use pg_dump, which copies it under load.")]
    NotEmbedded,
    /// Too many readers follow logs concurrently.
    #[error("Too many streams are open: close one, or try again later.")]
    TooManyReaders,
    /// An operation of the protocol or the database failed.
    #[error(transparent)]
    Failed(#[from] ScimError),
}

impl From<StoreError> for OperatorError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Repeated => Self::Repeated,
            error => Self::Failed(error.into()),
        }
    }
}

/// The outcome of a request of the operator.
pub(super) type Result<T> = std::result::Result<T, OperatorError>;
