//! `scimd schema add`.

use super::{
    Owner, Planned, attribute_arg, carry_out, counted, faulty, files, of_file, plan, refused,
};
use crate::cli::failure::Failure;
use crate::cli::management::Place;
use crate::cli::output::{self, print_message};
use crate::cli::tenant::print_noncompliant;
use clap::Args;
use serde_json::{Value, json};
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
    #[arg(
        long = "attribute",
        value_name = "ATTRIBUTE",
        help = "An attribute: NAME[:TYPE][:OPTION]…, such as distinguishedName:string; may be repeated",
        requires = "urn",
        value_parser = attribute_arg::attribute
    )]
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

/// The message for a refused schema.
const REFUSED: &str = "it was not added";

impl Add {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        let changes = self.changes()?;
        let management = place.open().await?;
        let these = (&management, &self.owner);
        let mut added = Vec::new();
        for change in changes {
            let (_, planned) = plan(these, &change)
                .await
                .map_err(|failure| refused(failure, REFUSED))?;
            let (changed, outcome) = carry_out(these, (change, &planned), self.yes).await?;
            if planned.restored > 0 {
                print_message(&format!(
                    "{} from an earlier definition, visible again.",
                    counted(planned.restored, "resource")
                ));
            }
            for (tenant, count) in &outcome.noncompliant {
                print_noncompliant(tenant, *count);
            }
            self.report(&planned);
            added.push(changed);
        }
        match added.as_slice() {
            _ if !self.json => Ok(()),
            [one] => output::json(out, one),
            several => output::json(out, &several),
        }
    }

    fn changes(&self) -> Result<Vec<Value>, Failure> {
        Ok(match (&self.file, &self.urn) {
            (Some(path), _) => {
                let files = files(path)?;
                let changes = files.iter().map(|file| of_file(file, &self.resource_types));
                let changes = changes.collect::<Result<_, _>>();
                changes.map_err(|problems| faulty(&problems, REFUSED))?
            }
            (None, None) => {
                let message = "a schema FILE is required, or --urn with --attribute (scimd schema add --help has examples)";
                return Err(Failure::Misused(message.to_owned()));
            }
            (None, Some(urn)) => vec![json!({
                "urn": urn,
                "attributes": self.attributes,
                "resourceTypes": self.resource_types,
            })],
        })
    }

    fn report(&self, planned: &Planned) {
        if self.json {
            return;
        }
        let what = if planned.replaces { "Changed" } else { "Added" };
        let urn = &planned.urn;
        print_message(&format!("{what} {urn} for {}.", self.owner.description()));
        let tenant = self.owner.tenant.as_ref();
        let tenant = tenant.map(|name| format!(" --tenant {name}"));
        print_message(&format!(
            "To show it: scimd schema show {urn}{}",
            tenant.unwrap_or_default()
        ));
    }
}
