//! A resource: a document that obeys its resource type (RFC 7643 section 3).
//!
//! Bodies become resources in [`accept`], are held to what spans attributes in [`check`], are
//! cut to what a client may see in [`projection`], and give the store its index in [`entries`].
//! What no schema declares any more is [`hidden`].

pub mod accept;
pub mod check;
pub mod entries;
pub mod hidden;
mod identity;
pub mod json;
mod key;
pub mod limits;
pub mod message;
mod name;
mod note;
pub mod projection;
mod shape;
pub mod tolerance;
mod value;

pub use identity::same;
pub(crate) use identity::{Identity, identity};
pub use key::Key;
pub use name::{full_name, named};
pub(crate) use note::printable;
pub use note::{Note, Notes};
pub use shape::Shape;
pub use value::{Acceptance, accept_element, accept_value, is_blank};
pub(crate) use value::{says_nothing, unknown};

use crate::keyword::keywords;
use crate::schema::ResourceType;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;

keywords! {
    /// How much a tenant forgives its clients.
    Conformance {
        /// Takes what Okta, Entra and others really send; see the `tolerance` modules.
        Lenient = "lenient",
        /// The letter of the RFCs.
        Rfc = "rfc",
    }
}

impl Conformance {
    /// Whether leniencies apply.
    pub fn is_lenient(self) -> bool {
        self == Self::Lenient
    }
}

/// What the server itself keeps about a resource (RFC 7643 section 3.1). Location and resource
/// type follow from type and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
}

impl Meta {
    /// The version as an entity tag: weak, as SCIM uses them (RFC 7644 section 3.14).
    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }

    /// What a resource of that version has once it is made what it was under this one: versions only
    /// grow, and one that is not that of then comes with the time of now.
    #[must_use]
    pub fn after(self, version: i64, now: Timestamp) -> Self {
        if self.version > version {
            self
        } else {
            Self {
                version: version + 1,
                modified: now,
                ..self
            }
        }
    }
}

/// A resource that obeys its type: canonical names, no unknown attributes, every value of its
/// type, nothing unassigned, at most one `primary` for each attribute, values in the client's order.
#[derive(Debug, Clone)]
pub struct Resource {
    resource_type: Arc<ResourceType>,
    id: Uuid,
    meta: Meta,
    attributes: Map<String, Value>,
}

impl Resource {
    /// Puts a resource together. `attributes` must come from [`accept`], from `patch`, or from
    /// the store, which keeps only such.
    pub fn new(
        resource_type: Arc<ResourceType>,
        id: Uuid,
        meta: Meta,
        attributes: Map<String, Value>,
    ) -> Self {
        Self {
            resource_type,
            id,
            meta,
            attributes,
        }
    }

    /// Its type.
    pub fn resource_type(&self) -> &Arc<ResourceType> {
        &self.resource_type
    }

    /// Its id, made by the server and never used again.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What the server keeps about it.
    pub fn meta(&self) -> Meta {
        self.meta
    }

    /// Attributes by name, those of extensions under their URN; without `id`, `meta` and `schemas`.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// The same resource with other attributes, under the same conditions as [`Resource::new`].
    pub fn with_attributes(self, attributes: Map<String, Value>) -> Self {
        Self { attributes, ..self }
    }

    /// The `schemas` of a resource with these attributes: the core schema and each extension
    /// that has a value (RFC 7643 section 3).
    pub fn schemas<'a>(
        resource_type: &'a ResourceType,
        attributes: &'a Map<String, Value>,
    ) -> impl Iterator<Item = &'a str> {
        let extensions = resource_type
            .extensions()
            .iter()
            .map(|e| e.schema.id().as_ref());
        let in_use = extensions.filter(|urn| attributes.contains_key(*urn));
        std::iter::once(resource_type.schema().id().as_ref()).chain(in_use)
    }

    /// What other resources show as `display`: the first of the type's display attributes that
    /// has a value.
    pub fn display<'a>(
        resource_type: &ResourceType,
        attributes: &'a Map<String, Value>,
    ) -> Option<&'a str> {
        let texts = resource_type
            .display()
            .iter()
            .filter_map(|name| attributes.get(name.as_str()));
        texts
            .filter_map(Value::as_str)
            .find(|text| !text.is_empty())
    }

    /// Whether it takes a seat: its type has a seat attribute, and that is not `false`.
    pub fn takes_seat(resource_type: &ResourceType, attributes: &Map<String, Value>) -> bool {
        let seat = resource_type
            .seat()
            .map(|seat| attributes.get(seat.name().as_ref()));
        seat.is_some_and(|value| value != Some(&Value::Bool(false)))
    }
}
