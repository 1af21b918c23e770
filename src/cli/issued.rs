//! The output of commands that issue tokens: new ones, and successors of existing ones.

use super::arguments::span;
use super::failure::Failure;
use super::management::read_as;
use super::output::{self, moment, print_message};
use crate::config::duration;
use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use std::io::Write;

/// Arguments of a command that issues a successor of a token.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Id of the token, as the list of tokens shows it, or the token
    pub(super) id: String,
    /// How long the old token stays valid, such as 7d
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = span)]
    pub(super) overlap: i64,
    /// Prints JSON, with the new token in it
    #[arg(long)]
    json: bool,
}

/// An issued token, which is shown only once.
#[derive(Deserialize)]
struct Issued {
    id: String,
    expires: Option<String>,
    token: String,
    replaces: Option<String>,
}

impl Rotate {
    /// Prints the successor; `kind` is the kind of token in messages.
    pub(super) fn print(
        &self,
        kind: &str,
        successor: Value,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        print(kind, successor, (self.json, self.overlap), out)
    }
}

/// Prints a new token, as JSON if requested; `kind` is the kind of token in messages.
pub(super) fn print_new(
    kind: &str,
    issued: Value,
    as_json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    print(kind, issued, (as_json, 0), out)
}

/// Prints only the token on standard output, so that `$(scimd token issue …)` works, or the complete result as JSON.
fn print(
    kind: &str,
    issued: Value,
    (as_json, overlap): (bool, i64),
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if as_json {
        return output::json(out, &issued);
    }
    let issued: Issued = read_as(issued)?;
    if let Some(old) = &issued.replaces {
        print_message(&format!(
            "Token {old} stays valid for {} at most.",
            duration::show(overlap)
        ));
    }
    let end = issued.expires.map_or("does not expire".to_owned(), |end| {
        format!("expires {}", moment(Some(end)))
    });
    print_message(&format!(
        "Issued {kind} {}, which {end}. It is shown only now:",
        issued.id
    ));
    writeln!(out, "{}", issued.token)?;
    Ok(())
}
