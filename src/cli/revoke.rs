//! `scimd token revoke`.

use super::confirm::confirm;
use super::failure::Failure;
use super::management::{ApiRequest, Management, PAGE, Page, Place, read_as};
use super::output::{self, print_message};
use crate::access::token::public_part;
use crate::operator::TokenShape;
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

/// Arguments of `scimd token revoke`.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Id of the token, as `scimd token list` shows it, or the token
    #[arg(required_unless_present_any = ["all", "revoked_in"], conflicts_with_all = ["all", "revoked_in"])]
    id: Option<String>,
    /// Revokes every token
    #[arg(long)]
    all: bool,
    /// With --all: only those of this tenant
    #[arg(long, value_name = "NAME", requires = "all")]
    tenant: Option<String>,
    /// With --all: skips the confirmation
    #[arg(long, requires = "all")]
    yes: bool,
    /// Revokes the tokens that are revoked in a list made by `scimd token list --json`; ignores tokens that
    /// the database does not have
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    revoked_in: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Revoke {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        if let Some(id) = &self.id {
            // The secret of a token must not be in a URL.
            let id = public_part(id);
            let request = ApiRequest::delete(&["tokens", id]);
            place.open().await?.call(&request).await.map_err(hinted)?;
            if self.json {
                output::json(out, &json!({"revoked": id}))?;
            }
            print_message(&format!("Revoked token {id}."));
            return Ok(());
        }
        let listed = self.revoked_in.as_deref().map(revoked).transpose()?;
        if self.all && !self.yes {
            let whose = self.tenant.as_deref().unwrap_or("every tenant");
            confirm(&format!("revokes every token of {whose}"), "all", "all")?;
        }
        let management = place.open().await?;
        let revoked = revoke(&management, self.tenant.as_deref(), listed.as_deref()).await?;
        if self.json {
            output::json(out, &json!({"revoked": revoked}))?;
        }
        print_message(&format!("Revoked tokens: {}.", revoked.len()));
        Ok(())
    }
}

/// Adds the command for listing tokens to the error for an unknown token.
pub(super) fn hinted(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(refusal) if refusal.is_not_found() => Failure::Failed(format!(
            "{}; `scimd token list` shows all.",
            refusal.summary().trim_end_matches('.')
        )),
        failure => failure,
    }
}

/// Revokes tokens that are not revoked yet: all, those of one tenant, or only the listed ones; returns their ids.
async fn revoke(
    management: &Management<'_>,
    tenant: Option<&str>,
    listed: Option<&[String]>,
) -> Result<Vec<String>, Failure> {
    let request = match tenant {
        Some(tenant) => ApiRequest::get(&["tenants", tenant, "tokens"]),
        None => ApiRequest::get(&["tokens"]),
    };
    let request = request.with("limit", PAGE);
    let (mut revoked, mut after) = (Vec::new(), None);
    loop {
        let page = request.clone().with_some("after", after.as_ref());
        let page: Page = management.read(&page).await?;
        for item in page.items {
            let token: TokenShape = read_as(item)?;
            let is_meant = listed.is_none_or(|listed| listed.binary_search(&token.id).is_ok());
            if token.life.revoked.is_none() && is_meant {
                let request = ApiRequest::delete(&["tokens", &token.id]);
                management.call(&request).await?;
                revoked.push(token.id.clone());
            }
            after = Some(token.id);
        }
        if page.next.is_none() {
            return Ok(revoked);
        }
    }
}

/// A token in the list that `scimd token list --json` prints.
#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    revoked: Option<String>,
}

/// Sorted ids of the revoked tokens in a list.
fn revoked(file: &Path) -> Result<Vec<String>, Failure> {
    let unusable = |problem: String| {
        let file = file.display();
        Failure::Failed(format!(
            "{file} is not a list of tokens: {problem}; create one with scimd token list --json"
        ))
    };
    let reader = File::open(file).map_err(|error| unusable(error.to_string()))?;
    let tokens: Vec<Listed> = serde_json::from_reader(BufReader::new(reader))
        .map_err(|error| unusable(error.to_string()))?;
    let mut ids: Vec<String> = tokens
        .into_iter()
        .filter(|token| token.revoked.is_some())
        .map(|token| token.id)
        .collect();
    ids.sort_unstable();
    Ok(ids)
}
