//! Parts of a request that a lenient server ignores.

use serde_json::Value;
use std::fmt;

/// One ignored part. Its `Display` has the name and no value.
#[derive(Debug, Clone, PartialEq)]
pub enum LeftOut {
    /// An attribute that no schema declares.
    UnknownAttribute {
        /// In attribute notation.
        name: String,
        /// The value that was sent; null where there was none. It may be personal data.
        value: Value,
    },
    /// A URN in `schemas` that the resource type does not have.
    UndeclaredSchema(String),
    /// An attribute with an invalid value, in attribute notation.
    UnfitValue(String),
    /// An attribute that was to lose its value and keeps it, in attribute notation.
    KeptValue(String),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAttribute { name, .. } => write!(f, "attribute.unknown {name}"),
            Self::UndeclaredSchema(urn) => write!(f, "schema.undeclared {urn}"),
            Self::UnfitValue(name) => write!(f, "value.unfit {name}"),
            Self::KeptValue(name) => write!(f, "value.kept {name}"),
        }
    }
}
