//! Hits and misses of caches.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Lookups in one cache.
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
    /// Counts a lookup that found an entry, or none.
    pub(crate) fn note(&self, is_hit: bool) {
        if is_hit {
            self.hits.inc();
        } else {
            self.misses.inc();
        }
    }
}

/// The caches of a server.
#[derive(Debug)]
pub(crate) struct Caches {
    /// The cache of callers.
    pub(crate) callers: CacheMetrics,
    /// The cache of page positions.
    pub(crate) page_hints: CacheMetrics,
    /// Texts of statements by shape.
    pub(crate) statement_texts: CacheMetrics,
    /// Tenants and their schemas, for the change feed.
    pub(crate) feed_tenants: CacheMetrics,
    /// Keys for the digests of user names, by tenant.
    pub(crate) digest_keys: CacheMetrics,
}

impl Caches {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let hits = Family::<CacheLabels, Counter>::default();
        let misses = Family::<CacheLabels, Counter>::default();
        let of = |cache| CacheMetrics {
            hits: hits.get_or_create_owned(&CacheLabels { cache }),
            misses: misses.get_or_create_owned(&CacheLabels { cache }),
        };
        let caches = Self {
            callers: of("callers"),
            page_hints: of("page_hints"),
            statement_texts: of("statement_texts"),
            feed_tenants: of("feed_tenants"),
            digest_keys: of("digest_keys"),
        };
        registry.register("cache_hits", "Cache hits", hits);
        registry.register("cache_misses", "Cache misses", misses);
        caches
    }
}
