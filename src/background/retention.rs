//! Keeps the provisioning log from growing.

use crate::operator::Operator;

/// Deletes requests that are older than this number of days.
pub(super) async fn forget(operator: &Operator, days: i64) {
    match operator.forget_requests(days).await {
        Ok(0) => {}
        Ok(requests) => {
            tracing::info!(requests, days, "the provisioning log forgot old requests");
        }
        Err(error) => {
            tracing::warn!(%error, "old requests stay in the provisioning log for now");
        }
    }
}
