//! Schemas and their changes as JSON: one shape for commands and for the management API.

use crate::operator::schemas::{KnownSchema, SchemaOrigin, SchemaOutcome, SchemaPlan};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A schema without its definitions, with its origin, for JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaShape {
    /// URN of the schema.
    pub(crate) urn: String,
    /// Name of the schema.
    pub(crate) name: String,
    /// Names of the resource types that use it.
    pub(crate) resource_types: Vec<String>,
    /// Names of its attributes.
    pub(crate) attributes: Vec<Value>,
    /// The origin, a keyword.
    pub(crate) from: String,
    /// The file of the schema.
    pub(crate) file: Option<String>,
    /// The tenant of the schema; `None` for all tenants.
    pub(crate) tenant: Option<String>,
}

/// A schema without its definitions, with its origin.
pub(crate) fn schema_as_json(schema: &KnownSchema) -> Value {
    let (from, file, tenant) = match &schema.origin {
        SchemaOrigin::BuiltIn => ("built-in", None, None),
        SchemaOrigin::File(file) => ("file", Some(file), None),
        SchemaOrigin::Deployment => ("deployment", None, None),
        SchemaOrigin::Tenant(tenant) => ("tenant", None, Some(tenant)),
    };
    let attributes = schema.document.get("attributes").and_then(Value::as_array);
    let names = attributes.into_iter().flatten();
    let names = names.filter_map(|attribute| attribute.get("name"));
    let shape = SchemaShape {
        urn: schema.urn.clone(),
        name: schema.name.clone(),
        resource_types: schema.resource_types.clone(),
        attributes: names.cloned().collect(),
        from: from.to_owned(),
        file: file.cloned(),
        tenant: tenant.cloned(),
    };
    // Serializing texts cannot fail.
    serde_json::to_value(shape).unwrap_or_default()
}

/// A schema with its document, which is a schema file.
pub(crate) fn whole_schema_as_json(schema: &KnownSchema) -> Value {
    let mut shown = schema_as_json(schema);
    shown["schema"] = Value::Object(schema.document.clone());
    shown
}

/// A planned or executed schema change of a tenant or of all.
pub(crate) fn schema_change_as_json(
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
