//! `scimd key`.

use super::arguments::keyword;
use super::failure::Failure;
use super::open;
use super::open_endpoints::endpoints;
use super::output::{self, moment, say, table};
use crate::config::Config;
use crate::delivery::{KeyInfo, TokenAlgorithm};
use crate::secrets::generate_key;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::io::Write;

/// Commands of `scimd key`.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Prints a new key for secrets.key_file or SCIMD_SECRETS__KEY
    Generate,
    /// Lists the keys that sign security event tokens
    List(List),
    /// Makes the next key sign security event tokens, and generates a new next key
    Rotate(Rotate),
}

/// Arguments of `scimd key list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `scimd key rotate`.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Algorithm of the keys
    #[arg(long, default_value = "ES256",
          value_parser = keyword(TokenAlgorithm::KEYWORDS, TokenAlgorithm::from_keyword))]
    alg: TokenAlgorithm,
}

impl Key {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let endpoints = endpoints(config, &operator)?;
        match self {
            Self::Generate => generate(out),
            Self::List(List { json }) => {
                let keys = endpoints.keys().await?;
                if *json {
                    let keys: Vec<_> = keys.iter().map(as_json).collect();
                    return output::json(out, &keys);
                }
                let rows: Vec<_> = keys.iter().map(as_row).collect();
                table(out, &["ID", "ALG", "STATE", "SINCE"], &rows)
            }
            Self::Rotate(Rotate { alg }) => {
                let id = endpoints.rotate_keys(*alg).await?;
                say(&format!("Key {id} signs from now on."));
                Ok(())
            }
        }
    }
}

/// Prints a new key.
pub(super) fn generate(out: &mut dyn Write) -> Result<(), Failure> {
    let key = generate_key().map_err(|error| Failure::Failed(error.to_string()))?;
    writeln!(out, "{}", key.expose_secret())?;
    Ok(())
}

fn as_row(key: &KeyInfo) -> Vec<String> {
    vec![
        key.id.clone(),
        key.algorithm.clone(),
        key.state.to_owned(),
        moment(Some(key.since)),
    ]
}

fn as_json(key: &KeyInfo) -> Value {
    json!({
        "id": key.id,
        "alg": key.algorithm,
        "state": key.state,
        "since": key.since.to_string(),
    })
}
