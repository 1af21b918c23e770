//! Running lookups of tokens. Of several requests with an unknown token, one looks it up in the database, and the
//! others wait for the result.

use crate::error::{Result, ScimError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};
use tokio::time::timeout;

/// Maximum wait for the lookups of other requests.
const MAX_WAIT: Duration = Duration::from_millis(1500);

/// The running lookups, by the text of the token.
#[derive(Debug, Default)]
pub(crate) struct Lookups(Mutex<HashMap<Arc<str>, Arc<Queue<()>>>>);

/// The lookup of one request with its token.
#[derive(Debug)]
pub(crate) struct Lookup<'a> {
    lookups: &'a Lookups,
    token: Arc<str>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Lookups {
    /// Waits until no other lookup of the token is running.
    ///
    /// # Errors
    /// 503 if that takes too long: a lookup for each request would overload the database.
    pub(crate) async fn acquire(&self, token: &str) -> Result<Lookup<'_>> {
        let token: Arc<str> = token.into();
        let queue = self.queues().entry(token.clone()).or_default().clone();
        // The guard is created before the wait, so that the entry is removed even if the wait is cancelled.
        let mut lookup = Lookup {
            lookups: self,
            token,
            guard: None,
        };
        let guard = timeout(MAX_WAIT, queue.lock_owned()).await;
        lookup.guard =
            Some(guard.map_err(|_| ScimError::unavailable("The server is busy; try again.", 1))?);
        Ok(lookup)
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Queue<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lookup<'_> {
    fn drop(&mut self) {
        drop(self.guard.take());
        let mut queues = self.lookups.queues();
        if queues
            .get(&self.token)
            .is_some_and(|queue| Arc::strong_count(queue) == 1)
        {
            queues.remove(&self.token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn one_request_of_a_token_looks_it_up_at_a_time() {
        let lookups = Lookups::default();
        let one = lookups.acquire("a").await.unwrap();
        drop(lookups.acquire("b").await.unwrap());
        assert!(timeout(SHORT, lookups.acquire("a")).await.is_err());
        assert_eq!(lookups.acquire("a").await.unwrap_err().status(), 503);
        drop(one);
        drop(lookups.acquire("a").await.unwrap());
        assert!(lookups.queues().is_empty());
    }
}
