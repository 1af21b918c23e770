//! What schema and resource type files say beside RFC 7643.

use serde_json::{Map, Value};
use std::sync::Arc;

/// The annotation that this crate reads; servers may put keys of their own into it.
pub const ANNOTATION: &str = "x-scimd";

/// The annotation of a schema.
#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExtensionKeys {
    /// Names of resource types that the schema extends.
    pub(super) extends: Vec<String>,
    /// Whether each of their resources must have the extension.
    pub(super) required: bool,
    /// Attributes that were removed, of which resources may still hold values.
    pub(super) hides: Vec<String>,
}

/// What this crate must know of a type beside RFC 7643, from its annotation.
#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TypeKeys {
    /// The attribute that lists members.
    pub(super) members: Option<String>,
    /// The attribute that mirrors memberships.
    pub(super) member_of: Option<String>,
    /// Values given to attributes that a client does not assert at creation or replacement.
    pub(super) defaults: Map<String, Value>,
}

/// What the file of a resource type says beside RFC 7643.
#[derive(Debug)]
pub(super) struct Annotated {
    pub(super) keys: TypeKeys,
    /// Every member whose name begins with `x-`.
    pub(super) annotations: Map<String, Value>,
    pub(super) origin: Arc<str>,
}
