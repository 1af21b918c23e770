//! `scimd schema check`.

use super::{Owner, Planned, counted_holders, faulty, files, hidden, of_file, plan, problems_of};
use crate::cli::failure::Failure;
use crate::cli::management::Place;
use crate::cli::output::{self, print_message};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// The message for a refused schema.
const REFUSED: &str = "it could not be added";

/// Arguments of `scimd schema check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// A file with a schema (RFC 7643 section 7) or a list of schemas
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Resource type that the schema would extend, unless the file names it [default: User]; may be repeated
    #[arg(long = "resource-type", value_name = "TYPE")]
    resource_types: Vec<String>,
    #[command(flatten)]
    owner: Owner,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    /// Checks the file by itself, then against the stored schemas and data.
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        let (mut changes, mut found) = (Vec::new(), Vec::new());
        for file in files(&self.file)? {
            match of_file(&file, &self.resource_types) {
                Ok(change) => changes.push(change),
                Err(problems) => found.extend(problems),
            }
        }
        if !found.is_empty() {
            self.print_problems(&found, out)?;
            return Err(faulty(&found, REFUSED));
        }
        let management = place.open().await?;
        let (mut shown, mut plans) = (Vec::new(), Vec::new());
        for change in changes {
            match plan((&management, &self.owner), &change).await {
                Ok((answer, planned)) => {
                    shown.push(answer);
                    plans.push(planned);
                }
                Err(failure) => {
                    let found = problems_of(failure)?;
                    self.print_problems(&found, out)?;
                    return Err(faulty(&found, REFUSED));
                }
            }
        }
        if self.json {
            return output::json(out, &json!({"problems": [], "schemas": shown}));
        }
        plans.iter().for_each(|plan| self.print_plan(plan));
        Ok(())
    }

    fn print_problems(&self, problems: &[String], out: &mut dyn Write) -> Result<(), Failure> {
        if self.json {
            output::json(out, &json!({"problems": problems, "schemas": []}))?;
            out.flush()?;
        }
        Ok(())
    }

    fn print_plan(&self, plan: &Planned) {
        print_message(&format!(
            "{} can be added for {}.",
            plan.urn,
            self.owner.description()
        ));
        if let Some(doubt) = plan.doubt() {
            print_message(&format!(
                "Adding it asks for confirmation, because it {doubt}."
            ));
        }
        if plan.restored > 0 {
            print_message(&format!(
                "{} from an earlier definition, which will be visible again.",
                counted_holders(plan.restored)
            ));
        }
        if let Some(loss) = hidden(plan) {
            print_message(&format!("It replaces an existing schema. This {loss}."));
        }
    }
}
