//! Attributes with their characteristics, schemas, resource types, and the catalog of all (RFC 7643 sections 2, 6 and
//! 7). They are data, read from JSON files.
//!
//! Built-in types are JSON files in the same format as those of a deployment.
//!
//! ```
//! use scim_core::schema::{Catalog, Named, SchemaFile};
//!
//! let badge = SchemaFile {
//!     origin: "badge.json".to_owned(),
//!     text: r#"{"id": "urn:example:badge:User", "name": "Badge",
//!         "attributes": [{"name": "badge", "uniqueness": "server"}],
//!         "x-scim": {"extends": ["User"]}}"#.to_owned(),
//! };
//! let catalog = Catalog::new(&[badge])?;
//! let user = catalog.by_name("User").expect("User is built in");
//! let Some(Named::Attribute(path)) = user.named("urn:example:badge:User:BADGE") else {
//!     panic!("the extension was not added");
//! };
//! assert_eq!(path.to_string(), "urn:example:badge:User:badge");
//! assert!(path.end().is_unique());
//! # Ok::<(), scim_core::schema::SchemaError>(())
//! ```
//!
//! # Annotations
//!
//! An object of a schema file, by default `x-scim` ([`Annotations`]), has properties beyond RFC 7643: `extends` (names
//! of resource types that the schema extends) and `required` (whether each of their resources must have the extension).
//! The object of a resource type file has `members` and `memberOf` (the attributes that are memberships) and `defaults`
//! (values for attributes that a client does not assert). A server may add keys there, and other objects whose names
//! begin with `x-`; it reads them with [`Schema::annotation`] and [`ResourceType::annotation`].

mod annotation;
mod assemble;
mod attribute;
mod attribute_path;
mod catalog;
mod definition;
mod load;
mod place;
mod problems;
mod resource_type;
mod urn;

pub use annotation::Annotations;
pub use attribute::{Attribute, Mutability, Returned, Type, Uniqueness};
pub use attribute_path::AttributePath;
pub use catalog::Catalog;
pub use definition::Schema;
pub use load::{SchemaFile, is_attribute_name};
pub use place::SchemaError;
pub use problems::problems;
pub use resource_type::{Extension, Named, ResourceType, TypeRules};
pub use urn::{RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG};
