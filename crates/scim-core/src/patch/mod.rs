//! PATCH (RFC 7644 section 3.5.2): a message is parsed, resolved against the resource type, and applied to the
//! attributes of a resource. This module uses neither a database nor a clock.
//!
//! [`read`] checks the structure of the message, [`resolve()`] its meaning: the remaining errors of a [`Patch`] depend on
//! the content of the resource. Memberships are not in documents; their changes are separate [`MemberChange`]s, which
//! do not require reading the member list.
//!
//! ```
//! use scim_core::patch::{PatchLimits, read, resolve};
//! use scim_core::resource::limits::ValueLimits;
//! use scim_core::resource::{Acceptance, Attributes, Conformance, json::read_object};
//! use scim_core::schema::Catalog;
//!
//! let catalog = Catalog::new(&[])?;
//! let user = catalog.by_name("User").expect("User is built in");
//! let (limits, values) = (PatchLimits::default(), ValueLimits::default());
//! let body = read_object(
//!     br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
//!         {"op": "replace", "path": "name.givenName", "value": "Ann"}]}"#,
//!     32,
//! )?;
//! let operations = read(body, Conformance::Rfc, &limits)?;
//! let mut acceptance = Acceptance::new(Conformance::Rfc, &values);
//! let patch = resolve(user, operations, &limits.path, &mut acceptance)?;
//! assert_eq!(patch.named(), ["name", "name.givenName"]);
//!
//! let after = patch.apply(user, "42", Attributes::default())?;
//! assert_eq!(after["name"]["givenName"], "Ann");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod change;
mod members;
mod message;
mod path;
mod resolve;
mod schemas;
mod target;
mod tolerance;
mod value;
mod values;

#[cfg(test)]
mod tests;

pub use crate::messages::PATCH_OP;
pub use apply::Patch;
pub use members::{MemberChange, member_ids};
pub use message::{Operation, PatchLimits, Verb, read};
pub use resolve::resolve;
