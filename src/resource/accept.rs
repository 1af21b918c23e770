//! A request body becomes the attributes of a resource: canonical names in schema order, values
//! of their types, readOnly attributes dropped, nothing unassigned (RFC 7644 sections 3.3, 3.5.1).

use super::tolerance;
use super::value::{Acceptance, accept_value, unknown};
use crate::error::{Result, ScimError};
use crate::schema::{Attribute, AttributePath, Extension, Mutability, ResourceType};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// What a body asserts.
#[derive(Debug)]
pub struct Accepted {
    /// The attributes that have a value.
    pub attributes: Map<String, Value>,
    /// Names of top-level attributes that the body speaks of, also with null, as the schema spells them.
    pub asserted: HashSet<String>,
}

impl Accepted {
    /// The attributes and sub-attributes that have a value, in attribute notation.
    pub fn names<'a>(&'a self, resource_type: &'a ResourceType) -> impl Iterator<Item = String> + 'a {
        let given = resource_type.leaves().iter().filter(|path| path.value_in(&self.attributes).is_some());
        given.flat_map(|path| [AttributePath { sub: None, ..path.clone() }.to_string(), path.to_string()])
    }
}

/// Reads the body of a create or a replace.
///
/// # Errors
/// 400 `invalidValue` for `schemas` that is missing or lacks the type's schema and for unfit
/// values; 400 `invalidSyntax` for unknown attributes in `rfc` mode.
pub fn accept(resource_type: &ResourceType, body: Map<String, Value>, with: &mut Acceptance<'_>) -> Result<Accepted> {
    let mut read = Reading { resource_type, with, top: Map::new(), extensions: Map::new(), asserted: HashSet::new() };
    let mut has_schemas = false;
    for (name, value) in body {
        if name.eq_ignore_ascii_case("schemas") {
            read.schemas(&value)?;
            has_schemas = true;
        } else {
            read.member(&name, value)?;
        }
    }
    if !has_schemas {
        return Err(ScimError::invalid_value(format!(
            "Attribute \"schemas\" is missing; it must hold \"{}\".",
            resource_type.schema().id()
        )));
    }
    Ok(read.finish())
}

/// Gives the type's default values to attributes that the client does not assert
/// (RFC 7644 section 3.3: a default may be assigned only to those).
pub fn assign_defaults(resource_type: &ResourceType, accepted: &mut Accepted) {
    for (name, value) in resource_type.defaults() {
        if !accepted.asserted.contains(name) {
            accepted.attributes.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    accepted.attributes = in_schema_order(resource_type, std::mem::take(&mut accepted.attributes));
}

struct Reading<'a, 'b, 'c> {
    resource_type: &'a ResourceType,
    with: &'b mut Acceptance<'c>,
    top: Map<String, Value>,
    extensions: Map<String, Value>,
    asserted: HashSet<String>,
}

impl Reading<'_, '_, '_> {
    fn schemas(&mut self, value: &Value) -> Result<()> {
        let core = self.resource_type.schema().id();
        let problem = |what: &str| {
            ScimError::invalid_value(format!(
                "Attribute \"schemas\" {what}; it must be an array that holds \"{core}\"."
            ))
        };
        let urns = value.as_array().ok_or_else(|| problem("is no array"))?;
        let mut has_core = false;
        for urn in urns {
            let urn = urn.as_str().ok_or_else(|| problem("holds a value that is no string"))?;
            let lenient = self.with.conformance.is_lenient();
            if urn.eq_ignore_ascii_case(core) || (lenient && tolerance::is_legacy_core(urn)) {
                has_core = true;
            } else if self.extension(urn).is_none() {
                if !lenient {
                    return Err(ScimError::invalid_value(format!(
                        "Schema \"{urn}\" is not part of resource type {}.",
                        self.resource_type.name()
                    )));
                }
                tolerance::undeclared_schema(urn, &mut self.with.notes);
            }
        }
        if has_core { Ok(()) } else { Err(problem("does not name the schema of this resource type")) }
    }

    fn extension(&self, urn: &str) -> Option<Extension> {
        let modern = self.with.conformance.is_lenient().then(|| tolerance::modern_extension(urn)).flatten();
        self.resource_type.extension(modern.unwrap_or(urn)).cloned()
    }

    fn member(&mut self, name: &str, value: Value) -> Result<()> {
        if let Some(attribute) = self.resource_type.top_attribute(name).cloned() {
            return self.top(&attribute, value);
        }
        if let Some(extension) = self.extension(name) {
            return self.extended(&extension, value);
        }
        match value {
            // Okta's external namespace of a core attribute is the core URN.
            Value::Object(members) if name.eq_ignore_ascii_case(self.resource_type.schema().id()) => members
                .into_iter()
                .try_for_each(|(name, value)| match self.resource_type.top_attribute(&name).cloned() {
                    Some(attribute) => self.top(&attribute, value),
                    None => unknown(&name, &value, self.with),
                }),
            value => unknown(name, &value, self.with),
        }
    }

    fn top(&mut self, attribute: &Attribute, value: Value) -> Result<()> {
        if attribute.mutability() == Mutability::ReadOnly {
            return Ok(());
        }
        let name = attribute.name().to_string();
        if let Some(accepted) = accept_value(attribute, value, &name, self.with)? {
            self.top.insert(name.clone(), accepted);
        }
        self.asserted.insert(name);
        Ok(())
    }

    fn extended(&mut self, extension: &Extension, value: Value) -> Result<()> {
        let urn = extension.schema.id();
        self.asserted.insert(urn.to_string());
        let members = match value {
            Value::Null => return Ok(()),
            Value::Object(members) => members,
            _ => return Err(ScimError::invalid_value(format!("\"{urn}\" must be an object of its attributes."))),
        };
        let mut accepted = Map::new();
        for (name, value) in members {
            let Some(attribute) = extension.schema.attribute(&name) else {
                unknown(&format!("{urn}:{name}"), &value, self.with)?;
                continue;
            };
            if attribute.mutability() == Mutability::ReadOnly {
                continue;
            }
            let path = format!("{urn}:{}", attribute.name());
            if let Some(value) = accept_value(attribute, value, &path, self.with)? {
                accepted.insert(attribute.name().to_string(), value);
            }
        }
        if !accepted.is_empty() {
            self.extensions.insert(urn.to_string(), Value::Object(accepted));
        }
        Ok(())
    }

    fn finish(mut self) -> Accepted {
        self.top.append(&mut self.extensions);
        Accepted { attributes: in_schema_order(self.resource_type, self.top), asserted: self.asserted }
    }
}

/// The same attributes in the order of the schemas, so that a document reads as its schema
/// does and equal resources have equal text.
pub fn in_schema_order(resource_type: &ResourceType, mut attributes: Map<String, Value>) -> Map<String, Value> {
    let mut ordered = Map::new();
    for attribute in resource_type.top_attributes() {
        if let Some(entry) = attributes.remove_entry(attribute.name().as_ref()) {
            ordered.insert(entry.0, entry.1);
        }
    }
    for extension in resource_type.extensions() {
        let Some((urn, Value::Object(mut held))) = attributes.remove_entry(extension.schema.id().as_ref()) else {
            continue;
        };
        let names = extension.schema.attributes().iter().map(|attribute| attribute.name().as_ref());
        let mut in_order: Map<String, Value> = names.filter_map(|name| held.remove_entry(name)).collect();
        in_order.append(&mut held);
        let held = in_order;
        ordered.insert(urn, Value::Object(held));
    }
    // What a schema declared that is no longer loaded stays, out of reach, until it is back.
    ordered.append(&mut attributes);
    ordered
}
