//! `[webhooks]` and `[secrets]`: sending of events, and the keys of stored secrets.

use super::duration;
use super::entries::Entries;
use super::origin::ConfigError;
use super::sources::Environment;
use super::typed_section::Section;
use super::variable::KEY_VARIABLE;
use crate::secrets::{KeySource, read_key_file};
use secrecy::SecretString;
use std::path::PathBuf;

/// `[webhooks]`: sending of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Webhooks {
    /// File of certificates to trust in addition to those of the system.
    pub(crate) ca_file: Option<PathBuf>,
    /// Seconds of failure after which a receiver is disabled.
    pub(crate) disable_after: i64,
}

impl Webhooks {
    pub(super) fn read(entries: &Entries) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "webhooks");
        Ok(Self {
            ca_file: section.path("ca_file")?,
            disable_after: section.parsed("disable_after", duration::ALLOWED, duration::parse)?,
        })
    }
}

/// `[secrets]`: the keys of stored secrets.
pub(super) fn read_keys(
    entries: &Entries,
    environment: &Environment,
) -> Result<KeySource, ConfigError> {
    let section = Section::new(entries, "secrets");
    let file = |key: &str| -> Result<Option<SecretString>, ConfigError> {
        let Some(path) = section.path(key)? else {
            return Ok(None);
        };
        read_key_file(&path)
            .map(Some)
            .map_err(|error| section.refuse(key, format_args!("a file that can be read: {error}")))
    };
    let given = environment
        .get(KEY_VARIABLE)
        .map(|text| text.to_owned().into());
    Ok(KeySource {
        current: match given {
            Some(key) => Some(key),
            None => file("key_file")?,
        },
        previous: file("previous_key_file")?,
    })
}
