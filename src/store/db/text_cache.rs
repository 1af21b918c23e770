//! The texts of statements, built once for each shape: everything that a text depends on except the values.

use crate::cache::BoundedCache;
use crate::metrics::CacheMetrics;
use quick_cache::Equivalent;
use std::hash::Hash;

/// Number of cached texts. Clients choose the shape of a filter, so there is no limit of shapes.
const CAPACITY: usize = 512;
/// Length of the longest cached text, in bytes.
const MAX_LENGTH: usize = 16 << 10;

/// The texts of one database by their shapes.
#[derive(Debug)]
pub(in crate::store) struct TextCache<S, T>(BoundedCache<S, T>);

impl<S: Eq + Hash, T: Clone> TextCache<S, T> {
    pub(in crate::store) fn new(metrics: CacheMetrics) -> Self {
        Self(BoundedCache::new(CAPACITY, metrics))
    }

    /// The text of a statement of this shape.
    pub(in crate::store) fn get(&self, shape: &(impl Hash + Equivalent<S>)) -> Option<T> {
        self.0.get(shape)
    }

    /// Caches a text, unless it is too long; `length` is in bytes.
    pub(in crate::store) fn insert(&self, shape: S, text: T, length: usize) {
        if length <= MAX_LENGTH {
            self.0.insert(shape, text);
        }
    }
}
