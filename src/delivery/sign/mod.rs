//! Signatures of what is sent: webhooks ([`webhook`]) and security event tokens ([`token`]).

pub(crate) mod token;
pub(crate) mod webhook;

/// Why something could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The text or the bytes are no key.
    #[error("the stored key is damaged")]
    Key,
    /// The cryptographic library failed.
    #[error("the signature could not be made")]
    Signature,
}
