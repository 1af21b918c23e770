//! `scimd key`.

use super::arguments::keyword;
use super::endpoint::with_key_hint;
use super::failure::Failure;
use super::management::{ApiRequest, Place, read_as};
use super::output::{self, moment, print_message, table};
use crate::delivery::TokenAlgorithm;
use crate::secrets::generate_key;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
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
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Generate => generate(out),
            Self::List(List { json }) => {
                let request = ApiRequest::get(&["keys"]);
                let keys = place.open().await?.latest(&request, i64::MAX).await?;
                if *json {
                    return output::json(out, &keys);
                }
                let rows = keys.into_iter().map(|key| Ok(as_row(read_as(key)?)));
                let rows = rows.collect::<Result<Vec<_>, Failure>>()?;
                table(out, &["ID", "ALG", "STATE", "SINCE"], &rows)
            }
            Self::Rotate(Rotate { alg }) => {
                let request = ApiRequest::post(&["keys", "rotate"]);
                let request = request.carrying(json!({"alg": alg.as_str()}));
                let rotated = place.open().await?.call(&request).await;
                let rotated = rotated.map_err(with_key_hint)?;
                let id = rotated["id"].as_str().unwrap_or_default();
                print_message(&format!("Key {id} signs from now on."));
                Ok(())
            }
        }
    }
}

/// A key that signs security event tokens, without its secret.
#[derive(Debug, Deserialize)]
struct SigningKeyShape {
    id: String,
    alg: String,
    state: String,
    since: String,
}

/// Prints a new key.
pub(super) fn generate(out: &mut dyn Write) -> Result<(), Failure> {
    let key = generate_key().map_err(|error| Failure::Failed(error.to_string()))?;
    writeln!(out, "{}", key.expose_secret())?;
    Ok(())
}

fn as_row(key: SigningKeyShape) -> Vec<String> {
    vec![key.id, key.alg, key.state, moment(Some(key.since))]
}
