//! A resource: a document that obeys its resource type (RFC 7643 section 3).
//!
//! Bodies become resources in [`accept`], are held to what spans attributes in [`check`], are
//! cut to what a client may see in [`projection`], and give the store its index in [`entries`].
//! What no schema declares any more is [`undeclared`].
//!
//! ```
//! use scim_core::resource::{Attributes, Key, StoredDocument};
//! use scim_core::schema::Catalog;
//!
//! // One definition of equality: keys of text disregard case and width, unless the attribute is caseExact.
//! assert_eq!(Key::text("STRASSE", false), Key::text("Stra\u{df}e", false));
//!
//! // A document that was stored is read back without being validated again.
//! let stored = StoredDocument::from_stored(
//!     r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann"}"#,
//! );
//! let attributes: Attributes = stored.attributes()?;
//! assert_eq!(attributes["userName"], "ann");
//! assert_eq!(
//!     stored.spliced("42", ""),
//!     r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"42","userName":"ann"}"#
//! );
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod accept;
mod attributes;
pub mod check;
mod conformance;
mod document;
pub mod entries;
mod identity;
pub mod json;
mod key;
mod left_out;
pub mod limits;
mod members;
mod name;
mod printable;
pub mod projection;
mod replace;
pub mod tolerance;
pub mod undeclared;
mod value;

pub use attributes::Attributes;
pub(crate) use attributes::in_schema_order;
pub use conformance::Conformance;
pub use document::StoredDocument;
pub use identity::same;
pub(crate) use identity::{Identity, identity};
pub use key::Key;
pub use left_out::LeftOut;
pub use name::{full_name, named};
pub use printable::printable;
pub use value::{Acceptance, accept_element, accept_value, is_blank};
pub(crate) use value::{says_nothing, unknown};

use crate::schema::ResourceType;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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

/// A resource: what a filter looks at.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The type that the attributes obey.
    pub resource_type: Arc<ResourceType>,
    /// The id, made by the server and never used again.
    pub id: String,
    /// What the server keeps about it.
    pub meta: Meta,
    /// The attributes.
    pub attributes: Attributes,
}
