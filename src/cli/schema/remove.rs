//! `scimd schema remove`.

use super::{Owner, carry_out, plan, refused};
use crate::cli::failure::Failure;
use crate::cli::management::Management;
use crate::cli::output::{self, print_message};
use clap::Args;
use serde_json::json;
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
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

impl Remove {
    pub(super) async fn run(
        &self,
        management: &Management<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let change = match &self.attribute {
            Some(name) => json!({"urn": self.urn, "removeAttribute": name}),
            None => json!({"urn": self.urn, "remove": true}),
        };
        let these = (management, &self.owner);
        let (_, planned) = plan(these, &change)
            .await
            .map_err(|failure| refused(failure, "nothing was removed"))?;
        let (removed, _) = carry_out(these, (change, &planned), self.yes).await?;
        if self.json {
            return output::json(out, &removed);
        }
        let what = self
            .attribute
            .as_ref()
            .map_or(String::new(), |name| format!("{name} of "));
        print_message(&format!(
            "Removed {what}{} from {}.",
            planned.urn,
            self.owner.description()
        ));
        Ok(())
    }
}
