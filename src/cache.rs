//! A bounded cache with eviction, whose lookups are counted.

use crate::metrics::CacheMetrics;
use foldhash::fast::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, UnitWeighter};
use std::hash::Hash;

/// Entries by key. When the cache is full, an entry that was used little is evicted. Threads share it; its parts have
/// separate locks.
#[derive(Debug)]
pub(crate) struct BoundedCache<K, V> {
    entries: Cache<K, V, UnitWeighter, RandomState>,
    metrics: CacheMetrics,
}

impl<K: Eq + Hash, V: Clone> BoundedCache<K, V> {
    /// An empty cache for about `capacity` entries.
    pub(crate) fn new(capacity: usize, metrics: CacheMetrics) -> Self {
        let weight = u64::try_from(capacity).unwrap_or(u64::MAX);
        let hasher = RandomState::default();
        let lifecycle = DefaultLifecycle::default();
        Self {
            entries: Cache::with(capacity, weight, UnitWeighter, hasher, lifecycle),
            metrics,
        }
    }

    /// The entry of a key, or of what is equivalent to a key. Counts a hit or a miss.
    pub(crate) fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        let entry = self.entries.get(key);
        self.metrics.note(entry.is_some());
        entry
    }

    /// Adds or replaces an entry.
    pub(crate) fn insert(&self, key: K, value: V) {
        self.entries.insert(key, value);
    }

    /// Removes an entry.
    pub(crate) fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) {
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_keeps_entries_that_are_used() {
        let cache = BoundedCache::new(64, CacheMetrics::default());
        cache.insert(0, "used");
        for key in 1..1000 {
            cache.insert(key, "once");
            assert_eq!(cache.get(&0), Some("used"), "after {key} others");
        }
        let left = (1..1000).filter(|key| cache.get(key).is_some()).count();
        assert!((1..=64).contains(&left), "{left}");
        cache.remove(&0);
        assert_eq!(cache.get(&0), None);
    }
}
