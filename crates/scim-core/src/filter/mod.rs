//! Filters and PATCH paths: text is parsed into syntax, syntax is resolved against a resource
//! type into a [`Predicate`], and after that nothing can fail (RFC 7644 section 3.4.2.2).

mod lexer;
mod matching;
mod parser;
mod predicate;
mod resolve;
mod syntax;
#[cfg(test)]
mod tests;

pub use parser::{FilterLimits, parse_filter, parse_path};
pub use predicate::{Operator, Predicate, Target};
pub use resolve::{literal_value, resolve, resolve_each, resolve_value_filter};
pub use syntax::{Filter, Literal, Name, PatchPath, Test};
