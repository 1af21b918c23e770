//! Lets the provisioning log forget what is old, for as long as the server runs.

use crate::service::Service;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const HOUR: Duration = Duration::from_secs(3600);

/// Looks once an hour. Several instances may: what one has deleted the others do not find.
pub(super) async fn watch(service: Service, days: i64) {
    let mut hours = interval(HOUR);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hours.tick().await;
        match service.forget_requests(days).await {
            Ok(0) => {}
            Ok(requests) => {
                tracing::info!(requests, days, "the provisioning log forgot old requests");
            }
            Err(error) => {
                tracing::warn!(%error, "old requests stay in the provisioning log for now");
            }
        }
    }
}
