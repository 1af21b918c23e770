//! Retries by cause.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use scim_core::keywords;

keywords! {
    /// The cause of a retry.
    RetryCause {
        /// The connection of a read was broken.
        Connection = "connection",
        /// A write conflicted with another transaction.
        Transaction = "transaction",
        /// A change conflicted with another change of the resource.
        Resource = "resource",
        /// The schemas of the tenant changed.
        Schemas = "schemas",
    }
}

/// The counters of retries by cause.
#[derive(Debug, Clone)]
pub(crate) struct Retries(Family<RetryLabels, Counter>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RetryLabels {
    cause: &'static str,
}

impl Retries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let retries = Family::<RetryLabels, Counter>::default();
        for cause in RetryCause::KEYWORDS {
            drop(retries.get_or_create(&RetryLabels { cause }));
        }
        registry.register("retries", "Retried statements and changes", retries.clone());
        Self(retries)
    }

    /// Counts a retry.
    pub(crate) fn note(&self, cause: RetryCause) {
        let cause = cause.as_str();
        self.0.get_or_create(&RetryLabels { cause }).inc();
    }
}
