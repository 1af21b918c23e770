//! Measurements of tenants, for the metrics.

use crate::metrics::ShownTenants;
use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::store::{FiguresQuery, Health};

/// Maximum number of tenants with separate series, unless all are configured: this limits the number of series.
const MAX: i64 = 1000;
/// Seconds before the expiry of a token from which it is expiring.
const SOON: i64 = 30 * 86_400;

impl Operator {
    /// Measures tenants, and sets the metrics until the next measurement.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database; then the metrics are unchanged.
    pub async fn measure_tenants(&self, shown: ShownTenants) -> Result<()> {
        let now = self.clock.now();
        let query = |everything, limit| FiguresQuery {
            now,
            until: now.plus_seconds(SOON),
            everything,
            limit,
        };
        let tenants = match shown {
            ShownTenants::Off => Vec::new(),
            ShownTenants::Attention => self.store.tenant_figures(&query(false, MAX)).await?,
            ShownTenants::All => self.store.tenant_figures(&query(true, i64::MAX)).await?,
        };
        let counted = self.store.tenants_by_health(self.health_time()).await?;
        let count = |keyword: &&'static str| {
            let count = counted
                .iter()
                .find(|(health, _)| health.as_str() == *keyword);
            (*keyword, count.map_or(0, |(_, count)| *count))
        };
        let health = Health::KEYWORDS.iter().map(count).collect();
        self.store.metrics().tenants.set(health, tenants);
        Ok(())
    }
}
