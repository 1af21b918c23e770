//! The connections to the database.

use crate::metrics::under_way::UnderWay;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// A sum of seconds.
type Seconds = Counter<f64, AtomicU64>;

/// The connections of a pool, and the requests that wait for one.
#[derive(Debug, Clone, Default)]
pub(crate) struct PoolMetrics {
    /// Maximum number of connections.
    pub(crate) limit: Gauge,
    /// Connections in use.
    pub(crate) in_use: Gauge,
    waiting: Gauge,
    waits: Counter,
    seconds: Seconds,
}

/// A wait for a connection, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct PoolWait<'a> {
    metrics: &'a PoolMetrics,
    since: Instant,
    _waiting: UnderWay,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    pool: &'static str,
}

/// The pools for statements, and for streamed reads.
pub(super) fn register(registry: &mut Registry) -> (PoolMetrics, PoolMetrics) {
    let limits = Family::<PoolLabels, Gauge>::default();
    let in_use = Family::<PoolLabels, Gauge>::default();
    let waiting = Family::<PoolLabels, Gauge>::default();
    let waits = Family::<PoolLabels, Counter>::default();
    let seconds = Family::<PoolLabels, Seconds>::default();
    let of = |pool| {
        let labels = PoolLabels { pool };
        PoolMetrics {
            limit: limits.get_or_create_owned(&labels),
            in_use: in_use.get_or_create_owned(&labels),
            waiting: waiting.get_or_create_owned(&labels),
            waits: waits.get_or_create_owned(&labels),
            seconds: seconds.get_or_create_owned(&labels),
        }
    };
    let pools = (of("statements"), of("long_reads"));
    registry.register(
        "pool_connections",
        "Maximum number of connections to the database; on SQLite, of readers",
        limits,
    );
    registry.register(
        "pool_connections_in_use",
        "Connections to the database that are in use",
        in_use,
    );
    registry.register(
        "pool_waiting",
        "Requests that wait for a connection to the database",
        waiting,
    );
    registry.register(
        "pool_waits",
        "Requests that had to wait for a connection to the database",
        waits,
    );
    registry.register(
        "pool_wait_seconds",
        "Time that requests waited for a connection to the database, in seconds",
        seconds,
    );
    pools
}

impl PoolMetrics {
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
