//! Measurements of the database, for the metrics.

use crate::delivery::Endpoints;
use crate::metrics::ShownTenants;
use crate::operator::Operator;

/// Measures tenants. The metrics are unchanged while the database is unavailable.
pub(super) async fn measure(operator: &Operator, shown: ShownTenants) {
    if let Err(error) = operator.measure_tenants(shown).await {
        tracing::warn!(%error, "the tenants cannot be measured; their metrics stay as they are");
    }
}

/// Measures the change feed and its endpoints. The metrics are unchanged while the database is unavailable.
pub(super) async fn measure_feed(endpoints: &Endpoints) {
    if let Err(error) = endpoints.measure().await {
        tracing::warn!(%error, "the change feed cannot be measured; its metrics stay as they are");
    }
}
