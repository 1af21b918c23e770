//! The ListResponse message (RFC 7644 section 3.4.2).

use super::urn::LIST_RESPONSE;
use serde_json::{Value, json};

/// The beginning of the JSON text of a list: `schemas`, `totalResults`, and the members in `paging`, such as
/// `"startIndex":1`. The caller appends `"itemsPerPage"` and `"Resources"` with the text of each resource, so that a
/// page needs no tree in memory.
///
/// ```
/// let head = scim_core::messages::list_head(2, "\"startIndex\":1");
/// assert!(head.ends_with("\"totalResults\":2,\"startIndex\":1,"));
/// ```
pub fn list_head(total: i64, paging: &str) -> String {
    let comma = if paging.is_empty() { "" } else { "," };
    format!("{{\"schemas\":[\"{LIST_RESPONSE}\"],\"totalResults\":{total},{paging}{comma}")
}

/// A list with all resources on one page.
pub fn list_response(resources: &[Value]) -> Value {
    json!({
        "schemas": [LIST_RESPONSE],
        "totalResults": resources.len(),
        "startIndex": 1,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
