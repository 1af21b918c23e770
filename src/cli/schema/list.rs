//! `scimd schema list`.

use super::Owner;
use crate::cli::failure::Failure;
use crate::cli::{open, output};
use crate::config::Config;
use crate::operator::{KnownSchema, SchemaOrigin, attributes_of, schema_as_json};
use clap::Args;
use std::io::Write;

/// Arguments of `scimd schema list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only the schemas that this tenant has
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let owner = Owner {
            tenant: self.tenant.clone(),
        };
        let known = open::existing(config)
            .await?
            .known_schemas(owner.name())
            .await?;
        if self.json {
            return output::json(out, &known.iter().map(schema_as_json).collect::<Vec<_>>());
        }
        let rows: Vec<Vec<String>> = known.iter().map(as_row).collect();
        output::table(
            out,
            &["URN", "NAME", "RESOURCE TYPES", "ATTRIBUTES", "FROM"],
            &rows,
        )
    }
}

fn as_row(schema: &KnownSchema) -> Vec<String> {
    let types = match schema.resource_types.as_slice() {
        [] => "-".to_owned(),
        types => types.join(", "),
    };
    vec![
        schema.urn.clone(),
        schema.name.clone(),
        types,
        attributes_of(schema).len().to_string(),
        origin(&schema.origin),
    ]
}

/// Where a schema comes from, in words.
pub(super) fn origin(origin: &SchemaOrigin) -> String {
    match origin {
        SchemaOrigin::BuiltIn => "built in".to_owned(),
        SchemaOrigin::File(file) => format!("file {file}"),
        SchemaOrigin::Deployment => "deployment".to_owned(),
        SchemaOrigin::Tenant(tenant) => format!("tenant {tenant}"),
    }
}
