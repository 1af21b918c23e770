//! SCIM 2.0 (RFC 7643, RFC 7644) without I/O: the logic of a SCIM server before and after its database access.
//!
//! The modules; each uses only those above it:
//!
//! | module | content |
//! |---|---|
//! | [`error`] | kinds of refusals, with status and scimType |
//! | [`time`] | UTC timestamps, xsd:dateTime |
//! | [`keyword`] | enumerations with keywords |
//! | [`schema`] | attributes, schemas, resource types and their [`Catalog`](schema::Catalog), read from JSON files |
//! | [`resource`] | validated [`Attributes`](resource::Attributes), their [`Key`](resource::Key)s, and the part that a client can see |
//! | [`messages`] | URN, parser and writer of each message of the protocol |
//! | [`filter`] | text → syntax → [`Predicate`](filter::Predicate), which is evaluated or translated |
//! | [`patch`] | PATCH: message → [`Patch`](patch::Patch) → attributes, and changes of members |
//!
//! # How a server uses it
//!
//! A [`Catalog`](schema::Catalog) is created once, from the built-in schemas and files of the deployment. It returns
//! the [`ResourceType`](schema::ResourceType) for an endpoint.
//!
//! **Create.** [`read_object`](resource::json::read_object) reads the body, [`accept`](resource::accept::accept)
//! converts it to [`Attributes`](resource::Attributes), [`check`](resource::check::check) validates rules that span
//! attributes. The server assigns an id and stores a [`StoredDocument`](resource::StoredDocument) with the keys of
//! [`entries`](resource::entries::entries); keys of attributes with [`is_unique`](schema::Attribute::is_unique) belong
//! in a unique index.
//!
//! **Replace.** [`Attributes::replaced_by`](resource::Attributes::replaced_by) keeps values that no client can read;
//! then `check`, as for a create.
//!
//! **Modify.** [`patch::read`] and [`patch::resolve`] need no resource: errors are found before a database query.
//! [`Patch::apply`](patch::Patch::apply) returns the new attributes, [`Patch::members`](patch::Patch::members) the
//! changes of members.
//!
//! **Query.** [`parse_filter`](filter::parse_filter) and [`filter::resolve`] return a [`Predicate`](filter::Predicate).
//! [`Predicate::matches`](filter::Predicate::matches) evaluates it in memory; a store translates it to conditions on
//! stored keys.
//!
//! **Response.** [`Projection::apply`](resource::projection::Projection::apply) removes attributes that the client may
//! not see or did not request. A complete resource is the stored text with the values that
//! [`StoredDocument::spliced`](resource::StoredDocument::spliced) inserts.
//!
//! # Responsibilities of the server
//!
//! HTTP, authentication, ids and versions, uniqueness across resources, memberships, and properties of a type beyond
//! RFC 7643: annotations of its file ([`ResourceType::annotation`](schema::ResourceType::annotation)) and
//! [`TypeRules`](schema::TypeRules).
//!
//! # Lenient and strict
//!
//! With [`Conformance::Lenient`](resource::Conformance) the crate accepts requests of Okta, Entra ID and other clients
//! that deviate from the RFCs. Each tolerance is a function in [`resource::tolerance`] or its counterparts for filters
//! and PATCH, and documents the client and the relaxed rule. Ignored parts of a request are in
//! [`Acceptance::left_out`](resource::Acceptance).
//!
//! ```
//! use scim_core::resource::accept::accept;
//! use scim_core::resource::limits::ValueLimits;
//! use scim_core::resource::{Acceptance, Conformance, json::read_object};
//! use scim_core::schema::Catalog;
//!
//! let catalog = Catalog::new(&[])?;
//! let user = catalog.by_endpoint("/Users").expect("User is built in");
//! let limits = ValueLimits::default();
//! let body = br#"{"userName": "ann", "active": "True", "shoeSize": 38}"#;
//!
//! let mut lenient = Acceptance::new(Conformance::Lenient, &limits);
//! let accepted = accept(user, read_object(body, 32)?, &mut lenient)?;
//! assert_eq!(accepted.attributes["active"], true);
//! assert_eq!(lenient.left_out[0].to_string(), "attribute.unknown shoeSize");
//!
//! let mut strict = Acceptance::new(Conformance::Rfc, &limits);
//! assert!(accept(user, read_object(body, 32)?, &mut strict).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod error;
pub mod keyword;
pub mod time;

pub mod schema;

pub mod resource;

pub mod messages;

pub mod filter;

pub mod patch;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
