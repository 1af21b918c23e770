//! Locks by resource: conflicting changes of one resource are serialized, so that each is repeated once and not many
//! times. Resources share a fixed number of locks.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

const LOCKS: usize = 256;

/// The locks of an instance.
#[derive(Debug, Clone)]
pub(super) struct ResourceLocks(Arc<[Arc<Mutex<()>>]>);

impl ResourceLocks {
    pub(super) fn new() -> Self {
        Self((0..LOCKS).map(|_| Arc::default()).collect())
    }

    /// Waits for the lock of a resource; dropping the guard releases it.
    pub(super) async fn lock(&self, id: &str) -> Option<OwnedMutexGuard<()>> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or(0);
        match self.0.get(index) {
            Some(lock) => Some(lock.clone().lock_owned().await),
            None => None,
        }
    }
}
