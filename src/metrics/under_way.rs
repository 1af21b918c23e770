//! A gauge of work in progress.

use prometheus_client::metrics::gauge::Gauge;

/// Counts one in a gauge until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Gauge);

impl UnderWay {
    /// Work that counts in a gauge until it is dropped.
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}
