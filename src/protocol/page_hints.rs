//! Positions of index paging. Clients read the pages of a list in order, by `startIndex`; the last result of a page is
//! cached, so that the next page does not count all results before it.

use crate::metrics::CacheMetrics;
use quick_cache::sync::Cache;

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
pub(super) struct PageHints {
    cache: Cache<Position, PageHint>,
    metrics: CacheMetrics,
}

impl PageHints {
    /// No hints yet.
    pub(super) fn new(metrics: CacheMetrics) -> Self {
        Self {
            cache: Cache::new(CAPACITY),
            metrics,
        }
    }

    /// The hint for a position.
    pub(super) fn before(&self, position: &Position) -> Option<PageHint> {
        let hint = self.cache.get(position);
        self.metrics.note(hint.is_some());
        hint
    }

    /// Caches the hint for a position.
    pub(super) fn remember(&self, position: Position, hint: PageHint) {
        self.cache.insert(position, hint);
    }
}
