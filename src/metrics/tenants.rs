//! The last measurements of seats and tokens of tenants.

use crate::clock::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use scim_core::keywords;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

keywords! {
    /// Tenants with separate series.
    ShownTenants {
        /// None.
        Off = "off",
        /// Tenants with a limit of seats, or with an expiring token without a successor.
        Attention = "attention",
        /// All.
        All = "all",
    }
}

/// The measurements of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TenantFigures {
    /// Name of the tenant.
    pub(crate) tenant: String,
    /// Seats in use.
    pub(crate) seats_used: i64,
    /// The limit of seats, if there is one.
    pub(crate) seats: Option<i64>,
    /// The earliest expiry of an expiring token without a successor.
    pub(crate) token_end: Option<Timestamp>,
}

/// The last measurements.
#[derive(Debug, Clone, Default)]
pub(crate) struct TenantMetrics(Arc<RwLock<Measured>>);

#[derive(Debug, Default)]
struct Measured {
    /// Numbers of tenants by keyword of their health.
    health: Vec<(&'static str, i64)>,
    tenants: Vec<TenantFigures>,
}

impl TenantMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let tenants = Self::default();
        registry.register_collector(Box::new(tenants.clone()));
        tenants
    }

    /// Replaces the last measurements.
    pub(crate) fn set(&self, health: Vec<(&'static str, i64)>, tenants: Vec<TenantFigures>) {
        let measured = Measured { health, tenants };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = measured;
    }
}

impl Collector for TenantMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let measured = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut family =
            encoder.encode_descriptor("tenants", "Tenants by health.", None, MetricType::Gauge)?;
        for (health, count) in &measured.health {
            let labels = [("health", *health)];
            ConstGauge::new(*count).encode(family.encode_family(&labels)?)?;
        }
        let mut gauge = |name, help, value: &dyn Fn(&TenantFigures) -> Option<i64>| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for figures in &measured.tenants {
                if let Some(value) = value(figures) {
                    let labels = [("tenant", figures.tenant.as_str())];
                    ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
                }
            }
            Ok(())
        };
        gauge("tenant_seats_used", "Used seats of a tenant.", &|figures| {
            Some(figures.seats_used)
        })?;
        gauge("tenant_seats", "Seat limit of a tenant.", &|figures| {
            figures.seats
        })?;
        gauge(
            "tenant_token_end_timestamp_seconds",
            "Earliest expiry of the tokens of a tenant that expire within 30 days and have no successor, in seconds since 1970.",
            &|figures| figures.token_end.map(|end| end.as_micros() / 1_000_000),
        )
    }
}
