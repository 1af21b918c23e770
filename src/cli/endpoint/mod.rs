//! Common parts of `scimd webhook` and `scimd stream`.

pub(super) mod change;
pub(super) mod failures;
pub(super) mod list;

use super::failure::Failure;
use crate::delivery::{EndpointError, Start};

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

/// Parses `now`, `start` or a cursor.
pub(super) fn start(text: &str) -> Result<Start, String> {
    Ok(match text {
        "now" => Start::Now,
        "start" => Start::Oldest,
        cursor => Start::After(cursor.to_owned()),
    })
}
