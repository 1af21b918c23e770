//! `scimd schema list`.

use super::Owner;
use crate::cli::failure::Failure;
use crate::cli::{open, output};
use crate::config::Config;
use crate::service::{KnownSchema, SchemaOrigin};
use clap::Args;
use serde_json::{Value, json};
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
            return output::json(out, &known.iter().map(as_json).collect::<Vec<_>>());
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
        attributes(schema).len().to_string(),
        origin(&schema.origin),
    ]
}

/// What a schema is without its attributes.
pub(super) fn as_json(schema: &KnownSchema) -> Value {
    let (from, file, tenant) = match &schema.origin {
        SchemaOrigin::BuiltIn => ("built-in", None, None),
        SchemaOrigin::File(file) => ("file", Some(file), None),
        SchemaOrigin::Deployment => ("deployment", None, None),
        SchemaOrigin::Tenant(tenant) => ("tenant", None, Some(tenant)),
    };
    json!({
        "urn": schema.urn,
        "name": schema.name,
        "resourceTypes": schema.resource_types,
        "attributes": attributes(schema).iter().filter_map(|a| a.get("name")).collect::<Vec<_>>(),
        "from": from,
        "file": file,
        "tenant": tenant,
    })
}

/// The definitions of its attributes.
pub(super) fn attributes(schema: &KnownSchema) -> &[Value] {
    schema
        .document
        .get("attributes")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
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
