//! The writing connection of SQLite.

use crate::metrics::under_way::UnderWay;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The batches of the writer.
#[derive(Debug, Clone)]
pub(crate) struct WriterMetrics {
    queued: Gauge,
    seconds: Counter<f64, AtomicU64>,
    commits: Histogram,
}

impl WriterMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let writer = Self {
            queued: Gauge::default(),
            seconds: Counter::default(),
            commits: Histogram::new(exponential_buckets(1.0, 2.0, 7)),
        };
        registry.register(
            "sqlite_writer_queued",
            "Batches that wait for the SQLite writer or are being written",
            writer.queued.clone(),
        );
        registry.register(
            "sqlite_writer_wait_seconds",
            "Time that batches waited for the SQLite writer, in seconds",
            writer.seconds.clone(),
        );
        registry.register(
            "sqlite_writer_commit_batches",
            "Batches per commit of SQLite",
            writer.commits.clone(),
        );
        writer
    }

    /// Counts a batch as queued until the result is dropped.
    pub(crate) fn queue(&self) -> UnderWay {
        UnderWay::new(&self.queued)
    }

    /// Counts a commit, with the waiting times of its batches.
    pub(crate) fn note_commit(&self, waits: impl ExactSizeIterator<Item = Duration>) {
        let batches = u32::try_from(waits.len()).unwrap_or(u32::MAX);
        self.commits.observe(f64::from(batches));
        self.seconds.inc_by(waits.sum::<Duration>().as_secs_f64());
    }
}
