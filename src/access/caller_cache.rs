//! The callers that this instance has authenticated. A cached caller is a claim until the first statement of its
//! request has confirmed it ([`CallerSnapshot`]), so that revoking a token, suspending a tenant and changing its
//! settings take effect with the next request, on every instance.

use super::claim::{Caller, Claim, Identity};
use super::token;
use crate::cache::BoundedCache;
use crate::clock::Timestamp;
use crate::metrics::CacheMetrics;
use crate::request_log::RequestContext;
use crate::store::{CallerSnapshot, Scope, ScopeClaim};
use secrecy::SecretString;
use std::sync::Arc;

/// Maximum number of cached tokens; the least used ones are evicted.
const CAPACITY: usize = 10_000;

/// A cached token: the digest of its secret, and its identity.
#[derive(Debug, Clone)]
struct CachedCaller {
    digest: Arc<str>,
    snapshot: Arc<CallerSnapshot>,
    identity: Arc<Identity>,
    scope: Scope,
}

/// The cached callers of an instance, by the public ids of their tokens.
#[derive(Debug)]
pub(super) struct CallerCache(BoundedCache<Arc<str>, CachedCaller>);

impl CallerCache {
    /// Creates an empty cache.
    pub(super) fn new(metrics: CacheMetrics) -> Self {
        Self(BoundedCache::new(CAPACITY, metrics))
    }

    /// The claim of a token, unless it has expired or the secret differs.
    pub(super) fn recall(
        &self,
        id: &str,
        secret: &SecretString,
        now: Timestamp,
        context: &Arc<RequestContext>,
    ) -> Option<Claim> {
        let cached = self.0.get(id)?;
        let is_over = cached.snapshot.expires().is_some_and(|at| at <= now);
        if is_over || !token::fits(secret, &cached.digest) {
            return None;
        }
        Some(Claim {
            identity: cached.identity,
            scope: ScopeClaim::cached(cached.scope, cached.snapshot),
            context: context.clone(),
            operation: None,
        })
    }

    /// Caches a caller that was just authenticated.
    pub(super) fn remember(&self, digest: String, snapshot: CallerSnapshot, caller: &Caller) {
        let cached = CachedCaller {
            digest: digest.into(),
            snapshot: snapshot.into(),
            identity: caller.identity.clone(),
            scope: Scope::clone(caller.scope()),
        };
        self.0.insert(caller.token_id.clone(), cached);
    }

    /// Removes a token from the cache; it is read again at its next request.
    pub(super) fn forget(&self, id: &str) {
        self.0.remove(id);
    }
}
