//! The stored text of a resource, from which responses are built without parsing.

use super::attributes::Attributes;
use super::undeclared;
use crate::schema::ResourceType;
use serde_json::{Map, Value};
use std::fmt::{self, Write};

/// The stored JSON text of a resource: `schemas` first, then the attributes. It is the text of a response without `id`,
/// `meta` and values that are stored elsewhere, such as memberships, which [`StoredDocument::with_id`] and the caller
/// insert.
///
/// `schemas` also lists URNs of removed schemas, so that [`StoredDocument::may_hold_undeclared`] does not parse the
/// document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredDocument(String);

impl StoredDocument {
    /// The text of these attributes.
    pub fn new(resource_type: &ResourceType, attributes: &Attributes) -> Self {
        let schemas = resource_type.schemas_of(attributes);
        let schemas: Value = schemas
            .chain(undeclared::urns(resource_type, attributes))
            .collect();
        let mut text = Vec::with_capacity(2048);
        text.extend_from_slice(b"{\"schemas\":");
        push_json(&mut text, &schemas);
        for (name, value) in attributes.iter() {
            text.push(b',');
            push_json(&mut text, name);
            text.push(b':');
            push_json(&mut text, value);
        }
        text.push(b'}');
        // JSON text is UTF-8.
        Self(String::from_utf8(text).unwrap_or_default())
    }

    /// Restores a stored text, without checks.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty, because the store omitted it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The attributes in the text.
    ///
    /// # Errors
    /// If the text is not a JSON object, which is a fault of the store.
    pub fn attributes(&self) -> Result<Attributes, serde_json::Error> {
        serde_json::from_str::<Map<String, Value>>(&self.0).map(Attributes::from_stored)
    }

    /// The URNs in `schemas`, without parsing the text.
    pub fn schemas(&self) -> impl Iterator<Item = &str> {
        // The URNs are between quotes, after the name of the member.
        self.split().0.split('"').skip(3).step_by(2)
    }

    /// Whether the document can contain values that no schema declares any more.
    pub fn may_hold_undeclared(&self, resource_type: &ResourceType) -> bool {
        undeclared::may_be_in(resource_type, self.schemas())
    }

    /// The text of a response with `id` after `schemas`, without the closing brace: the caller appends values that are
    /// stored elsewhere, then `,"meta":{…}}`. `room` is the number of bytes to reserve for that.
    pub fn with_id(&self, id: impl fmt::Display, room: usize) -> String {
        let (schemas, rest) = self.split();
        let rest = rest.strip_suffix('}').unwrap_or(rest);
        let mut text = String::with_capacity(self.0.len() + room);
        let _ = write!(text, "{schemas}],\"id\":\"{id}\"{rest}");
        text
    }

    /// The document with `id` after `schemas` and members of JSON text at its end.
    pub fn spliced(&self, id: impl fmt::Display, members: &str) -> String {
        let mut text = self.with_id(id, members.len() + 64);
        text.push_str(members);
        text.push('}');
        text
    }

    /// The text up to the end of `schemas`, without its bracket, and the rest. `schemas` is the first member and ends
    /// at the first bracket, because URNs contain none.
    fn split(&self) -> (&str, &str) {
        self.0.split_once(']').unwrap_or((&self.0, ""))
    }
}

impl fmt::Display for StoredDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Appends a value as JSON text. Writing to bytes is several times faster than `Display`.
fn push_json(text: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Serializing JSON values to memory cannot fail.
    let _ = serde_json::to_writer(text, value);
}
