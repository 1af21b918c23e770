//! Schemas are data: attributes with their characteristics, the schemas that hold them, the
//! resource types that use those, and the catalog of all (RFC 7643 sections 2, 6 and 7).
//!
//! Built-in types come from the same kind of JSON files as those of a deployment.
//!
//! ```
//! use scim_core::schema::{Catalog, Named, SchemaFile};
//!
//! let badge = SchemaFile {
//!     origin: "badge.json".to_owned(),
//!     text: r#"{"id": "urn:example:badge:User", "name": "Badge",
//!         "attributes": [{"name": "badge", "uniqueness": "server"}],
//!         "x-scimd": {"extends": ["User"]}}"#.to_owned(),
//! };
//! let catalog = Catalog::new(&[badge])?;
//! let user = catalog.by_name("User").expect("User is built in");
//! let Some(Named::Attribute(path)) = user.named("urn:example:badge:User:BADGE") else {
//!     panic!("the extension was not added");
//! };
//! assert_eq!(path.to_string(), "urn:example:badge:User:badge");
//! assert!(path.end().is_unique());
//! # Ok::<(), scim_core::schema::SchemaError>(())
//! ```
//!
//! # Annotations
//!
//! The object [`ANNOTATION`] of a schema file says what RFC 7643 has no words for: `extends` (names of
//! resource types that the schema extends), `required` (whether each of their resources must have the
//! extension), `hides` (names of attributes that were removed, of which resources may still have values).
//! That of a resource type file has `members` and `memberOf` (the attributes that are memberships) and
//! `defaults` (values for attributes that a client does not assert). A server may put keys of its own into
//! the annotations of a resource type and read them with [`ResourceType::annotation`].

mod attribute;
mod catalog;
pub mod edit;
mod load;
mod problems;
mod resource_type;
pub mod suggest;

pub use attribute::{Attribute, Mutability, Returned, Type, Uniqueness};
pub use catalog::Catalog;
pub use load::{ANNOTATION, SchemaError, SchemaFile};
pub use problems::problems;
pub use resource_type::{AttributePath, Extension, Named, ResourceType, TypeRules};

use std::collections::HashMap;
use std::sync::Arc;

/// URN of the schema of ServiceProviderConfig.
pub const SERVICE_PROVIDER_CONFIG: &str =
    "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// URN of the schema of ResourceType.
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// URN of the schema of Schema.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// A schema: a URN and the attributes that it defines (RFC 7643 section 7).
#[derive(Debug)]
pub struct Schema {
    id: Arc<str>,
    name: String,
    attributes: Vec<Arc<Attribute>>,
    by_name: HashMap<String, usize>,
    hidden: Vec<String>,
    document: serde_json::Map<String, serde_json::Value>,
}

impl Schema {
    fn new(
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

    fn hiding(self, hidden: Vec<String>) -> Self {
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

fn index(attributes: &[Arc<Attribute>]) -> HashMap<String, usize> {
    attributes
        .iter()
        .enumerate()
        .map(|(i, a)| (a.name().to_ascii_lowercase(), i))
        .collect()
}

fn lookup<'a>(
    by_name: &HashMap<String, usize>,
    attributes: &'a [Arc<Attribute>],
    name: &str,
) -> Option<&'a Arc<Attribute>> {
    let found = match by_name.get(name) {
        Some(i) => Some(i),
        None => by_name.get(&name.to_ascii_lowercase()),
    };
    found.and_then(|&i| attributes.get(i))
}
