//! `scimd schema list`.

use super::Owner;
use crate::cli::failure::Failure;
use crate::cli::management::{Management, read_as};
use crate::cli::output;
use crate::operator::SchemaShape;
use clap::Args;
use serde_json::Value;
use std::io::Write;

/// Arguments of `scimd schema list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only the schemas that this tenant has
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only schemas whose name or URN begins with this text; letter case does not count
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) async fn run(
        &self,
        management: &Management<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let owner = Owner {
            tenant: self.tenant.clone(),
        };
        let known = known(management, &owner, self.search.as_deref()).await?;
        if self.json {
            return output::json(out, &known);
        }
        let rows = known
            .into_iter()
            .map(|schema| Ok(as_row(&read_as(schema)?)));
        let rows = rows.collect::<Result<Vec<_>, Failure>>()?;
        output::table(
            out,
            &["URN", "NAME", "RESOURCE TYPES", "ATTRIBUTES", "FROM"],
            &rows,
        )
    }
}

/// The schemas of a tenant, or all: those whose name or URN begins with a text.
pub(super) async fn known(
    management: &Management<'_>,
    owner: &Owner,
    search: Option<&str>,
) -> Result<Vec<Value>, Failure> {
    let request = owner.request(&[]).with_some("search", search);
    management.latest(&request, i64::MAX).await
}

fn as_row(schema: &SchemaShape) -> Vec<String> {
    let types = match schema.resource_types.as_slice() {
        [] => "-".to_owned(),
        types => types.join(", "),
    };
    vec![
        schema.urn.clone(),
        schema.name.clone(),
        types,
        schema.attributes.len().to_string(),
        origin(schema),
    ]
}

/// The text for the origin of a schema.
pub(super) fn origin(schema: &SchemaShape) -> String {
    match (&schema.file, &schema.tenant) {
        (Some(file), _) => format!("file {file}"),
        (None, Some(tenant)) => format!("tenant {tenant}"),
        (None, None) if schema.from == "built-in" => "built in".to_owned(),
        (None, None) => schema.from.clone(),
    }
}
