//! Converts a request body to the attributes of a resource, with canonical names in schema order, values of the right
//! types, and without readOnly attributes and unassigned values (RFC 7644 sections 3.3, 3.5.1).
//!
//! ```
//! use scim_core::resource::accept::{accept, assign_defaults};
//! use scim_core::resource::limits::ValueLimits;
//! use scim_core::resource::{Acceptance, Conformance, json::read_object};
//! use scim_core::schema::Catalog;
//!
//! let catalog = Catalog::new(&[])?;
//! let user = catalog.by_name("User").expect("User is built in");
//! let limits = ValueLimits::default();
//! let body = read_object(br#"{"id": "mine", "USERNAME": "ann", "title": null}"#, 32)?;
//! let mut accepted = accept(user, body, &mut Acceptance::new(Conformance::Lenient, &limits))?;
//!
//! // `id` is readOnly and dropped; the null is asserted, but no value.
//! assert_eq!(accepted.attributes.keys().collect::<Vec<_>>(), ["userName"]);
//! assert!(accepted.asserted.contains("title"));
//! assign_defaults(user, &mut accepted);
//! assert_eq!(accepted.attributes["active"], true);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::attributes::{Attributes, in_schema_order};
use super::printable::printable;
use super::value::{Acceptance, accept_value, has_only_read_only, unknown};
use super::{Conformance, LeftOut, named, tolerance};
use crate::error::{Error, Problem, Result};
use crate::schema::{Attribute, AttributePath, Extension, Mutability, Named, ResourceType};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The content of an accepted body.
#[derive(Debug)]
pub struct Accepted {
    /// The attributes that have a value.
    pub attributes: Attributes,
    /// Names in the body, including those with null, in the spelling of the schemas: top-level attributes, URNs of
    /// extensions, and attributes of extensions with their URN.
    pub asserted: HashSet<String>,
}

impl Accepted {
    /// The attributes and sub-attributes that have a value, in attribute notation.
    pub fn names<'a>(
        &'a self,
        resource_type: &'a ResourceType,
    ) -> impl Iterator<Item = String> + 'a {
        let given = resource_type
            .leaves()
            .iter()
            .filter(|path| path.value_in(&self.attributes).is_some());
        given.flat_map(|path| {
            [
                AttributePath {
                    sub: None,
                    ..path.clone()
                }
                .to_string(),
                path.to_string(),
            ]
        })
    }
}

/// Reads the body of a create or a replace.
///
/// # Errors
/// 400 `invalidValue` for invalid values, and for `schemas` without the type's schema, in `rfc` mode also if it is
/// missing; 400 `invalidSyntax` for unknown attributes in `rfc` mode.
pub fn accept(
    resource_type: &ResourceType,
    body: Map<String, Value>,
    acceptance: &mut Acceptance<'_>,
) -> Result<Accepted> {
    let mut read = Reading {
        resource_type,
        acceptance,
        top: Map::with_capacity(body.len()),
        extensions: Map::new(),
        asserted: HashSet::with_capacity(2 * body.len()),
        elsewhere: Vec::new(),
    };
    let is_schemas = |name: &str| name.eq_ignore_ascii_case("schemas");
    read.schemas(
        body.iter()
            .find_map(|(name, value)| is_schemas(name).then_some(value)),
    )?;
    for (name, value) in body.into_iter().filter(|(name, _)| !is_schemas(name)) {
        read.member(&name, value)?;
    }
    read.take_from_elsewhere()?;
    Ok(read.finish())
}

/// The value of an attribute of the core schema in a body, under any of its names.
pub fn sent<'a>(
    resource_type: &ResourceType,
    body: &'a Map<String, Value>,
    attribute: &Attribute,
    conformance: Conformance,
) -> Option<&'a Value> {
    body.iter().find_map(
        |(key, value)| match (named(resource_type, key, conformance)?, value) {
            (Named::Attribute(path), value) if path.container.is_none() && path.sub.is_none() => {
                (path.attribute.name() == attribute.name()).then_some(value)
            }
            (Named::Core, Value::Object(members)) => {
                sent(resource_type, members, attribute, conformance)
            }
            _ => None,
        },
    )
}

