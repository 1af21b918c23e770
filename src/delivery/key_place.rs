//! The location of the key that seals secrets.

use crate::delivery::error::{EndpointError, Result};
use crate::secrets::{KEY_FILE, KeySource, SecretKeys, key_in};
use std::path::PathBuf;

/// The location of the key that seals secrets.
#[derive(Debug, Clone, Default)]
pub struct KeyPlace {
    /// The keys of the configuration.
    pub source: KeySource,
    /// The folder of an embedded database, which can contain a key.
    pub folder: Option<PathBuf>,
}

impl KeyPlace {
    /// The keys.
    pub(super) fn keys(&self) -> Result<SecretKeys> {
        if let Some(keys) = self.source.keys()? {
            return Ok(keys);
        }
        let folder = self.folder.as_ref();
        match folder.filter(|folder| folder.join(KEY_FILE).exists()) {
            Some(_) => self.or_made(),
            None => Err(EndpointError::NoKey),
        }
    }

    /// The keys; in the folder of an embedded database one is created if there is none.
    pub(super) fn or_made(&self) -> Result<SecretKeys> {
        if let Some(keys) = self.source.keys()? {
            return Ok(keys);
        }
        let folder = self.folder.as_ref().ok_or(EndpointError::NoKey)?;
        let current = key_in(folder)?;
        Ok(SecretKeys::read(&current, self.source.previous.as_ref())?)
    }
}
