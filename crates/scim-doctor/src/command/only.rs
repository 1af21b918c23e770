//! The option `--only`.

use crate::Provider;
use clap::ValueEnum;
use serde::Serialize;

/// The identity providers whose requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Only {
    Okta,
    Entra,
    All,
}

impl Only {
    /// The identity provider; none for all.
    pub(super) fn provider(self) -> Option<Provider> {
        match self {
            Self::Okta => Some(Provider::Okta),
            Self::Entra => Some(Provider::Entra),
            Self::All => None,
        }
    }
}
