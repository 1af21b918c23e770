//! What of a resource can be searched: one entry for each simple value, for the store's index.
//!
//! ```
//! use scim_core::resource::Attributes;
//! use scim_core::resource::entries::entries;
//! use scim_core::schema::Catalog;
//!
//! let catalog = Catalog::new(&[])?;
//! let user = catalog.by_name("User").expect("User is built in");
//! let stored = serde_json::json!({"userName": "Ann", "emails": [
//!     {"value": "a@home.example"}, {"value": "a@work.example", "primary": true}]});
//! let attributes = Attributes::from_stored(stored.as_object().cloned().unwrap_or_default());
//! let keys: Vec<_> = entries(user, &attributes)
//!     .iter()
//!     .map(|entry| format!("{} {} {}", user.leaves()[entry.leaf], entry.element, entry.key))
//!     .collect();
//! assert_eq!(keys[0], "userName 0 ann");
//! // The primary value has number 0: by it resources are sorted.
//! assert!(keys.contains(&"emails.value 0 a@work.example".to_owned()));
//! assert!(keys.contains(&"emails.value 1 a@home.example".to_owned()));
//! # Ok::<(), scim_core::schema::SchemaError>(())
//! ```

use super::{Attributes, Key};
use crate::schema::{AttributePath, ResourceType};
use serde_json::Value;

/// A searchable value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Position of the path among [`ResourceType::leaves`].
    pub leaf: usize,
    /// Which value of a multi-valued attribute; 0 is the primary one, else the first, and so
    /// the one that is sorted by (RFC 7644 section 3.4.2.3).
    pub element: u16,
    /// The value's key.
    pub key: Key,
}

/// Whether values at that path are kept for searching: not secrets, nor what the store keeps in
/// columns of its own (`id`, `schemas`, `meta`) or as rows (memberships).
pub fn is_indexed(resource_type: &ResourceType, path: &AttributePath) -> bool {
    let in_columns = path.container.is_none()
        && matches!(path.attribute.name().as_ref(), "id" | "schemas" | "meta");
    let secret = path.attribute.is_secret() || path.end().is_secret();
    !in_columns && !secret && !resource_type.is_relation(path) && resource_type.is_searched(path)
}

/// The entries of a resource with these attributes, in the order of the leaves.
pub fn entries(resource_type: &ResourceType, attributes: &Attributes) -> Vec<Entry> {
    let mut found = Vec::new();
    for (leaf, path) in resource_type.leaves().iter().enumerate() {
        let Some(value) = path.value_in(attributes) else {
            continue;
        };
        if !is_indexed(resource_type, path) {
            continue;
        }
        let elements = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        let first = sorted_by(elements);
        for (i, element) in elements.iter().enumerate() {
            let rank = match i {
                i if i == first => 0,
                i if i < first => i + 1,
                i => i,
            };
            let element_number = u16::try_from(rank).unwrap_or(u16::MAX);
            let at_path = match &path.sub {
                Some(sub) => element.get(sub.name().as_ref()),
                None => Some(element),
            };
            let Some(at_path) = at_path else { continue };
            let simple = at_path
                .as_array()
                .map_or(std::slice::from_ref(at_path), Vec::as_slice);
            let keys = simple.iter().filter_map(|value| Key::of(path.end(), value));
            found.extend(keys.map(|key| Entry {
                leaf,
                element: element_number,
                key,
            }));
        }
    }
    found
}

/// Position of the element that is primary, else of the first.
fn sorted_by(elements: &[Value]) -> usize {
    elements
        .iter()
        .position(|element| element.get("primary") == Some(&Value::Bool(true)))
        .unwrap_or(0)
}
