//! Positions of index paging. Clients read the pages of a list in order, by `startIndex`; the last result of a page is
//! cached, so that the next page does not count all results before it.

use crate::cache::BoundedCache;
use crate::metrics::CacheMetrics;

/// Maximum number of cached positions; the least used ones are evicted.
const CAPACITY: usize = 10_000;

/// A list in order of creation, and a position in it: tenant, names of the resource types, start index.
pub(super) type Position = (String, Vec<String>, i64);

/// The last result before a position, and the number of deleted resources at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageHint {
    pub(super) seq: i64,
    pub(super) gone: i64,
}

/// The page hints of an instance.
#[derive(Debug)]
pub(super) struct PageHints(BoundedCache<Position, PageHint>);

impl PageHints {
    /// Creates an empty cache.
    pub(super) fn new(metrics: CacheMetrics) -> Self {
        Self(BoundedCache::new(CAPACITY, metrics))
    }

    /// The hint for a position.
    pub(super) fn before(&self, position: &Position) -> Option<PageHint> {
        self.0.get(position)
    }

    /// Caches the hint for a position.
    pub(super) fn remember(&self, position: Position, hint: PageHint) {
        self.0.insert(position, hint);
    }
}
