//! `scimd schema suggest`.

use super::refused;
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::output::{self, say};
use crate::config::Config;
use crate::model::edit;
use crate::model::suggest::Suggestion;
use crate::operator::Operator;
use clap::Args;
use std::io::Write;

/// Arguments of `scimd schema suggest`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Suggest {
    /// Name of the tenant
    #[arg(long, value_name = "NAME", default_value = crate::operator::DEFAULT_TENANT)]
    tenant: String,
    /// URN of the schema to print; it gets the attributes that were sent without a URN
    #[arg(long, value_name = "URN")]
    urn: Option<String>,
    /// Prints all suggested schemas as a list, which scimd schema add accepts
    #[arg(long)]
    all: bool,
}

impl Suggest {
    /// Prints the schema on standard output, and instructions on standard error.
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let sent = operator.sent_without_schema(&self.tenant).await;
        let sent = sent.map_err(|refusal| refused(refusal, "nothing is suggested"))?;
        let suggestion = operator
            .suggest_schemas(&self.tenant, self.urn.as_deref(), &sent)
            .await;
        let suggestion = suggestion.map_err(|refusal| refused(refusal, "nothing is suggested"))?;
        for (name, reason) in &suggestion.refused {
            say(&format!("No schema can declare {name}: {reason}."));
        }
        if self.all && !suggestion.schemas.is_empty() {
            return self.print_all(&operator, &suggestion, out).await;
        }
        let urn = self.choose(&suggestion)?;
        let Some(document) = suggestion.schemas.get(&urn) else {
            say(&format!(
                "No attribute that a schema can declare was sent under {urn}."
            ));
            return Ok(());
        };
        writeln!(out, "{}", edit::text(document))?;
        let option = self.owner_option(&operator, &urn).await?;
        say(&format!(
            "Review it, save it as a file, then run: scimd schema add FILE{option}"
        ));
        advise(&suggestion, &urn);
        Ok(())
    }

    async fn print_all(
        &self,
        operator: &Operator,
        suggestion: &Suggestion,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let documents: Vec<_> = suggestion.schemas.values().collect();
        output::json(out, &documents)?;
        let mut options = Vec::new();
        for urn in suggestion.schemas.keys() {
            options.push((urn, self.owner_option(operator, urn).await?));
        }
        match options.as_slice() {
            [(_, first), rest @ ..] if rest.iter().all(|(_, option)| option == first) => {
                say(&format!(
                    "Review them, save them as a file, then run: scimd schema add FILE{first}"
                ));
            }
            several => {
                say(
                    "Review them and save each as a file of its own, because they have different owners:",
                );
                several.iter().for_each(|(urn, option)| {
                    say(&format!("scimd schema add FILE{option}  # {urn}"));
                });
            }
        }
        if let Some(holder) = suggestion.holder_of_moved() {
            advise(suggestion, holder);
        }
        Ok(())
    }

    async fn owner_option(&self, operator: &Operator, urn: &str) -> Result<String, Failure> {
        let owner = operator.owner_of_schema(&self.tenant, urn).await;
        let owner = owner.map_err(|refusal| refused(refusal, "nothing is suggested"))?;
        Ok(owner
            .map(|tenant| format!(" --tenant {tenant}"))
            .unwrap_or_default())
    }

    fn choose(&self, suggestion: &Suggestion) -> Result<String, Failure> {
        let urns: Vec<_> = suggestion.schemas.keys().cloned().collect();
        match (&self.urn, urns.as_slice()) {
            (Some(urn), _) => Ok(urns
                .iter()
                .find(|there| there.eq_ignore_ascii_case(urn))
                .unwrap_or(urn)
                .clone()),
            (None, [only]) => Ok(only.clone()),
            (None, []) => Err(Failure::Failed(format!(
                "nothing that a schema could take was sent to tenant {} and left out",
                self.tenant
            ))),
            (None, several) => Err(Failure::Misused(format!(
                "several schemas are needed: give --all, or --urn with one of {}",
                several.join(", ")
            ))),
        }
    }
}

/// A schema alone does not make Okta send an attribute elsewhere.
fn advise(suggestion: &Suggestion, urn: &str) {
    if suggestion.moved.is_empty() {
        return;
    }
    let names: Vec<_> = suggestion.moved.iter().map(String::as_str).collect();
    say(&format!(
        "Okta sends {} outside of this schema. In the Profile Editor of the application, give each of these attributes \
         the external namespace {urn}; until then they are left out as before.",
        names.join(", ")
    ));
}
