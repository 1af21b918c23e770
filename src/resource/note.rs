//! What a lenient server left out of a request, for the provisioning log.

use std::fmt;

/// One thing that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// An attribute that no schema declares.
    UnknownAttribute(String),
    /// A URN in `schemas` that the resource type does not have.
    UndeclaredSchema(String),
    /// A member that does not exist in the tenant.
    UnresolvedMember(String),
}

/// All that was left out of a request.
pub type Notes = Vec<Note>;

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAttribute(name) => write!(f, "attribute.unknown {name}"),
            Self::UndeclaredSchema(urn) => write!(f, "schema.undeclared {urn}"),
            Self::UnresolvedMember(id) => write!(f, "member.unresolved {id}"),
        }
    }
}
