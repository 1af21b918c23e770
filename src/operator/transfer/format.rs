//! What the lines of an export have beside resources.

/// Name of the object for what SCIM has no attribute for.
pub(super) const OWN: &str = "x-scimd";

/// Members on a line, at most, and changed at once.
pub(super) const MEMBERS_OF_LINE: usize = 1000;
