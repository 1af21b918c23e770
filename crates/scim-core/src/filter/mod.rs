//! Filters and PATCH paths (RFC 7644 section 3.4.2.2). A text is parsed to syntax, and the syntax is resolved against a
//! resource type to a [`Predicate`], whose evaluation cannot fail.
//!
//! ```
//! use scim_core::filter::{FilterLimits, Operator, Predicate, parse_filter, resolve};
//! use scim_core::resource::Conformance;
//! use scim_core::schema::Catalog;
//!
//! let catalog = Catalog::new(&[])?;
//! let user = catalog.by_name("User").expect("User is built in");
//! let limits = FilterLimits::default();
//! let filter = parse_filter("userName eq \"Ann\"", &limits, Conformance::Rfc)?;
//! let predicate = resolve(&filter, user, Conformance::Rfc)?;
//!
//! // A store translates this into a condition on the keys that it keeps.
//! let Predicate::Compare { target, operator, key } = predicate else {
//!     panic!("one comparison");
//! };
//! assert_eq!(target.to_string(), "userName");
//! assert_eq!((operator, key.as_str()), (Operator::Equal, "ann"));
//!
//! let error = parse_filter("userName eq", &limits, Conformance::Rfc).unwrap_err();
//! assert!(error.detail().starts_with("Filter is not understood at column"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
