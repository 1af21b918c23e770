//! Signatures of messages: webhooks ([`webhook`]) and security event tokens ([`token`]).

pub(crate) mod token;
pub(crate) mod webhook;

/// An error of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The key is invalid.
    #[error("the stored key is damaged")]
    Key,
    /// The cryptographic library failed.
    #[error("the signature could not be created")]
    Signature,
}
