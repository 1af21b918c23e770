//! A filter after it was resolved against a resource type: what remains cannot fail.
//!
//! Three readers: [`Predicate::matches`], the store's `select`, and `Display`.

use crate::resource::Key;
use crate::schema::AttributePath;

/// How a value is compared (RFC 7644 table 3). `ne` is `not (… eq …)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// What is compared: a path of the document, or one of the few things the server keeps beside it.
#[derive(Debug, Clone)]
pub enum Target {
    /// A path that ends in a simple value.
    Attribute(AttributePath),
    /// `id`; keys are case-exact text.
    Id,
    /// `meta.created`; keys are those of moments.
    Created,
    /// `meta.lastModified`; keys are those of moments.
    LastModified,
    /// `meta.version`, as the number in the entity tag; keys are those of integers.
    Version,
}

/// A condition on a resource, or, within [`Predicate::Element`], on one value of a
/// multi-valued attribute.
#[derive(Debug, Clone)]
pub enum Predicate {
    /// Every one holds; of none: always true.
    All(Vec<Predicate>),
    /// One holds at least; of none: never true.
    Any(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// There is a value that is not the empty string.
    Present(Target),
    /// A value compares so; of several values one is enough.
    Compare {
        /// What is compared.
        target: Target,
        /// How.
        operator: Operator,
        /// With what.
        key: Key,
    },
    /// One value of a multi-valued attribute meets the condition by itself
    /// (RFC 7644 section 3.4.2.2, value paths). Within, targets are paths of that attribute.
    Element {
        /// The attribute, without a sub-attribute.
        attribute: AttributePath,
        /// What its value must meet.
        predicate: Box<Predicate>,
    },
}
