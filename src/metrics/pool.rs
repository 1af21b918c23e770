//! The connections to the database.

use crate::metrics::under_way::UnderWay;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// The connections of a pool, and the requests that wait for one.
#[derive(Debug, Clone, Default)]
pub(crate) struct PoolMetrics {
    /// Connections that the pool may have.
    pub(crate) limit: Gauge,
    /// Connections in use.
    pub(crate) in_use: Gauge,
    waiting: Gauge,
    waits: Counter,
    seconds: Counter<f64, AtomicU64>,
}

/// A wait for a connection; its end is when this is dropped.
#[derive(Debug)]
pub(crate) struct PoolWait<'a> {
    metrics: &'a PoolMetrics,
    since: Instant,
    _waiting: UnderWay,
}

impl PoolMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let pool = Self::default();
        registry.register(
            "pool_connections",
            "Connections to the database that this instance may have; those that read, on SQLite",
            pool.limit.clone(),
        );
        registry.register(
            "pool_connections_in_use",
            "Connections to the database that are in use",
            pool.in_use.clone(),
        );
        registry.register(
            "pool_waiting",
            "Requests that wait for a connection to the database",
            pool.waiting.clone(),
        );
        registry.register(
            "pool_waits",
            "Requests that had to wait for a connection to the database",
            pool.waits.clone(),
        );
        registry.register(
            "pool_wait_seconds",
            "Time that requests waited for a connection to the database, in seconds",
            pool.seconds.clone(),
        );
        pool
    }

    /// Begins a wait for a connection.
    pub(crate) fn wait(&self) -> PoolWait<'_> {
        self.waits.inc();
        PoolWait {
            metrics: self,
            since: Instant::now(),
            _waiting: UnderWay::new(&self.waiting),
        }
    }
}

impl Drop for PoolWait<'_> {
    fn drop(&mut self) {
        let elapsed = self.since.elapsed();
        self.metrics.seconds.inc_by(elapsed.as_secs_f64());
    }
}
