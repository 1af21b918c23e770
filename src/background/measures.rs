//! Measures what is in the database, for the metrics.

use crate::metrics::ShownTenants;
use crate::operator::Operator;

/// Measures tenants. The metrics stay as they are while the database is away.
pub(super) async fn measure(operator: &Operator, shown: ShownTenants) {
    if let Err(error) = operator.measure_tenants(shown).await {
        tracing::warn!(%error, "the tenants cannot be measured; their metrics stay as they are");
    }
}
