//! Removes index rows of deleted resources.

use crate::operator::Operator;

/// Removes remaining index rows of deleted resources. Requests do not depend on it, so a failure is only logged.
pub(super) async fn remove(operator: &Operator) {
    match operator.remove_leftovers().await {
        Ok(0) => {}
        Ok(resources) => tracing::debug!(resources, "removed deleted resources from the index"),
        Err(error) => tracing::warn!(
            %error,
            cause = std::error::Error::source(&error),
            "deleted resources could not be removed from the index; trying again later"
        ),
    }
}
