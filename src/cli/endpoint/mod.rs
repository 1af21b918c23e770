//! What `scimd webhook` and `scimd stream` share.

pub(super) mod change;
pub(super) mod failures;
pub(super) mod list;

use super::failure::Failure;
use crate::config::Config;
use crate::delivery::{EndpointError, Endpoints, KeyPlace, Start};
use crate::feed::Feed;
use crate::service::{DatabaseTarget, Operator};

/// The endpoints of the database that an operator has opened.
pub(super) fn endpoints(config: &Config, operator: &Operator) -> Result<Endpoints, Failure> {
    let feed = Feed::new(operator.service().access().clone(), config.directory()?);
    Ok(over(config, operator, feed))
}

/// The endpoints of a database whose feed is open.
pub(super) fn over(config: &Config, operator: &Operator, feed: Feed) -> Endpoints {
    let folder = match &config.database.target {
        DatabaseTarget::Sqlite { data_dir } => Some(data_dir.clone()),
        DatabaseTarget::Postgres { .. } => None,
    };
    let keys = KeyPlace {
        source: config.secret_keys.clone(),
        folder,
    };
    Endpoints::new(operator, feed, keys, config.issuer())
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Failed(error) => error.into(),
            EndpointError::NoKey => {
                Self::Failed(format!("{error} `scimd key generate` prints one."))
            }
            error => Self::Failed(error.to_string()),
        }
    }
}

/// Takes `now`, `start` or a cursor.
pub(super) fn start(text: &str) -> Result<Start, String> {
    Ok(match text {
        "now" => Start::Now,
        "start" => Start::Oldest,
        cursor => Start::After(cursor.to_owned()),
    })
}
