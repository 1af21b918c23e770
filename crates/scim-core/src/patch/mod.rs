//! PATCH (RFC 7644 section 3.5.2): a message is read, held against the resource type, and
//! applied to the attributes of a resource. Nothing here reads a database or a clock.
//!
//! [`read`] knows the shape of the message, [`resolve`] its meaning: after that a [`Patch`] can
//! fail only for what the resource holds. Memberships are not in documents; what a patch does to
//! them comes apart as [`MemberChange`]s, for which no member list needs to be read.

mod apply;
mod change;
mod members;
mod message;
mod path;
mod resolve;
mod schemas;
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
