//! A schema: a URN and the attributes that it defines (RFC 7643 section 7).

use super::attribute::{Attribute, NameIndex, index, lookup};
use std::sync::Arc;

/// A schema: a URN and the attributes that it defines (RFC 7643 section 7).
#[derive(Debug)]
pub struct Schema {
    id: Arc<str>,
    name: String,
    attributes: Vec<Arc<Attribute>>,
    by_name: NameIndex,
    hidden: Vec<String>,
    document: serde_json::Map<String, serde_json::Value>,
}

impl Schema {
    pub(super) fn new(
        id: &str,
        name: &str,
        attributes: Vec<Arc<Attribute>>,
        document: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        let by_name = index(&attributes);
        Self {
            id: id.into(),
            name: name.into(),
            attributes,
            by_name,
            hidden: Vec::new(),
            document,
        }
    }

    pub(super) fn hiding(self, hidden: Vec<String>) -> Self {
        Self { hidden, ..self }
    }

    /// The URN, as the schema file spells it.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The name for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The attributes, in the order of the file.
    pub fn attributes(&self) -> &[Arc<Attribute>] {
        &self.attributes
    }

    /// The attribute of that name, in any letter case (RFC 7643 section 2.1).
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        lookup(&self.by_name, &self.attributes, name)
    }

    /// Names of attributes that the schema had once: resources may still hold values of them, which
    /// no client sees.
    pub fn hidden(&self) -> &[String] {
        &self.hidden
    }

    /// The Schema resource as it is published, without `meta`.
    pub fn document(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.document
    }
}
