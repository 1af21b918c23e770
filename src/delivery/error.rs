//! Errors of requests about endpoints. The texts contain no commands.

use crate::delivery::sign::SignError;
use crate::error::ScimError;
use crate::feed::FeedError;
use crate::operator::OperatorError;
use crate::outbound::RefusedTarget;
use crate::secrets::SecretError;
use crate::store::{EndpointKind, StoreError};

/// The error of a request about endpoints.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The endpoint does not exist.
    #[error("There is no {} \"{name}\".", noun(*.kind))]
    NoEndpoint {
        /// The kind of endpoint.
        kind: EndpointKind,
        /// The name.
        name: String,
    },
    /// The name is in use.
    #[error("There is a {} \"{name}\" already.", noun(*.kind))]
    Exists {
        /// The kind of endpoint.
        kind: EndpointKind,
        /// The name.
        name: String,
    },
    /// The text cannot be a name.
    #[error("\"{0}\" is not a valid name: use lower-case letters, digits and hyphens, at most 63.")]
    Name(String),
    /// The tenant does not exist.
    #[error("There is no tenant \"{0}\".")]
    NoTenant(String),
    /// The address is not allowed.
    #[error("The URL cannot be used: {0}.")]
    Target(#[from] RefusedTarget),
    /// A pattern of event types is wrong.
    #[error("{0}.")]
    Types(String),
    /// A header cannot be sent.
    #[error("The header \"{0}\" cannot be used: use lines of the form Name: value.")]
    Header(String),
    /// A header that the server sets.
    #[error("The header \"{0}\" is set by the server itself.")]
    OwnHeader(String),
    /// A header occurs twice.
    #[error("The header \"{0}\" occurs twice: give each header once.")]
    RepeatedHeader(String),
    /// There is no key for sealing secrets.
    #[error(
        "There is no key for secrets: set secrets.key_file or SCIMD_SECRETS__KEY to 32 bytes in base64."
    )]
    NoKey,
    /// The text is not a cursor.
    #[error("\"{0}\" is not a cursor of the feed.")]
    Cursor(String),
    /// The position of a cursor is not available.
    #[error("The events after that cursor were deleted, or the cursor belongs to another history.")]
    Gone,
    /// There is no failed event with that id.
    #[error("There is no failed event \"{0}\".")]
    NoFailedEvent(String),
    /// The signing keys were created or rotated concurrently.
    #[error("The keys were rotated concurrently: list them again.")]
    OtherKeys,
    /// A request with the same key was executed concurrently.
    #[error("A request with this key was executed concurrently.")]
    Repeated,
    /// Only webhooks have their own secret.
    #[error("A stream is signed with the keys of the server.")]
    NotAWebhook,
    /// The stream is polled.
    #[error("The stream \"{0}\" is polled: nothing is sent to it.")]
    Polled(String),
    /// A stored secret cannot be opened, or a key is invalid.
    #[error("Secrets cannot be read: {0}.")]
    Secret(SecretError),
    /// A stored key is damaged.
    #[error("The secret cannot be used: {0}.")]
    Sign(#[from] SignError),
    /// An operation or the database failed.
    #[error(transparent)]
    Failed(#[from] ScimError),
}

fn noun(kind: EndpointKind) -> &'static str {
    kind.as_str()
}

impl From<StoreError> for EndpointError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Repeated => Self::Repeated,
            error => Self::Failed(error.into()),
        }
    }
}

impl From<OperatorError> for EndpointError {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Repeated => Self::Repeated,
            OperatorError::Failed(error) => Self::Failed(error),
            error => Self::Failed(ScimError::internal(error)),
        }
    }
}

impl From<FeedError> for EndpointError {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Gone => Self::Gone,
            FeedError::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<SecretError> for EndpointError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NoKey => Self::NoKey,
            error => Self::Secret(error),
        }
    }
}

/// The outcome of a request about endpoints.
pub(super) type Result<T> = std::result::Result<T, EndpointError>;
