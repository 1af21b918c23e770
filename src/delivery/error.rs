//! What requests about endpoints are refused for. The texts name no command.

use crate::delivery::sign::SignError;
use crate::error::ScimError;
use crate::feed::FeedError;
use crate::operator::OperatorError;
use crate::outbound::RefusedTarget;
use crate::secrets::SecretError;
use crate::store::{EndpointKind, StoreError};

/// Why a request about endpoints was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// There is none of that name.
    #[error("There is no {} \"{name}\".", noun(*.kind))]
    NoEndpoint {
        /// What was looked for.
        kind: EndpointKind,
        /// The name.
        name: String,
    },
    /// There is one of that name.
    #[error("There is a {} \"{name}\" already.", noun(*.kind))]
    Exists {
        /// What was to be made.
        kind: EndpointKind,
        /// The name.
        name: String,
    },
    /// The text cannot be a name.
    #[error("\"{0}\" is not a valid name: use lower-case letters, digits and hyphens, at most 63.")]
    Name(String),
    /// There is no tenant of that name.
    #[error("There is no tenant \"{0}\".")]
    NoTenant(String),
    /// The address may not be called.
    #[error("The URL cannot be used: {0}.")]
    Target(#[from] RefusedTarget),
    /// A pattern of event types is wrong.
    #[error("{0}.")]
    Types(String),
    /// A header cannot be sent.
    #[error("The header \"{0}\" cannot be used: give lines of the form Name: value.")]
    Header(String),
    /// A header comes twice, which cannot be told from a mistake.
    #[error("The header \"{0}\" is given twice: give each header once.")]
    RepeatedHeader(String),
    /// There is no key to seal secrets with.
    #[error(
        "There is no key for secrets: set secrets.key_file or SCIMD_SECRETS__KEY to 32 bytes in base64."
    )]
    NoKey,
    /// The text is no cursor.
    #[error("\"{0}\" is no cursor of the feed.")]
    Cursor(String),
    /// The place that a cursor means is not kept.
    #[error("What follows that cursor is not kept any more, or it is of another history.")]
    Gone,
    /// There is no event of that id that was given up.
    #[error("There is no event \"{0}\" that was given up.")]
    NoFailedEvent(String),
    /// The keys that sign were made or rotated meanwhile.
    #[error("The keys were rotated by someone else at the same moment: look at them again.")]
    OtherKeys,
    /// A request with the same key was carried out at the same moment.
    #[error("A request with this key was carried out at the same moment.")]
    Repeated,
    /// Webhooks alone have a secret of their own.
    #[error("A stream is signed with the keys of the server.")]
    NotAWebhook,
    /// What is polled is not sent.
    #[error("The stream \"{0}\" is polled: nothing is sent to it.")]
    Polled(String),
    /// A stored secret cannot be opened, or a key is none.
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
