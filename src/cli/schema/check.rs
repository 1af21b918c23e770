//! `scimd schema check`.

use super::{Owner, counted_holders, files, hidden, other_types, refused};
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::output::{self, say};
use crate::config::Config;
use crate::model::problems;
use crate::operator::{
    Operator, SchemaChange, SchemaOutcome, SchemaPlan, SchemaRefusal, schema_change_as_json,
};
use crate::schema::SchemaFile;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

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
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let files = files(&self.file)?;
        let found: Vec<_> = files
            .iter()
            .flat_map(problems)
            .map(|problem| problem.to_string())
            .collect();
        if !found.is_empty() {
            return self.refuse(SchemaRefusal::Problems(found), out);
        }
        let operator = open::existing(config).await?;
        let mut plans = Vec::new();
        for file in files {
            match self.plan(&operator, file).await {
                Ok(plan) => plans.push(plan),
                Err(refusal) => return self.refuse(refusal, out),
            }
        }
        if self.json {
            let nothing = SchemaOutcome::default();
            let plans: Vec<_> = plans
                .iter()
                .map(|plan| schema_change_as_json(plan, self.owner.name(), nothing))
                .collect();
            return output::json(out, &json!({"problems": [], "schemas": plans}));
        }
        plans.iter().for_each(|plan| self.tell(plan));
        Ok(())
    }

    async fn plan(
        &self,
        operator: &Operator,
        file: SchemaFile,
    ) -> Result<SchemaPlan, SchemaRefusal> {
        operator
            .plan_schema(
                self.owner.name(),
                &SchemaChange::File(file, self.resource_types.clone()),
            )
            .await
    }

    fn refuse(&self, refusal: SchemaRefusal, out: &mut dyn Write) -> Result<(), Failure> {
        if let (true, SchemaRefusal::Problems(problems)) = (self.json, &refusal) {
            output::json(out, &json!({"problems": problems, "schemas": []}))?;
            out.flush()?;
        }
        Err(refused(refusal, "it could not be added"))
    }

    fn tell(&self, plan: &SchemaPlan) {
        say(&format!(
            "{} can be added for {}.",
            plan.urn,
            self.owner.told()
        ));
        if let Some(doubt) = other_types(plan) {
            say(&format!(
                "Adding it asks for confirmation, because it {doubt}."
            ));
        }
        if plan.restored() > 0 {
            say(&format!(
                "{} from an earlier definition, which will be visible again.",
                counted_holders(plan.restored())
            ));
        }
        if let Some(loss) = hidden(plan) {
            say(&format!("It replaces an existing schema. This {loss}."));
        }
    }
}
