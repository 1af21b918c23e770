//! What a caller that was authenticated earlier is made of, and the proof that it still stands:
//! a condition within the first statement of a request, which so needs no round trip to ask who
//! calls.

use crate::clock::Timestamp;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Token and tenant of a caller as they were read, for one request.
#[derive(Debug)]
pub struct CallerProof {
    pub(in crate::store) token: Arc<str>,
    pub(in crate::store) token_scope: &'static str,
    pub(in crate::store) expires: Option<Timestamp>,
    pub(in crate::store) revision: i64,
    pub(in crate::store) confirmed: AtomicBool,
    /// Whether a statement found that they are no longer so.
    pub(in crate::store) refuted: AtomicBool,
}

impl CallerProof {
    /// The same for another request: nothing has confirmed it.
    #[must_use]
    pub fn anew(&self) -> Self {
        let (confirmed, refuted) = (AtomicBool::new(false), AtomicBool::new(false));
        Self {
            token: self.token.clone(),
            confirmed,
            refuted,
            ..*self
        }
    }

    /// Until when the token was good.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}
