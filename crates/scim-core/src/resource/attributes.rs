//! Attributes of a resource that have passed its resource type.

use super::members::{are_equal, member};
use crate::schema::{Attribute, ResourceType};
use serde_json::{Map, Value};
use std::ops::Deref;

/// The validated attributes of a resource: canonical names in schema order, no unknown attributes, correct types,
/// nothing unassigned (no null, no empty array or object), the client's order of values. Attributes of an extension are
/// in an object under its URN; `schemas`, `id` and `meta` are not included.
///
/// The type guarantees this: [`accept`](super::accept::accept) creates it from a request body,
/// [`Patch::apply`](crate::patch::Patch::apply) from attributes and a PATCH, and [`Attributes::from_stored`] from
/// stored attributes. It dereferences to [`Map`] for reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Map<String, Value>);

impl Attributes {
    /// Restores attributes from a store, from JSON or columns, without `schemas`, `id` and `meta`. Only for the store:
    /// nothing is checked, so the map must come from a value of this type. Use [`accept`](super::accept::accept) for a
    /// request body.
    pub fn from_stored(mut document: Map<String, Value>) -> Self {
        for name in ["schemas", "id", "meta"] {
            document.shift_remove(name);
        }
        Self(document)
    }

    /// For the functions of this crate that establish the guarantees of the type.
    pub(crate) fn validated(attributes: Map<String, Value>) -> Self {
        Self(attributes)
    }

    /// The attributes as a map, which is no longer proof of anything.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Removes and returns the value of a top-level attribute, such as memberships that are stored elsewhere or a
    /// password that is stored as a digest.
    pub fn take(&mut self, attribute: &Attribute) -> Option<Value> {
        self.0.shift_remove(attribute.name().as_ref())
    }

    /// Adds a value that the server computes, such as memberships, before the attributes are returned to a client.
    pub fn set_derived(&mut self, attribute: &Attribute, value: Value) {
        self.0.insert(attribute.name().to_string(), value);
    }

    /// Sets a top-level attribute to its value in `before`, or removes it.
    pub(crate) fn keep(
        &mut self,
        resource_type: &ResourceType,
        attribute: &Attribute,
        before: &Self,
    ) {
        match before.get(attribute.name().as_ref()) {
            Some(kept) => {
                self.0.insert(attribute.name().to_string(), kept.clone());
            }
            None => {
                self.take(attribute);
            }
        }
        let attributes = std::mem::take(&mut self.0);
        self.0 = in_schema_order(resource_type, attributes);
    }

    /// The value of a top-level attribute, or the object of an extension.
    pub fn get(&self, name: &str) -> Option<&Value> {
        member(&self.0, name)
    }

    /// The attributes of these names.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let named = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.get(name)?.clone())));
        Self(named.collect())
    }

    /// Names of the top-level attributes and extensions that differ from those of `before`, in the order of `before`,
    /// then new ones.
    pub fn changed_names<'a>(&'a self, before: &'a Self) -> Vec<&'a str> {
        let new = self.keys().filter(|name| before.get(name).is_none());
        let has_changed =
            |name: &str, was: &Value| self.get(name).is_none_or(|is| !are_equal(was, is));
        before
            .iter()
            .filter(|(name, was)| has_changed(name, was))
            .map(|(name, _)| name)
            .chain(new)
            .map(String::as_str)
            .collect()
    }

    /// The attributes in the order of members that an equal map has, in objects too; unchanged if
    /// the map is not equal.
    #[must_use]
    pub fn in_order_of(self, other: Map<String, Value>) -> Self {
        if self.0 == other { Self(other) } else { self }
    }
}

impl From<Attributes> for Value {
    fn from(attributes: Attributes) -> Self {
        Self::Object(attributes.0)
    }
}

impl Deref for Attributes {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The attributes in the order of the schemas, so that a document reads as its schema
/// does and equal resources have equal text.
pub(crate) fn in_schema_order(
    resource_type: &ResourceType,
    mut attributes: Map<String, Value>,
) -> Map<String, Value> {
    if is_in_schema_order(resource_type, &attributes) {
        return attributes;
    }
    let mut ordered = Map::new();
    for attribute in resource_type.top_attributes() {
        if let Some(entry) = attributes.remove_entry(attribute.name().as_ref()) {
            ordered.insert(entry.0, entry.1);
        }
    }
    for extension in resource_type.extensions() {
        let Some((urn, Value::Object(mut held))) =
            attributes.remove_entry(extension.schema.id().as_ref())
        else {
            continue;
        };
        let names = extension
            .schema
            .attributes()
            .iter()
            .map(|attribute| attribute.name().as_ref());
        let mut in_order: Map<String, Value> =
            names.filter_map(|name| held.remove_entry(name)).collect();
        in_order.append(&mut held);
        let held = in_order;
        ordered.insert(urn, Value::Object(held));
    }
    // Values of a schema that is no longer loaded stay hidden until it is loaded again.
    ordered.append(&mut attributes);
    ordered
}

/// Whether attributes are in the order of the schemas; `false` also if there are others among them.
fn is_in_schema_order(resource_type: &ResourceType, attributes: &Map<String, Value>) -> bool {
    let extensions = resource_type.extensions().iter();
    let top = resource_type.top_attributes().iter();
    let top = top.map(|attribute| attribute.name().as_ref());
    let names = top.chain(extensions.map(|extension| extension.schema.id().as_ref()));
    let are_ordered = |held: &Value, urn: &str| match (held, resource_type.extension(urn)) {
        (Value::Object(held), Some(extension)) => {
            let names = extension.schema.attributes().iter();
            follow(held, names.map(|attribute| attribute.name().as_ref()))
        }
        _ => true,
    };
    follow(attributes, names)
        && attributes
            .iter()
            .all(|(name, held)| are_ordered(held, name))
}

/// Whether the names of an object are among these names, in their order.
fn follow<'a>(object: &Map<String, Value>, mut names: impl Iterator<Item = &'a str>) -> bool {
    object.keys().all(|key| names.any(|name| name == key))
}
