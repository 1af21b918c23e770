//! The queue of the provisioning log.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The queue of the provisioning log.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogQueueMetrics {
    /// Requests that are queued or being written.
    pub(crate) waiting: Gauge,
    /// Requests that were not written: the queue was full, or the database was unavailable or too slow.
    pub(crate) dropped: Counter,
}

impl LogQueueMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let queue = Self::default();
        registry.register(
            "provisioning_log_queued",
            "Queued requests for the provisioning log",
            queue.waiting.clone(),
        );
        registry.register(
            "provisioning_log_dropped",
            "Requests that were not written to the provisioning log",
            queue.dropped.clone(),
        );
        queue
    }
}
