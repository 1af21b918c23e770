//! The views of the directory, created while requests are served.

use crate::mapping::Directory;
use crate::operator::{Operator, OperatorError};
use std::time::Duration;
use tokio::time::sleep;

/// Time for which instances with the previous mapping can still write.
const REPLACEMENT: Duration = Duration::from_secs(600);

/// Pause before a retry.
const PAUSE: Duration = Duration::from_secs(60);

/// Creates the views of a directory, and fills their lookup columns. Requests do not need the views, so a failure is
/// only logged. `made` is the outcome of the first attempt.
pub(super) async fn apply(
    operator: &Operator,
    directory: &Directory,
    mut made: Result<bool, OperatorError>,
) {
    loop {
        match made {
            Ok(true) => return,
            Ok(false) => break,
            Err(error) => tracing::warn!(
                %error,
                cause = std::error::Error::source(&error),
                "the views of the directory could not be created; trying again"
            ),
        }
        sleep(PAUSE).await;
        made = operator.make_directory(directory).await;
    }
    // Instances with the previous lookups write until they are replaced.
    for pause in [Duration::ZERO, REPLACEMENT] {
        sleep(pause).await;
        match operator.fill_directory(directory).await {
            // Nothing to log at the first start, and when earlier instances wrote the same lookups.
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "prepared rows for lookups"),
            Err(error) => {
                tracing::warn!(%error, "rows could not be prepared for lookups: run scimd migrate");
            }
        }
    }
}