/// Assigns the type's default values to attributes that the client does not send (RFC 7644 section 3.3: a default may
/// be assigned only to those).
pub fn assign_defaults(resource_type: &ResourceType, accepted: &mut Accepted) {
    let mut attributes = std::mem::take(&mut accepted.attributes).into_map();
    for (name, value) in resource_type.defaults() {
        if !accepted.asserted.contains(name) {
            attributes
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
    }
    accepted.attributes = Attributes::validated(in_schema_order(resource_type, attributes));
}

struct Reading<'a, 'b, 'c> {
    resource_type: &'a ResourceType,
    acceptance: &'b mut Acceptance<'c>,
    top: Map<String, Value>,
    extensions: Map<String, Value>,
    asserted: HashSet<String>,
    /// Values under keys at places other than the schema defines, each with its key.
    elsewhere: Vec<(String, AttributePath, Value)>,
}

impl Reading<'_, '_, '_> {
    fn schemas(&mut self, value: Option<&Value>) -> Result<()> {
        let lenient = self.acceptance.conformance.is_lenient();
        if lenient && tolerance::schemas_left_out(value) {
            return Ok(());
        }
        let core = self.resource_type.schema().id();
        let problem = |what: &str| {
            Error::invalid_value(format!(
                "Attribute \"schemas\" {what}; it must be an array that holds \"{core}\"."
            ))
        };
        let value = value.ok_or_else(|| problem("is missing"))?;
        let urns = value.as_array().ok_or_else(|| problem("is no array"))?;
        let mut has_core = false;
        for urn in urns {
            let urn = urn
                .as_str()
                .ok_or_else(|| problem("has a value that is not a string"))?;
            if urn.eq_ignore_ascii_case(core)
                || (lenient && tolerance::is_legacy_core(self.resource_type, urn))
            {
                has_core = true;
            } else if self.extension(urn).is_none() {
                if !lenient {
                    let name = self.resource_type.name();
                    let detail = format!("Schema \"{urn}\" is not part of resource type {name}.");
                    return Err(Error::invalid_value(detail).about(Problem::UnknownAttribute));
                }
                tolerance::undeclared_schema(urn, &mut self.acceptance.left_out);
            }
        }
        if has_core {
            Ok(())
        } else {
            Err(problem("does not name the schema of this resource type"))
        }
    }

    fn extension(&self, urn: &str) -> Option<Extension> {
        let modern = self
            .acceptance
            .conformance
            .is_lenient()
            .then(|| tolerance::modern_extension(urn))
            .flatten();
        self.resource_type.extension(modern.unwrap_or(urn)).cloned()
    }

    fn member(&mut self, key: &str, value: Value) -> Result<()> {
        let lenient = self.acceptance.conformance.is_lenient();
        let found = named(self.resource_type, key, self.acceptance.conformance);
        let value = match found {
            Some(Named::Core | Named::Extension(_)) if lenient => tolerance::one_of_array(value),
            _ => value,
        };
        match (found, value) {
            (Some(Named::Extension(extension)), value) => self.extended(&extension, value),
            // Okta's external namespace of a core attribute is the core URN.
            (Some(Named::Core), Value::Object(members)) => members
                .into_iter()
                .try_for_each(|(name, value)| self.core(&name, value)),
            (Some(Named::Core), Value::Null) if lenient => Ok(()),
            (Some(named), value) if tolerance::is_qualified_key(key, &named) && !lenient => {
                let name = printable(key);
                self.acceptance
                    .left_out
                    .push(LeftOut::UnknownAttribute { name, value });
                Ok(())
            }
            (Some(Named::Attribute(path)), value) if path.sub.is_none() || lenient => {
                if path.container.is_none() && path.sub.is_none() && !key.contains(':') {
                    return self.top(&path.attribute, value);
                }
                self.elsewhere.push((key.to_owned(), path, value));
                Ok(())
            }
            (_, value) => unknown(key, value, self.acceptance),
        }
    }

    /// A member of an object under the URN of the core schema.
    fn core(&mut self, name: &str, value: Value) -> Result<()> {
        if self.acceptance.conformance.is_lenient() {
            return self.member(name, value);
        }
        match self.resource_type.top_attribute(name).cloned() {
            Some(attribute) => self.top(&attribute, value),
            None => unknown(name, value, self.acceptance),
        }
    }

    /// Uses values under other names of an attribute, unless the body also has the attribute at its place.
    fn take_from_elsewhere(&mut self) -> Result<()> {
        let elsewhere = std::mem::take(&mut self.elsewhere);
        let (parts, whole): (Vec<_>, Vec<_>) = elsewhere
            .into_iter()
            .partition(|(_, path, _)| path.sub.is_some());
        for (key, path, value) in whole {
            if !self.asserted.contains(&path.to_string()) {
                self.placed(&key, &path, value)?;
            }
        }
        for (key, path, value) in parts {
            self.part(&key, &path, value)?;
        }
        Ok(())
    }

    /// Sets the value of an attribute at the place that the schema defines.
    fn placed(&mut self, key: &str, path: &AttributePath, value: Value) -> Result<()> {
        let extension = match &path.container {
            None => return self.top(&path.attribute, value),
            Some(urn) => self.resource_type.extension(urn).cloned(),
        };
        let Some(extension) = extension else {
            return Ok(());
        };
        let name = path.attribute.name().to_string();
        let taken = self.extended(&extension, Value::Object(Map::from_iter([(name, value)])));
        match taken {
            Err(_) if !key.contains(':') => {
                tolerance::unfit_without_urn(&path.to_string(), &mut self.acceptance.left_out);
                Ok(())
            }
            taken => taken,
        }
    }

    /// Sets the value of a sub-attribute, unless the body has it at its place.
    fn part(&mut self, key: &str, path: &AttributePath, value: Value) -> Result<()> {
        let Some(sub) = &path.sub else { return Ok(()) };
        let sub = sub.name().as_ref();
        let attribute = &path.attribute;
        let holder = match &path.container {
            None => Some(&self.top),
            Some(urn) => self.extensions.get(urn.as_ref()).and_then(Value::as_object),
        };
        let held = holder.and_then(|holder| holder.get(attribute.name().as_ref()));
        let mut whole = match held.cloned() {
            None => Map::new(),
            Some(Value::Object(held)) if !held.contains_key(sub) => held,
            Some(_) => return Ok(()),
        };
        whole.insert(sub.to_owned(), value);
        let whole = Value::Object(whole);
        let whole = if attribute.is_multi_valued() {
            Value::Array(vec![whole])
        } else {
            whole
        };
        self.placed(key, path, whole)
    }

    fn top(&mut self, attribute: &Attribute, value: Value) -> Result<()> {
        if attribute.mutability() == Mutability::ReadOnly {
            return Ok(());
        }
        let name = attribute.name().as_ref().to_owned();
        let is_read_only = has_only_read_only(attribute, &value);
        let value = match self.resource_type.members() {
            Some(members)
                if self.acceptance.conformance.is_lenient()
                    && members.name() == attribute.name() =>
            {
                tolerance::members_from_texts(value)
            }
            _ => value,
        };
        if let Some(accepted) = accept_value(attribute, value, &name, self.acceptance)? {
            self.top.insert(name.clone(), accepted);
        }
        if !is_read_only {
            self.asserted.insert(name);
        }
        Ok(())
    }

    fn extended(&mut self, extension: &Extension, value: Value) -> Result<()> {
        let urn = extension.schema.id();
        self.asserted.insert(urn.to_string());
        let members = match value {
            Value::Null => {
                let all = extension.schema.attributes().iter();
                self.asserted
                    .extend(all.map(|attribute| format!("{urn}:{}", attribute.name())));
                return Ok(());
            }
            Value::Object(members) => members,
            _ => {
                return Err(Error::invalid_value(format!(
                    "\"{urn}\" must be an object of its attributes."
                )));
            }
        };
        let mut accepted = Map::with_capacity(members.len());
        for (name, value) in members {
            let Some(attribute) = extension.schema.attribute(&name) else {
                unknown(&format!("{urn}:{name}"), value, self.acceptance)?;
                continue;
            };
            if attribute.mutability() == Mutability::ReadOnly {
                continue;
            }
            let path = format!("{urn}:{}", attribute.name());
            let is_read_only = has_only_read_only(attribute, &value);
            if let Some(value) = accept_value(attribute, value, &path, self.acceptance)? {
                accepted.insert(attribute.name().to_string(), value);
            }
            if !is_read_only {
                self.asserted.insert(path);
            }
        }
        if !accepted.is_empty() {
            let held = self
                .extensions
                .entry(urn.to_string())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(held) = held.as_object_mut() {
                held.extend(accepted);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Accepted {
        self.top.append(&mut self.extensions);
        Accepted {
            attributes: Attributes::validated(in_schema_order(self.resource_type, self.top)),
            asserted: self.asserted,
        }
    }
}

#[cfg(test)]
mod tests;
