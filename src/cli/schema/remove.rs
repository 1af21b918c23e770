//! `scimd schema remove`.

use super::{Owner, carry_out, hidden, refused};
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::output::say;
use crate::config::Config;
use crate::service::SchemaChange;
use clap::Args;

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
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

impl Remove {
    pub(super) async fn run(&self, config: &Config) -> Result<(), Failure> {
        let change = match &self.attribute {
            Some(name) => SchemaChange::RemoveAttribute(self.urn.clone(), name.clone()),
            None => SchemaChange::Remove(self.urn.clone()),
        };
        let service = open::existing(config).await?;
        let plan = service.plan_schema(self.owner.name(), &change).await;
        let plan = plan.map_err(|refusal| refused(refusal, "nothing was removed"))?;
        if let Some(loss) = hidden(&plan).filter(|_| self.yes) {
            say(&format!("This {loss}."));
        }
        carry_out(&service, &plan, self.yes).await?;
        let what = self.attribute.as_ref().map_or(String::new(), |name| format!("{name} of "));
        say(&format!("Removed {what}{} from {}.", plan.urn, self.owner.told()));
        Ok(())
    }
}
