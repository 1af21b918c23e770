//! `scimd schema suggest`.

use super::refused;
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::output::say;
use crate::config::Config;
use crate::schema::edit;
use crate::schema::suggest::Suggestion;
use clap::Args;
use std::io::Write;

/// Arguments of `scimd schema suggest`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Suggest {
    /// Name of the tenant
    #[arg(long, value_name = "NAME", default_value = crate::service::DEFAULT_TENANT)]
    tenant: String,
    /// URN of the schema to print; attributes that came without a URN go into it
    #[arg(long, value_name = "URN")]
    urn: Option<String>,
}

impl Suggest {
    /// The schema on standard output, and what to do with it on standard error.
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let service = open::existing(config).await?;
        let sent = service.sent_without_schema(&self.tenant).await;
        let sent = sent.map_err(|refusal| refused(refusal, "nothing is suggested"))?;
        let suggestion = service.suggest_schemas(&self.tenant, self.urn.as_deref(), &sent).await;
        let suggestion = suggestion.map_err(|refusal| refused(refusal, "nothing is suggested"))?;
        for (name, reason) in &suggestion.refused {
            say(&format!("No schema can take {name}: {reason}."));
        }
        let urn = self.choose(&suggestion)?;
        let Some(document) = suggestion.schemas.get(&urn) else {
            say(&format!("Nothing came under {urn} that a schema could take."));
            return Ok(());
        };
        writeln!(out, "{}", edit::text(document))?;
        let owner = service.owner_of_schema(&self.tenant, &urn).await;
        let owner = owner.map_err(|refusal| refused(refusal, "nothing is suggested"))?;
        let option = owner.map(|tenant| format!(" --tenant {tenant}")).unwrap_or_default();
        say(&format!("Look it through, keep it as a file, and: scimd schema add FILE{option}"));
        advise(&suggestion, &urn);
        Ok(())
    }

    fn choose(&self, suggestion: &Suggestion) -> Result<String, Failure> {
        let urns: Vec<_> = suggestion.schemas.keys().cloned().collect();
        match (&self.urn, urns.as_slice()) {
            (Some(urn), _) => Ok(urns.iter().find(|there| there.eq_ignore_ascii_case(urn)).unwrap_or(urn).clone()),
            (None, [only]) => Ok(only.clone()),
            (None, []) => Err(Failure::Failed(format!(
                "nothing that a schema could take was sent to tenant {} and left out",
                self.tenant
            ))),
            (None, several) => Err(Failure::Misused(format!(
                "several schemas are needed: give --urn with one of {}",
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
