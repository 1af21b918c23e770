//! A schema: a URN and the attributes that it defines (RFC 7643 section 7).

use super::annotation::Annotated;
use super::attribute::{Attribute, NameIndex, index, lookup};
use super::place::SchemaError;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A schema: a URN and the attributes that it defines (RFC 7643 section 7).
#[derive(Debug)]
pub struct Schema {
    id: Arc<str>,
    name: String,
    attributes: Vec<Arc<Attribute>>,
    by_name: NameIndex,
    annotated: Annotated,
    document: Map<String, Value>,
}

impl Schema {
    pub(super) fn new(
        id: &str,
        name: &str,
        attributes: Vec<Arc<Attribute>>,
        document: Map<String, Value>,
    ) -> Self {
        let by_name = index(&attributes);
        Self {
            id: id.into(),
            name: name.into(),
            attributes,
            by_name,
            annotated: Annotated::nothing(),
            document,
        }
    }

    pub(super) fn annotated(self, annotated: Annotated) -> Self {
        Self { annotated, ..self }
    }

    /// The URN, in the spelling of the schema file.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The human-readable name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The attributes, in the order of the file.
    pub fn attributes(&self) -> &[Arc<Attribute>] {
        &self.attributes
    }

    /// The attribute with that name, in any letter case (RFC 7643 section 2.1).
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        lookup(&self.by_name, &self.attributes, name)
    }

    /// An annotation of the schema: a member of its file whose name begins with `x-`.
    pub fn annotation(&self, name: &str) -> Option<&Value> {
        self.annotated.annotations.get(name)
    }

    /// The error for a place in the file of the schema, given as a JSON pointer, for errors that a server finds in an
    /// annotation.
    pub fn error_at(&self, pointer: &str, problem: impl Into<String>) -> SchemaError {
        self.annotated.error_at(pointer, problem)
    }

    /// The published Schema resource, without `meta`.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }
}
