//! An attribute and its characteristics (RFC 7643 sections 2.2 and 7).

use crate::keywords;
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::sync::Arc;

keywords! {
    /// Data type (RFC 7643 section 2.3).
    Type {
        /// Unicode text.
        String = "string",
        /// `true` or `false`.
        Boolean = "boolean",
        /// A number with a fraction, as 64-bit floating point.
        Decimal = "decimal",
        /// An integer with 64 bits.
        Integer = "integer",
        /// xsd:dateTime.
        DateTime = "dateTime",
        /// Base64.
        Binary = "binary",
        /// A URI; letter case is significant.
        Reference = "reference",
        /// A set of sub-attributes.
        Complex = "complex",
    }
}

keywords! {
    /// Which party can write the attribute, and when.
    Mutability {
        /// Only the server writes it.
        ReadOnly = "readOnly",
        /// The client can write it at any time.
        ReadWrite = "readWrite",
        /// The client can write it once.
        Immutable = "immutable",
        /// The client can write it, and no client can read it.
        WriteOnly = "writeOnly",
    }
}

keywords! {
    /// The responses that contain the attribute.
    Returned {
        /// Every response.
        Always = "always",
        /// No response.
        Never = "never",
        /// Responses to clients that do not exclude it.
        Default = "default",
        /// Responses to clients that request it.
        Request = "request",
    }
}

keywords! {
    /// The scope in which values are unique.
    Uniqueness {
        /// Resources can share a value.
        None = "none",
        /// Values are unique within a tenant.
        Server = "server",
        /// Values are unique; this crate treats it like `Server`.
        Global = "global",
    }
}

/// An attribute definition.
#[derive(Debug)]
pub struct Attribute {
    pub(super) name: Arc<str>,
    pub(super) kind: Type,
    pub(super) multi_valued: bool,
    pub(super) required: bool,
    pub(super) case_exact: bool,
    pub(super) mutability: Mutability,
    pub(super) returned: Returned,
    pub(super) uniqueness: Uniqueness,
    pub(super) canonical_values: Vec<String>,
    pub(super) reference_types: Vec<String>,
    pub(super) sub_attributes: Vec<Arc<Attribute>>,
    pub(super) by_name: NameIndex,
}

impl Attribute {
    /// The name in the spelling of the schema.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Data type.
    pub fn kind(&self) -> Type {
        self.kind
    }

    /// Whether it has an array of values.
    pub fn is_multi_valued(&self) -> bool {
        self.multi_valued
    }

    /// Whether every resource must have it.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Whether letter case is significant in comparisons. True for references (RFC 7643 section 2.3.7) regardless of
    /// the file.
    pub fn is_case_exact(&self) -> bool {
        self.case_exact || self.kind == Type::Reference
    }

    /// The mutability.
    pub fn mutability(&self) -> Mutability {
        self.mutability
    }

    /// The responses that contain it.
    pub fn returned(&self) -> Returned {
        self.returned
    }

    /// Whether values are unique within the tenant.
    pub fn is_unique(&self) -> bool {
        self.uniqueness != Uniqueness::None
    }

    /// Suggested values, which are not enforced (RFC 7643 section 2.3.1 allows both).
    pub fn canonical_values(&self) -> &[String] {
        &self.canonical_values
    }

    /// For references: allowed resource types, `external` or `uri`.
    pub fn reference_types(&self) -> &[String] {
        &self.reference_types
    }

    /// Sub-attributes of a complex attribute.
    pub fn sub_attributes(&self) -> &[Arc<Attribute>] {
        &self.sub_attributes
    }

    /// The sub-attribute with that name, in any letter case.
    pub fn sub_attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        lookup(&self.by_name, &self.sub_attributes, name)
    }

    /// Whether it has the type complex.
    pub fn is_complex(&self) -> bool {
        self.kind == Type::Complex
    }

    /// Whether no client can read it: it is neither returned nor searched.
    pub fn is_secret(&self) -> bool {
        self.mutability == Mutability::WriteOnly || self.returned == Returned::Never
    }
}

/// Positions by name. The names come from schemas, not from clients, so the hash needs no key.
pub(super) type NameIndex = HashMap<String, usize, FixedState>;

/// Positions of attributes, by their names as the schema spells them and in lower case.
pub(super) fn index(attributes: &[Arc<Attribute>]) -> NameIndex {
    let mut index = NameIndex::default();
    for (i, attribute) in attributes.iter().enumerate() {
        index.insert(attribute.name().to_ascii_lowercase(), i);
    }
    for (i, attribute) in attributes.iter().enumerate() {
        index.entry(attribute.name().to_string()).or_insert(i);
    }
    index
}

pub(super) fn lookup<'a>(
    by_name: &NameIndex,
    attributes: &'a [Arc<Attribute>],
    name: &str,
) -> Option<&'a Arc<Attribute>> {
    let found = match by_name.get(name) {
        Some(i) => Some(i),
        None => by_name.get(&name.to_ascii_lowercase()),
    };
    found.and_then(|&i| attributes.get(i))
}
