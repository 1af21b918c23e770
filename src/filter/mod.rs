//! Filters and PATCH paths: text is parsed into syntax, syntax is resolved against a resource
//! type into a [`Predicate`], and after that nothing can fail (RFC 7644 section 3.4.2.2).

mod predicate;

pub use predicate::{Operator, Predicate, Target};
