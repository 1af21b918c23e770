//! Assigns positions of the change feed to changes soon after they are committed, and notifies readers.

use crate::feed::Feed;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Minimum time between two passes.
const LEAST: Duration = Duration::from_millis(20);
/// Interval of passes for changes that other instances and commands have committed.
const MAX: Duration = Duration::from_millis(200);
/// Pause after a failed pass, and interval of log lines about a persistent failure.
const PAUSE: Duration = Duration::from_secs(1);
const LOGGED: u32 = 60;

/// Numbers changes until it is cancelled.
pub(super) async fn run(feed: &Feed) {
    let mut failures = 0;
    loop {
        let begun = Instant::now();
        match feed.advance().await {
            Ok(()) => failures = 0,
            Err(error) => {
                if failures % LOGGED == 0 {
                    tracing::warn!(%error, "the change feed is interrupted");
                }
                failures += 1;
                sleep_until(begun + PAUSE).await;
            }
        }
        // Concurrent changes are found by the next pass, with or without a notification.
        let _ = timeout(MAX, feed.changes_made()).await;
        sleep_until(begun + LEAST).await;
    }
}
