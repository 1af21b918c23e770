//! Parts of a request that a lenient server ignores.

use serde_json::Value;
use std::fmt;

/// An ignored part. Its `Display` contains the name, without the value.
#[derive(Debug, Clone, PartialEq)]
pub enum LeftOut {
    /// An undeclared attribute.
    UnknownAttribute {
        /// The name in attribute notation.
        name: String,
        /// The value, which can be personal data; null if there was none.
        value: Value,
    },
    /// A URN in `schemas` that the resource type does not have.
    UndeclaredSchema(String),
    /// An attribute with an invalid value, in attribute notation.
    UnfitValue(String),
    /// An attribute whose value was kept although the request removes it, in attribute notation.
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
