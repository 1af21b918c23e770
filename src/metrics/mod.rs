//! Metrics of the server for Prometheus: every instrument with its name and its help.
//!
//! An instrument is a shared number: the measured code holds a clone and updates it, and [`Metrics::text`] returns all
//! of them. Labels are routes, names of statements, keywords and names of tenants, never values of requests.

mod build;
mod caches;
mod coalescing;
mod feed;
mod log_queue;
mod pool;
mod requests;
mod retries;
mod statements;
mod tenants;
mod under_way;
mod writer;

pub(crate) use caches::CacheMetrics;
use caches::Caches;
pub(crate) use coalescing::{CoalescingMetrics, Groups};
pub(crate) use feed::FeedMetrics;
pub(crate) use feed::{EndpointFigures, FeedFigures};
pub(crate) use log_queue::LogQueueMetrics;
pub(crate) use pool::PoolMetrics;
pub(crate) use requests::RequestMetrics;
pub(crate) use retries::{Retries, RetryCause};
pub(crate) use statements::StatementMetrics;
pub use tenants::ShownTenants;
pub(crate) use tenants::TenantFigures;
pub(crate) use tenants::TenantMetrics;
pub(crate) use under_way::UnderWay;
pub(crate) use writer::WriterMetrics;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The instruments of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests of all APIs.
    pub(crate) requests: RequestMetrics,
    /// Statements and batches of the database.
    pub(crate) statements: StatementMetrics,
    /// The connections for statements; on SQLite the read connections.
    pub(crate) pool: PoolMetrics,
    /// The connections for streamed reads.
    pub(crate) long_reads: PoolMetrics,
    /// The connection that writes to SQLite.
    pub(crate) writer: WriterMetrics,
    /// Coalesced requests, and the fast path of reads.
    pub(crate) coalescing: CoalescingMetrics,
    /// Retries by cause.
    pub(crate) retries: Retries,
    /// Caches.
    pub(crate) caches: Caches,
    /// The queue of the provisioning log.
    pub(crate) log_queue: LogQueueMetrics,
    /// Seats and tokens of tenants.
    pub(crate) tenants: TenantMetrics,
    /// The change feed and its deliveries.
    pub(crate) feed: FeedMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("scimd");
        let to = &mut registry;
        build::register(to);
        let (pool, long_reads) = pool::register(to);
        Self {
            requests: RequestMetrics::register(to),
            statements: StatementMetrics::register(to),
            pool,
            long_reads,
            writer: WriterMetrics::register(to),
            coalescing: CoalescingMetrics::register(to),
            retries: Retries::register(to),
            caches: Caches::register(to),
            log_queue: LogQueueMetrics::register(to),
            tenants: TenantMetrics::register(to),
            feed: FeedMetrics::register(to),
            registry,
        }
    }
}

impl Metrics {
    /// All instruments in the text format of Prometheus, version 0.0.4. Instruments with labels are omitted until they
    /// have a value.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}
