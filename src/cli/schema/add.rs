//! `scimd schema add`.

use super::{Owner, attribute_arg, carry_out, counted, files, refused};
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::output::{self, say};
use crate::cli::tenant::say_noncompliant;
use crate::config::Config;
use crate::operator::{SchemaChange, SchemaPlan, schema_change_as_json};
use clap::Args;
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `scimd schema add`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// A file with a schema (RFC 7643 section 7) or a list of schemas; a schema of the same URN is replaced
    #[arg(value_name = "FILE", conflicts_with_all = ["urn", "attributes"])]
    file: Option<PathBuf>,
    /// URN of the schema that the attributes are added to; created if it does not exist
    #[arg(long, value_name = "URN", requires = "attributes")]
    urn: Option<String>,
    /// An attribute: NAME[:TYPE][:OPTION]…, such as distinguishedName:string; may be repeated
    #[arg(long = "attribute", value_name = "ATTRIBUTE", requires = "urn", value_parser = attribute_arg::attribute)]
    attributes: Vec<Value>,
    /// Resource type that the schema extends, unless the file names it [default: User]; may be repeated
    #[arg(long = "resource-type", value_name = "TYPE")]
    resource_types: Vec<String>,
    #[command(flatten)]
    owner: Owner,
    /// Skips the confirmation
    #[arg(long)]
    yes: bool,
    /// Prints the schema as JSON
    #[arg(long)]
    json: bool,
}

impl Add {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let changes = self.changes()?;
        let operator = open::existing(config).await?;
        let mut added = Vec::new();
        for change in &changes {
            let plan = operator.plan_schema(self.owner.name(), change).await;
            let plan = plan.map_err(|refusal| refused(refusal, "it was not added"))?;
            let restored = plan.restored();
            let outcome = carry_out(&operator, &plan, self.yes).await?;
            if restored > 0 {
                say(&format!(
                    "{} from an earlier definition, visible again.",
                    counted(restored, "resource")
                ));
            }
            if plan.requires_values() {
                for survey in &plan.surveys {
                    say_noncompliant(&survey.tenant, operator.noncompliant(&survey.tenant).await?);
                }
            }
            self.report(&plan);
            added.push(schema_change_as_json(&plan, self.owner.name(), outcome));
        }
        match added.as_slice() {
            _ if !self.json => Ok(()),
            [one] => output::json(out, one),
            several => output::json(out, &several),
        }
    }

    fn changes(&self) -> Result<Vec<SchemaChange>, Failure> {
        let of_file = |file| SchemaChange::File(file, self.resource_types.clone());
        Ok(match (&self.file, &self.urn) {
            (Some(path), _) => files(path)?.into_iter().map(of_file).collect(),
            (None, None) => {
                let message = "give a schema FILE, or --urn with --attribute (scimd schema add --help shows how)";
                return Err(Failure::Misused(message.to_owned()));
            }
            (None, Some(urn)) => vec![SchemaChange::Attributes {
                urn: urn.clone(),
                definitions: self.attributes.clone(),
                extends: self.resource_types.clone(),
            }],
        })
    }

    fn report(&self, plan: &SchemaPlan) {
        if self.json {
            return;
        }
        let what = if plan.replaces() { "Changed" } else { "Added" };
        say(&format!("{what} {} for {}.", plan.urn, self.owner.told()));
        let tenant = self
            .owner
            .name()
            .map(|name| format!(" --tenant {name}"))
            .unwrap_or_default();
        say(&format!(
            "To show it: scimd schema show {}{tenant}",
            plan.urn
        ));
    }
}
