//! Validated attributes of a resource.

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

    /// Creates the type from validated attributes; only for functions of this crate that establish its guarantees.
    pub(crate) fn validated(attributes: Map<String, Value>) -> Self {
        Self(attributes)
    }

    /// The attributes as a map, without the guarantees of the type.
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
        let (mut names, mut kept, mut own) = (Vec::new(), 0, self.iter());
        for (name, was) in before.iter() {
            // Most names are at the same place in both, where they are found without a hash.
            let same_place = own.next().filter(|(own, _)| *own == name);
            let is = same_place
                .map(|(_, is)| is)
                .or_else(|| self.get(name.as_str()));
            kept += usize::from(is.is_some());
            if is.is_none_or(|is| !are_equal(was, is)) {
                names.push(name.as_str());
            }
        }
        if kept < self.len() {
            let new = self.keys().filter(|name| !before.contains_key(*name));
            names.extend(new.map(String::as_str));
        }
        names
    }

    /// The attributes in the order of an equal map, including nested objects; unchanged if the map is not equal.
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

/// The attributes in the order of the schemas, so that equal resources have equal text.
pub(crate) fn in_schema_order(
    resource_type: &ResourceType,
    attributes: Map<String, Value>,
) -> Map<String, Value> {
    if is_in_schema_order(resource_type, &attributes) {
        return attributes;
    }
    let top = resource_type.top_attributes().iter();
    let top = top.map(|attribute| attribute.name().as_ref());
    let extensions = resource_type.extensions().iter();
    let urns = extensions.map(|extension| extension.schema.id().as_ref());
    let mut ordered = in_order_of_names(attributes, top.chain(urns));
    for extension in resource_type.extensions() {
        if let Some(Value::Object(held)) = ordered.get_mut(extension.schema.id().as_ref()) {
            let names = extension.schema.attributes().iter();
            let names = names.map(|attribute| attribute.name().as_ref());
            *held = in_order_of_names(std::mem::take(held), names);
        }
    }
    ordered
}

/// Maximum number of members whose names are compared one by one, which is cheaper than hashing a name.
const FEW: usize = 64;

/// The members of an object in the order of these names. Undeclared members, such as values of a removed schema, are
/// kept at the end.
fn in_order_of_names<'a>(
    mut object: Map<String, Value>,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Map<String, Value> {
    if object.len() > FEW {
        let mut ordered: Map<String, Value> =
            names.filter_map(|name| object.remove_entry(name)).collect();
        ordered.append(&mut object);
        return ordered;
    }
    let place = |own: &str| names.clone().position(|name| name == own);
    let members = object.into_iter();
    let mut placed: Vec<_> = members
        .map(|(name, value)| (place(&name).unwrap_or(usize::MAX), name, value))
        .collect();
    placed.sort_by_key(|(place, ..)| *place);
    let members = placed.into_iter().map(|(_, name, value)| (name, value));
    members.collect()
}

/// Whether attributes are in the order of the schemas; `false` if there are undeclared ones.
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
