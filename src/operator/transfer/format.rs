//! Parts of the lines of an export beyond SCIM resources.

/// Name of the object for values without a SCIM attribute.
pub(super) const OWN: &str = "x-scimd";

/// Maximum number of members on a line, and in one change.
pub(super) const MEMBERS_OF_LINE: usize = 1000;
