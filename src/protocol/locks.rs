//! Changes of one resource that met each other stand in line, so that each is made once more
//! and not many times. Which line is a matter of the id; lines are few and shared.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

const LINES: usize = 256;

/// The lines of an instance.
#[derive(Debug, Clone)]
pub(crate) struct Lines(Arc<[Arc<Mutex<()>>]>);

impl Lines {
    pub(crate) fn new() -> Self {
        Self((0..LINES).map(|_| Arc::default()).collect())
    }

    /// Waits for the turn of a resource; it ends when the guard is dropped.
    pub(crate) async fn stand_in(&self, id: &str) -> Option<OwnedMutexGuard<()>> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let line = usize::try_from(hasher.finish() % LINES as u64).unwrap_or(0);
        match self.0.get(line) {
            Some(line) => Some(line.clone().lock_owned().await),
            None => None,
        }
    }
}
