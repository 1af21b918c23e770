//! The request of a PUT or PATCH.

use crate::patch::PATCH_OP;
use crate::protocol::precondition::Precondition;
use crate::protocol::query::View;
use serde_json::{Map, Value, json};

/// A PUT or PATCH of a resource.
#[derive(Debug)]
pub struct UpdateRequest<'a> {
    /// The id in the path.
    pub id: &'a str,
    /// The body, as it was sent.
    pub body: Map<String, Value>,
    /// What the answer shows.
    pub view: &'a View,
    /// The versions of the resource that the client allows.
    pub precondition: &'a Precondition,
}

/// The body of the PATCH request by which an identity provider deactivates a user (RFC 7644 section 3.5.2). `seat` is
/// the attribute that says whether a user is active.
pub fn deactivation(seat: &str) -> Map<String, Value> {
    let operation = json!({"op": "replace", "path": seat, "value": false});
    let members = [
        ("schemas", json!([PATCH_OP])),
        ("Operations", json!([operation])),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
