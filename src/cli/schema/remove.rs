//! `scimd schema remove`.

use super::{Owner, carry_out, refused};
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::output::{self, say};
use crate::config::Config;
use crate::operator::{SchemaChange, schema_change_as_json};
use clap::Args;
use std::io::Write;

/// Arguments of `scimd schema remove`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Remove {
    /// URN of the schema
    #[arg(value_name = "URN")]
    urn: String,
    /// Removes this attribute only
    #[arg(long, value_name = "NAME")]
    attribute: Option<String>,
    #[command(flatten)]
    owner: Owner,
    /// Skips the confirmation
    #[arg(long)]
    yes: bool,
    /// Prints what was done as JSON
    #[arg(long)]
    json: bool,
}

impl Remove {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let change = match &self.attribute {
            Some(name) => SchemaChange::RemoveAttribute(self.urn.clone(), name.clone()),
            None => SchemaChange::Remove(self.urn.clone()),
        };
        let operator = open::existing(config).await?;
        let plan = operator.plan_schema(self.owner.name(), &change).await;
        let plan = plan.map_err(|refusal| refused(refusal, "nothing was removed"))?;
        let outcome = carry_out(&operator, &plan, self.yes).await?;
        if self.json {
            return output::json(
                out,
                &schema_change_as_json(&plan, self.owner.name(), outcome),
            );
        }
        let what = self
            .attribute
            .as_ref()
            .map_or(String::new(), |name| format!("{name} of "));
        say(&format!(
            "Removed {what}{} from {}.",
            plan.urn,
            self.owner.told()
        ));
        Ok(())
    }
}
