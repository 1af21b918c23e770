//! `scimd key`.

use super::failure::Failure;
use crate::secrets::generate_key;
use clap::Subcommand;
use secrecy::ExposeSecret;
use std::io::Write;

/// Commands of `scimd key`.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Prints a new key for secrets.key_file or SCIMD_SECRETS__KEY
    Generate,
}

impl Key {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Generate => {
                let key = generate_key().map_err(|error| Failure::Failed(error.to_string()))?;
                writeln!(out, "{}", key.expose_secret())?;
                Ok(())
            }
        }
    }
}
