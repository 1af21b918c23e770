//! Hits and misses of caches.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Look-ups in one cache.
#[derive(Debug, Clone, Default)]
pub(crate) struct CacheMetrics {
    hits: Counter,
    misses: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    cache: &'static str,
}

impl CacheMetrics {
    /// Counts a look-up that found an entry, or none.
    pub(crate) fn note(&self, is_hit: bool) {
        if is_hit {
            self.hits.inc();
        } else {
            self.misses.inc();
        }
    }
}

/// The caches of callers and of page hints.
pub(super) fn register(registry: &mut Registry) -> (CacheMetrics, CacheMetrics) {
    let hits = Family::<CacheLabels, Counter>::default();
    let misses = Family::<CacheLabels, Counter>::default();
    let of = |cache| CacheMetrics {
        hits: hits.get_or_create_owned(&CacheLabels { cache }),
        misses: misses.get_or_create_owned(&CacheLabels { cache }),
    };
    let caches = (of("callers"), of("page_hints"));
    registry.register("cache_hits", "Cache hits", hits);
    registry.register("cache_misses", "Cache misses", misses);
    caches
}
