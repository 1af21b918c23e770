//! Searchable values of a resource: one entry for each simple value, for the store's index.
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
//! // The primary value, which is used for sorting, has number 0.
//! assert!(keys.contains(&"emails.value 0 a@work.example".to_owned()));
//! assert!(keys.contains(&"emails.value 1 a@home.example".to_owned()));
//! # Ok::<(), scim_core::schema::SchemaError>(())
//! ```

use super::members::part;
use super::{Attributes, Key};
use crate::schema::{AttributePath, ResourceType};
use serde_json::Value;
use std::sync::Arc;

/// A searchable value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Position of the path among [`ResourceType::leaves`].
    pub leaf: usize,
    /// Position in a multi-valued attribute; 0 is the primary value, or else the first, which is used for sorting (RFC
    /// 7644 section 3.4.2.3).
    pub element: u16,
    /// The value's key.
    pub key: Key,
}

/// Whether values at that path are indexed: not secrets, and not values that the store has in separate columns (`id`,
/// `schemas`, `meta`) or rows (memberships).
pub fn is_indexed(resource_type: &ResourceType, path: &AttributePath) -> bool {
    let in_columns = path.container.is_none()
        && matches!(path.attribute.name().as_ref(), "id" | "schemas" | "meta");
    let secret = path.attribute.is_secret() || path.end().is_secret();
    !in_columns && !secret && !resource_type.is_relation(path) && resource_type.is_searched(path)
}

/// The entries of a resource with these attributes, in the order of the leaves.
pub fn entries(resource_type: &ResourceType, attributes: &Attributes) -> Vec<Entry> {
    let leaves = resource_type.leaves();
    let is_kept = |leaf: usize| {
        let path = leaves.get(leaf);
        path.is_some_and(|path| is_indexed(resource_type, path))
    };
    entries_of(resource_type, attributes, is_kept)
}

/// The entries at the leaves with these positions among [`ResourceType::leaves`], in their order.
pub fn entries_of(
    resource_type: &ResourceType,
    attributes: &Attributes,
    is_wanted: impl Fn(usize) -> bool,
) -> Vec<Entry> {
    entries_where(resource_type, attributes, is_wanted, |_, _| true)
}

/// The entries of [`entries_of`] for values that `is_value_wanted` selects.
pub fn entries_where(
    resource_type: &ResourceType,
    attributes: &Attributes,
    is_wanted: impl Fn(usize) -> bool,
    is_value_wanted: impl Fn(usize, &Value) -> bool,
) -> Vec<Entry> {
    let mut found = Vec::new();
    let is_of_one = |a: &AttributePath, b: &AttributePath| {
        Arc::ptr_eq(&a.attribute, &b.attribute) && a.container == b.container
    };
    // The leaves of an attribute are adjacent.
    for leaves in resource_type.leaves().chunk_by(is_of_one) {
        let requested = leaves
            .iter()
            .filter(|path| path.leaf.is_some_and(&is_wanted));
        let mut requested = requested.peekable();
        let Some(value) = requested.peek().and_then(|path| path.value_in(attributes)) else {
            continue;
        };
        let elements = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        let first = sorted_by(elements);
        for path in requested {
            for (i, element) in elements.iter().enumerate() {
                add_entries(path, element, rank(i, first), &is_value_wanted, &mut found);
            }
        }
    }
    found
}

/// The number of an element, where the element for sorting has number 0.
fn rank(i: usize, first: usize) -> u16 {
    let rank = match i {
        i if i == first => 0,
        i if i < first => i + 1,
        i => i,
    };
    u16::try_from(rank).unwrap_or(u16::MAX)
}

/// Adds the entries of an element at a leaf.
fn add_entries(
    path: &AttributePath,
    element: &Value,
    number: u16,
    is_wanted: &impl Fn(usize, &Value) -> bool,
    to: &mut Vec<Entry>,
) {
    let at_path = match &path.sub {
        Some(sub) => part(element, sub.name()),
        None => Some(element),
    };
    let (Some(at_path), Some(leaf)) = (at_path, path.leaf) else {
        return;
    };
    let simple = at_path
        .as_array()
        .map_or(std::slice::from_ref(at_path), Vec::as_slice);
    let requested = simple.iter().filter(|value| is_wanted(leaf, value));
    let keys = requested.filter_map(|value| Key::of(path.end(), value));
    to.extend(keys.map(|key| Entry {
        leaf,
        element: number,
        key,
    }));
}

/// Position of the primary element, or else of the first.
fn sorted_by(elements: &[Value]) -> usize {
    elements
        .iter()
        .position(|element| part(element, "primary") == Some(&Value::Bool(true)))
        .unwrap_or(0)
}
