//! The request of a PUT or PATCH.

use crate::protocol::precondition::Precondition;
use crate::protocol::query::View;
use serde_json::{Map, Value};

/// A PUT or PATCH of a resource.
#[derive(Debug)]
pub(crate) struct UpdateRequest<'a> {
    /// The id in the path.
    pub(crate) id: &'a str,
    /// The body.
    pub(crate) body: Map<String, Value>,
    /// The attributes in the response.
    pub(crate) view: &'a View,
    /// The versions of the resource that the client allows.
    pub(crate) precondition: &'a Precondition,
}
