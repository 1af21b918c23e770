//! `scimd schema suggest`.

use crate::cli::failure::Failure;
use crate::cli::management::{ApiRequest, Management};
use crate::cli::output::{self, print_message};
use crate::model::edit;
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
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

/// The suggestion.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suggested {
    schemas: Vec<Map<String, Value>>,
    refused: Vec<Unfit>,
    moved: Vec<String>,
    holder_of_moved: Option<String>,
    owners: HashMap<String, Option<String>>,
}

/// An attribute that a schema cannot declare.
#[derive(Debug, Deserialize)]
struct Unfit {
    name: String,
    reason: String,
}

impl Suggested {
    fn urns(&self) -> Vec<&str> {
        self.schemas.iter().map(urn).collect()
    }

    /// The option that names the owner of a schema.
    fn owner_option(&self, urn: &str) -> String {
        let owner = self.owners.get(urn).and_then(Option::as_ref);
        owner.map_or(String::new(), |tenant| format!(" --tenant {tenant}"))
    }
}

/// The URN of a schema file.
fn urn(document: &Map<String, Value>) -> &str {
    document
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

impl Suggest {
    /// Prints the schema on standard output, and instructions on standard error.
    pub(super) async fn run(
        &self,
        management: &Management<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let request = ApiRequest::get(&["tenants", &self.tenant, "schemas", "suggested"]);
        let request = request.with_some("urn", self.urn.as_ref());
        let suggested: Suggested = management.read(&request).await?;
        for Unfit { name, reason } in &suggested.refused {
            print_message(&format!("No schema can declare {name}: {reason}."));
        }
        if self.all && !suggested.schemas.is_empty() {
            return print_all(&suggested, out);
        }
        let chosen = self.choose(&suggested)?;
        let Some(document) = suggested.schemas.iter().find(|one| urn(one) == chosen) else {
            print_message(&format!(
                "No attribute that a schema can declare was sent under {chosen}."
            ));
            return Ok(());
        };
        writeln!(out, "{}", edit::text(document))?;
        print_message(&format!(
            "Review it, save it as a file, then run: scimd schema add FILE{}",
            suggested.owner_option(&chosen)
        ));
        advise(&suggested, &chosen);
        Ok(())
    }

    fn choose(&self, suggested: &Suggested) -> Result<String, Failure> {
        let urns = suggested.urns();
        match (&self.urn, urns.as_slice()) {
            (Some(urn), _) => Ok(urns
                .iter()
                .find(|there| there.eq_ignore_ascii_case(urn))
                .map_or_else(|| urn.clone(), |there| (*there).to_owned())),
            (None, [only]) => Ok((*only).to_owned()),
            (None, []) => Err(Failure::Failed(format!(
                "tenant {} has received no undeclared attributes that a schema could declare",
                self.tenant
            ))),
            (None, several) => Err(Failure::Misused(format!(
                "several schemas are needed: use --all, or --urn with one of {}",
                several.join(", ")
            ))),
        }
    }
}

/// All schemas as a list.
fn print_all(suggested: &Suggested, out: &mut dyn Write) -> Result<(), Failure> {
    output::json(out, &suggested.schemas)?;
    let options = suggested.urns().into_iter();
    let options: Vec<_> = options
        .map(|urn| (urn, suggested.owner_option(urn)))
        .collect();
    match options.as_slice() {
        [(_, first), rest @ ..] if rest.iter().all(|(_, option)| option == first) => {
            print_message(&format!(
                "Review them, save them as a file, then run: scimd schema add FILE{first}"
            ));
        }
        several => {
            print_message(
                "Review them and save each as a separate file, because they have different owners:",
            );
            several.iter().for_each(|(urn, option)| {
                print_message(&format!("scimd schema add FILE{option}  # {urn}"));
            });
        }
    }
    if let Some(holder) = &suggested.holder_of_moved {
        advise(suggested, holder);
    }
    Ok(())
}

/// A schema alone does not make Okta send an attribute in another namespace.
fn advise(suggested: &Suggested, urn: &str) {
    if suggested.moved.is_empty() {
        return;
    }
    print_message(&format!(
        "Okta sends {} outside of this schema. In the Profile Editor of the application, give each of these attributes \
         the external namespace {urn}; until then they are ignored as before.",
        suggested.moved.join(", ")
    ));
}
