//! `scimd schema check`.

use super::{Owner, counted_holders, file, hidden, refused};
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::output::say;
use crate::config::Config;
use crate::schema::problems;
use crate::service::{SchemaChange, SchemaRefusal};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `scimd schema check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// A schema file (RFC 7643 section 7)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Resource type that it would extend, unless the file says so; User if left out; may be repeated
    #[arg(long = "resource-type", value_name = "TYPE")]
    resource_types: Vec<String>,
    #[command(flatten)]
    owner: Owner,
}

impl Check {
    /// Against the schemas and the data that are there, if the file by itself is right.
    pub(super) async fn run(&self, config: &Config) -> Result<(), Failure> {
        let file = file(&self.file)?;
        let found: Vec<_> = problems(&file).iter().map(ToString::to_string).collect();
        if !found.is_empty() {
            return Err(refused(SchemaRefusal::Problems(found), "it could not be added"));
        }
        let change = SchemaChange::File(file, self.resource_types.clone());
        let service = open::existing(config).await?;
        let plan = service.plan_schema(self.owner.name(), &change).await;
        let plan = plan.map_err(|refusal| refused(refusal, "it could not be added"))?;
        say(&format!("{} can be added for {}.", plan.urn, self.owner.told()));
        if plan.restored() > 0 {
            say(&format!("{} of it from before, to be shown again.", counted_holders(plan.restored())));
        }
        if let Some(loss) = hidden(&plan) {
            say(&format!("It takes the place of one that is there. This {loss}."));
        }
        Ok(())
    }
}
