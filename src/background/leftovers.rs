//! What deleted resources have left in the index.

use crate::operator::Operator;

/// Removes it. No request needs that, so a failure is only logged.
pub(super) async fn remove(operator: &Operator) {
    match operator.remove_leftovers().await {
        Ok(0) => {}
        Ok(resources) => tracing::debug!(resources, "removed deleted resources from the index"),
        Err(error) => tracing::warn!(
            %error,
            cause = std::error::Error::source(&error),
            "deleted resources stay in the index for now"
        ),
    }
}
