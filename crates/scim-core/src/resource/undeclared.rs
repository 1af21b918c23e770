//! Values of a document that no schema declares any more. They are kept, and not returned to clients until a schema
//! declares them again.
//!
//! ```
//! use scim_core::resource::{StoredDocument, undeclared};
//! use scim_core::schema::Catalog;
//!
//! let catalog = Catalog::new(&[])?;
//! let user = catalog.by_name("User").expect("User is built in");
//! // The schema of the extension was removed after the resource had been stored.
//! let stored = StoredDocument::from_stored(
//!     r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:x:gone"],"userName":"ann","urn:x:gone":{"a":1}}"#,
//! );
//! assert!(stored.may_hold_undeclared(user));
//! let mut attributes = stored.attributes()?.into_map();
//! assert!(undeclared::cut(user, &mut attributes));
//! assert_eq!(attributes.keys().collect::<Vec<_>>(), ["userName"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::schema::{Extension, ResourceType};
use serde_json::{Map, Value};

/// The URNs in a document that its type does not have.
pub fn urns<'a>(
    resource_type: &'a ResourceType,
    attributes: &'a Map<String, Value>,
) -> impl Iterator<Item = &'a str> {
    let unknown = |name: &&str| is_undeclared(resource_type, name);
    attributes.keys().map(String::as_str).filter(unknown)
}

fn is_undeclared(resource_type: &ResourceType, name: &str) -> bool {
    resource_type.top_attribute(name).is_none() && resource_type.extension(name).is_none()
}

/// Whether documents with these URNs in `schemas` can contain an undeclared value.
pub fn may_be_in<'a>(
    resource_type: &ResourceType,
    mut urns: impl Iterator<Item = &'a str>,
) -> bool {
    let core = resource_type.schema().id().as_ref();
    let larger = &resource_type.rules().formerly_larger;
    let was_larger = |urn: &str| larger.iter().any(|other| other.eq_ignore_ascii_case(urn));
    urns.any(|urn| urn != core && (resource_type.extension(urn).is_none() || was_larger(urn)))
}

/// Removes undeclared values from attributes; `false` if there were none.
pub fn cut(resource_type: &ResourceType, attributes: &mut Map<String, Value>) -> bool {
    let mut found = false;
    attributes.retain(|name, value| match (resource_type.extension(name), value) {
        (Some(extension), Value::Object(held)) => {
            let count = held.len();
            held.retain(|name, _| extension.schema.attribute(name).is_some());
            found |= held.len() < count;
            !held.is_empty()
        }
        _ => {
            let is_undeclared = is_undeclared(resource_type, name);
            found |= is_undeclared;
            !is_undeclared
        }
    });
    found
}

/// Removes all values but undeclared ones from attributes.
pub fn keep(resource_type: &ResourceType, attributes: &mut Map<String, Value>) {
    attributes.retain(|name, value| match (resource_type.extension(name), value) {
        (Some(extension), Value::Object(held)) => {
            keep_in(extension, held);
            !held.is_empty()
        }
        _ => is_undeclared(resource_type, name),
    });
}

/// Removes the declared attributes of an extension and keeps the undeclared values.
pub fn keep_in(extension: &Extension, held: &mut Map<String, Value>) {
    held.retain(|name, _| extension.schema.attribute(name).is_none());
}

/// The object of an extension in a document, if it has a declared attribute.
pub fn visible<'a>(
    extension: &Extension,
    attributes: &'a Map<String, Value>,
) -> Option<&'a Map<String, Value>> {
    let held = attributes
        .get(extension.schema.id().as_ref())?
        .as_object()?;
    held.keys()
        .any(|name| extension.schema.attribute(name).is_some())
        .then_some(held)
}
