//! Callers that were authenticated on this instance. What is known of one is taken for true until
//! the first statement of his request confirms it ([`CallerProof`]), so that revoking a token, suspending
//! a tenant and changing its settings hold from the next request on, on every instance.

use crate::access::{Caller, token};
use crate::clock::Timestamp;
use crate::request_log::Trail;
use crate::store::CallerProof;
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// Tokens that are known at a time; all are forgotten when there are more.
const MOST: usize = 4096;

/// What is known of a token: the digest of its secret, and whom it stands for.
#[derive(Debug)]
struct Known {
    digest: String,
    stamp: CallerProof,
    caller: Caller,
}

/// The callers that an instance knows, by the public ids of their tokens.
#[derive(Debug, Default)]
pub(crate) struct Callers(RwLock<HashMap<String, Known>>);

impl Callers {
    /// The caller that a token stood for, unless its time is over.
    pub(crate) fn recall(
        &self,
        id: &str,
        secret: &SecretString,
        now: Timestamp,
        trail: &Arc<Trail>,
    ) -> Option<Caller> {
        let callers = self.0.read().ok()?;
        let known = callers.get(id)?;
        let is_over = known.stamp.expires().is_some_and(|at| at <= now);
        if is_over || !token::fits(secret, &known.digest) {
            return None;
        }
        let scope = known.caller.scope.stamped(known.stamp.anew());
        Some(Caller {
            scope,
            trail: trail.clone(),
            ..known.caller.clone()
        })
    }

    pub(crate) fn remember(&self, digest: String, stamp: CallerProof, caller: &Caller) {
        let Ok(mut callers) = self.0.write() else {
            return;
        };
        if callers.len() >= MOST {
            callers.clear();
        }
        // What a request leaves is its own.
        let caller = Caller {
            trail: Arc::default(),
            ..caller.clone()
        };
        callers.insert(
            caller.token_id.to_string(),
            Known {
                digest,
                stamp,
                caller,
            },
        );
    }

    pub(crate) fn forget(&self, id: &str) {
        if let Ok(mut callers) = self.0.write() {
            callers.remove(id);
        }
    }
}
