//! Schemas and their changes as JSON: one shape for commands and for the management API.

use crate::operator::schemas::{KnownSchema, SchemaOrigin, SchemaOutcome, SchemaPlan};
use serde_json::{Value, json};

/// A schema without its definitions, and where it comes from.
pub fn schema_as_json(schema: &KnownSchema) -> Value {
    let (from, file, tenant) = match &schema.origin {
        SchemaOrigin::BuiltIn => ("built-in", None, None),
        SchemaOrigin::File(file) => ("file", Some(file), None),
        SchemaOrigin::Deployment => ("deployment", None, None),
        SchemaOrigin::Tenant(tenant) => ("tenant", None, Some(tenant)),
    };
    let names: Vec<_> = attributes_of(schema)
        .iter()
        .filter_map(|attribute| attribute.get("name"))
        .collect();
    json!({
        "urn": schema.urn,
        "name": schema.name,
        "resourceTypes": schema.resource_types,
        "attributes": names,
        "from": from,
        "file": file,
        "tenant": tenant,
    })
}

/// A schema with its document, which is a schema file.
pub fn whole_schema_as_json(schema: &KnownSchema) -> Value {
    let mut shown = schema_as_json(schema);
    shown["schema"] = Value::Object(schema.document.clone());
    shown
}

/// The definitions of the attributes of a schema.
pub fn attributes_of(schema: &KnownSchema) -> &[Value] {
    let attributes = schema.document.get("attributes").and_then(Value::as_array);
    attributes.map_or(&[], Vec::as_slice)
}

/// What a change of schemas, of a tenant or of all, is, or was.
pub fn schema_change_as_json(
    plan: &SchemaPlan,
    tenant: Option<&str>,
    outcome: SchemaOutcome,
) -> Value {
    json!({
        "urn": plan.urn,
        "tenant": tenant,
        "replaces": plan.replaces(),
        "hidden": plan.hidden(),
        "restored": plan.restored(),
        "reindexed": outcome.reindexed,
        "isUnfinished": outcome.is_unfinished,
        "schema": plan.document(),
    })
}
