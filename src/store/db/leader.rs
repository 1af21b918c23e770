//! Request coalescing: the first caller for a key becomes the leader and runs the batch for everyone who arrives before
//! it finishes.

use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Waiting requests by key. A key exists as long as it has a leader.
#[derive(Debug)]
pub(in crate::store) struct Coalescer<K, T>(Mutex<HashMap<K, Vec<T>, RandomState>>);

/// The leadership of a key until no request for it waits. If it is dropped earlier, waiting requests are dropped with
/// it.
#[derive(Debug)]
pub(in crate::store) struct Leader<K: Eq + Hash, T> {
    coalescer: Arc<Coalescer<K, T>>,
    key: K,
    is_over: bool,
}

impl<K, T> Default for Coalescer<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, T> Coalescer<K, T> {
    /// Takes the leadership without a request, unless the key has a leader.
    pub(in crate::store) fn lead(self: &Arc<Self>, key: K) -> Option<Leader<K, T>> {
        let mut waiting = self.lock();
        if waiting.contains_key(&key) {
            return None;
        }
        waiting.insert(key.clone(), Vec::new());
        Some(self.leader(key))
    }

    /// Adds a request. Returns the leadership if the key has no leader.
    pub(in crate::store) fn join(self: &Arc<Self>, key: K, request: T) -> Option<Leader<K, T>> {
        let mut waiting = self.lock();
        if let Some(others) = waiting.get_mut(&key) {
            others.push(request);
            return None;
        }
        waiting.insert(key.clone(), vec![request]);
        Some(self.leader(key))
    }

    fn leader(self: &Arc<Self>, key: K) -> Leader<K, T> {
        Leader {
            coalescer: self.clone(),
            key,
            is_over: false,
        }
    }
}

impl<K, T> Coalescer<K, T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Vec<T>, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, T> Leader<K, T> {
    pub(in crate::store) fn key(&self) -> &K {
        &self.key
    }

    /// The requests that `take` selects from the waiting ones; `None`, and the end of the leadership, if none waits.
    pub(in crate::store) fn next(
        &mut self,
        take: impl FnOnce(&mut Vec<T>) -> Vec<T>,
    ) -> Option<Vec<T>> {
        let mut waiting = self.coalescer.lock();
        match waiting.get_mut(&self.key) {
            Some(requests) if !requests.is_empty() => Some(take(requests)),
            _ => {
                waiting.remove(&self.key);
                self.is_over = true;
                None
            }
        }
    }
}

impl<K: Eq + Hash, T> Drop for Leader<K, T> {
    fn drop(&mut self) {
        if !self.is_over {
            self.coalescer.lock().remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_caller_serves_later_ones() {
        let coalescer = Arc::new(Coalescer::default());
        let mut leader = coalescer.join("a", 1).unwrap();
        assert!(coalescer.join("a", 2).is_none() && coalescer.join("b", 7).is_some());
        let first = leader.next(|requests| requests.drain(..1).collect());
        assert_eq!(first, Some(vec![1]));
        assert!(coalescer.join("a", 3).is_none());
        assert_eq!(leader.next(std::mem::take), Some(vec![2, 3]));
        assert_eq!(leader.next(std::mem::take), None);
        let next = coalescer.join("a", 4);
        drop(leader);
        assert!(next.is_some() && coalescer.join("a", 5).is_none());
    }

    #[test]
    fn a_leader_without_a_request_serves_others() {
        let coalescer = Arc::new(Coalescer::default());
        let mut leader = coalescer.lead("a").unwrap();
        assert!(coalescer.lead("a").is_none() && coalescer.join("a", 1).is_none());
        assert_eq!(leader.next(std::mem::take), Some(vec![1]));
        assert_eq!(leader.next(std::mem::take), None);
        assert!(coalescer.lead("a").is_some());
    }

    #[test]
    fn a_leadership_that_ends_early_drops_the_requests_that_wait() {
        let coalescer = Arc::new(Coalescer::default());
        let leader = coalescer.join("a", Arc::new(1)).unwrap();
        let second = Arc::new(2);
        assert!(coalescer.join("a", second.clone()).is_none());
        drop(leader);
        assert_eq!(Arc::strong_count(&second), 1);
        assert!(coalescer.join("a", second).is_some());
    }
}
