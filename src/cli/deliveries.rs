//! Starts the delivery of events in a server.

use super::failure::Failure;
use super::open_endpoints::over;
use super::signals::Stop;
use crate::background::Background;
use crate::config::Config;
use crate::delivery::{Deliverer, DelivererSettings, SoleSender};
use crate::feed::Feed;
use crate::operator::{DatabaseTarget, Operator};
use crate::outbound::Outbound;

/// Starts the sending of events, if this instance sends them, until the server stops.
pub(super) fn start(
    background: &Background,
    config: &Config,
    operator: &Operator,
    feed: Feed,
    stop: Stop,
) -> Result<(), Failure> {
    let keys = config.secret_keys.keys();
    keys.map_err(|error| Failure::Misused(format!("secrets: {error}")))?;
    let endpoints = over(config, operator, feed);
    background.forget_old_failures(endpoints.clone(), config.feed.retention_days);
    if config.admin.listen.is_some() {
        background.measure_feed(endpoints.clone());
    }
    if config.feed.deliver {
        let outbound = Outbound::new(&config.for_outbound()?).map_err(Failure::Failed)?;
        let settings = DelivererSettings {
            disable_after: config.webhooks.disable_after,
        };
        let sole = match &config.database.target {
            DatabaseTarget::Sqlite { data_dir } => SoleSender::claim(data_dir),
            DatabaseTarget::Postgres { .. } => None,
        };
        let deliverer = Deliverer::new(endpoints, outbound, settings, sole);
        background.deliver(deliverer, stop.wait());
    }
    Ok(())
}
