//! The change feed, and deliveries to endpoints.

use crate::clock::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The measurements of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointFigures {
    /// Keyword of its kind.
    pub(crate) kind: &'static str,
    /// Name of the endpoint.
    pub(crate) endpoint: String,
    /// Whether it accepts events.
    pub(crate) is_active: bool,
    /// Number of pending changes.
    pub(crate) pending: i64,
    /// Age of the oldest pending change in seconds; 0 if there is none.
    pub(crate) oldest_pending: i64,
    /// Parked events.
    pub(crate) parked: i64,
    /// Failed events.
    pub(crate) failed: i64,
}

/// The measurements of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FeedFigures {
    /// The newest position.
    pub(crate) head: i64,
    /// The endpoints.
    pub(crate) endpoints: Vec<EndpointFigures>,
}

/// The feed and its deliveries.
#[derive(Debug, Clone, Default)]
pub(crate) struct FeedMetrics {
    deliveries: Family<DeliveryLabels, Counter>,
    numbered: Gauge,
    measured: Measured,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    kind: &'static str,
    endpoint: String,
    outcome: &'static str,
}

/// The last measurements.
#[derive(Debug, Clone, Default)]
struct Measured(Arc<RwLock<FeedFigures>>);

/// The value of a gauge for an endpoint.
type OfEndpoint = fn(&EndpointFigures) -> i64;

/// The gauges with a series for each endpoint: name, help, value.
const GAUGES: [(&str, &str, OfEndpoint); 5] = [
    (
        "endpoint_active",
        "1 if an endpoint accepts events, 0 if it is paused, failing or disabled.",
        |figures| i64::from(figures.is_active),
    ),
    (
        "endpoint_pending",
        "Pending changes of an endpoint.",
        |figures| figures.pending,
    ),
    (
        "endpoint_oldest_pending_seconds",
        "Age of the oldest pending change of an endpoint, in seconds.",
        |figures| figures.oldest_pending,
    ),
    (
        "endpoint_parked",
        "Parked events: refused by an endpoint, to be retried.",
        |figures| figures.parked,
    ),
    (
        "endpoint_failed",
        "Stored failed events of an endpoint.",
        |figures| figures.failed,
    ),
];

impl FeedMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let feed = Self::default();
        registry.register(
            "deliveries",
            "Attempts to send an event to an endpoint, by outcome",
            feed.deliveries.clone(),
        );
        registry.register(
            "feed_numbered_timestamp_seconds",
            "Time at which this instance last assigned positions to all visible changes, in seconds since 1970",
            feed.numbered.clone(),
        );
        registry.register_collector(Box::new(feed.measured.clone()));
        feed
    }

    /// Counts an attempt to send an event. Kind and outcome are keywords.
    pub(crate) fn note_delivery(&self, kind: &'static str, endpoint: &str, outcome: &'static str) {
        let labels = DeliveryLabels {
            kind,
            endpoint: endpoint.to_owned(),
            outcome,
        };
        self.deliveries.get_or_create(&labels).inc();
    }

    /// Records the time at which all visible changes had a position.
    pub(crate) fn note_numbered(&self, at: Timestamp) {
        self.numbered.set(at.as_micros() / 1_000_000);
    }

    /// Replaces the last measurements.
    pub(crate) fn set(&self, figures: FeedFigures) {
        *self
            .measured
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner) = figures;
    }
}

impl Collector for Measured {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let measured = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let family = encoder.encode_descriptor(
            "feed_head",
            "The newest position of the change feed.",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(measured.head).encode(family)?;
        for (name, help, value) in GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for figures in &measured.endpoints {
                let labels = [
                    ("kind", figures.kind),
                    ("endpoint", figures.endpoint.as_str()),
                ];
                ConstGauge::new(value(figures)).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
