//! Opens the webhooks and streams of a database.

use super::failure::Failure;
use crate::config::Config;
use crate::delivery::{Endpoints, KeyPlace};
use crate::feed::Feed;
use crate::operator::{DatabaseTarget, Operator};

/// The endpoints of the database that an operator has opened.
pub(super) fn endpoints(config: &Config, operator: &Operator) -> Result<Endpoints, Failure> {
    let feed = Feed::new(operator.service().access().clone(), config.directory()?);
    Ok(over(config, operator, feed))
}

/// The endpoints of a database with its feed.
pub(super) fn over(config: &Config, operator: &Operator, feed: Feed) -> Endpoints {
    let folder = match &config.database.target {
        DatabaseTarget::Sqlite { data_dir } => Some(data_dir.clone()),
        DatabaseTarget::Postgres { .. } => None,
    };
    let keys = KeyPlace {
        source: config.secret_keys.clone(),
        folder,
    };
    let endpoints = Endpoints::new(operator, feed, keys, config.issuer());
    endpoints.polled_below(config.feed_url(config.feed.listen))
}
