//! Retention of the provisioning log, the change log, the audit trail and failures of deliveries.

use crate::delivery::Endpoints;
use crate::operator::Operator;

/// Deletes requests that are older than this number of days.
pub(super) async fn forget(operator: &Operator, days: i64) {
    match operator.forget_requests(days).await {
        Ok(0) => {}
        Ok(requests) => {
            tracing::info!(
                requests,
                days,
                "deleted old requests from the provisioning log"
            );
        }
        Err(error) => {
            tracing::warn!(%error, "old requests could not be deleted from the provisioning log; trying again later");
        }
    }
}

/// Deletes rows of the audit trail that are older than this number of days, and expired stored responses.
pub(super) async fn forget_acts(operator: &Operator, days: i64) {
    match operator.forget_acts(days).await {
        Ok(0) => {}
        Ok(acts) => tracing::info!(acts, days, "deleted old rows from the audit trail"),
        Err(error) => {
            tracing::warn!(%error, "old rows of the audit trail could not be deleted; trying again later");
        }
    }
}

/// Deletes changes that are older than this number of days.
pub(super) async fn forget_changes(operator: &Operator, days: i64) {
    match operator.forget_changes(days).await {
        Ok(0) => {}
        Ok(changes) => tracing::info!(changes, days, "deleted old changes from the change feed"),
        Err(error) => {
            tracing::warn!(%error, "old changes could not be deleted from the change feed; trying again later");
        }
    }
}

/// Deletes failures of deliveries that are older than this number of days.
pub(super) async fn forget_failures(endpoints: &Endpoints, days: i64) {
    if let Err(error) = endpoints.forget_failures(days).await {
        tracing::warn!(%error, "old failures of deliveries could not be deleted; trying again later");
    }
}
