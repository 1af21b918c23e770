//! Moves index rows of an earlier release while requests are served.

use crate::operator::{Operator, OperatorError};
use std::time::Duration;
use tokio::time::sleep;

/// Time for which instances of an earlier release can still write.
const REPLACEMENT: Duration = Duration::from_secs(600);

/// Moves scanned values from index rows to their column, until a pass after the replacement of earlier instances finds
/// none. Searches work without it, so a failure is only logged.
pub(super) async fn empty(operator: &Operator) {
    match operator.is_scanned_moved().await {
        Ok(false) => {}
        Ok(true) => return,
        Err(error) => return warn(&error),
    }
    loop {
        match operator.move_scanned().await {
            Ok(0) => break,
            Ok(resources) => tracing::info!(resources, "moved values out of the index"),
            Err(error) => warn(&error),
        }
        sleep(REPLACEMENT).await;
    }
}

fn warn(error: &OperatorError) {
    tracing::warn!(
        %error,
        cause = std::error::Error::source(error),
        "values could not be moved out of the index, which is larger than necessary"
    );
}
