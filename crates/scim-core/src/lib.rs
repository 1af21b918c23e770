//! SCIM 2.0 (RFC 7643, RFC 7644) without I/O: what a SCIM server decides before and after it meets its
//! database.
//!
//! The layers, each of which uses those above it only:
//!
//! | module | what it is |
//! |---|---|
//! | [`error`] | kinds of refusals, with status and scimType |
//! | [`time`] | moments of UTC, xsd:dateTime |
//! | [`keyword`] | enumerations with keywords |
//! | [`schema`] | attributes, schemas, resource types and their [`Catalog`](schema::Catalog), read from JSON files |
//! | [`resource`] | validated [`Attributes`](resource::Attributes), their [`Key`](resource::Key)s, and what a client is shown of them |
//! | [`messages`] | URN, reader and writer of each message of the protocol |
//! | [`filter`] | text → syntax → [`Predicate`](filter::Predicate), which is evaluated or translated |
//! | [`patch`] | PATCH: message → [`Patch`](patch::Patch) → attributes, and changes of members |
//!
//! # How a server uses it
//!
//! A [`Catalog`](schema::Catalog) is made once, of the built-in schemas and files of the deployment. It
//! gives a [`ResourceType`](schema::ResourceType) for an endpoint.
//!
//! **Create.** [`read_object`](resource::json::read_object) reads the body,
//! [`accept`](resource::accept::accept) makes [`Attributes`](resource::Attributes) of it,
//! [`check`](resource::check::check) holds them to what spans attributes. The server gives an id and
//! stores a [`StoredDocument`](resource::StoredDocument) with the keys of
//! [`entries`](resource::entries::entries); keys of attributes with
//! [`is_unique`](schema::Attribute::is_unique) belong into a unique index.
//!
//! **Replace.** [`Attributes::replaced_by`](resource::Attributes::replaced_by) keeps what no client can
//! repeat; then `check` as above.
//!
//! **Modify.** [`patch::read`] and [`patch::resolve`] need no resource: what is wrong is found before the
//! database is asked. [`Patch::apply`](patch::Patch::apply) gives the attributes afterwards,
//! [`Patch::members`](patch::Patch::members) the changes of members.
//!
//! **Query.** [`parse_filter`](filter::parse_filter) and [`filter::resolve`] give a
//! [`Predicate`](filter::Predicate). [`Predicate::matches`](filter::Predicate::matches) evaluates it in
//! memory; a store translates it to conditions on the keys that it keeps.
//!
//! **Answer.** [`Projection::apply`](resource::projection::Projection::apply) cuts the attributes to what
//! the client may see and asked for. A resource that is shown whole is the stored text with what
//! [`StoredDocument::spliced`](resource::StoredDocument::spliced) puts in.
//!
//! # What it leaves to the server
//!
//! HTTP, authentication, ids and versions, uniqueness across resources, memberships, and what a
//! deployment says of a type beyond RFC 7643: annotations of its file
//! ([`ResourceType::annotation`](schema::ResourceType::annotation)) and
//! [`TypeRules`](schema::TypeRules).
//!
//! # Lenient and strict
//!
//! With [`Conformance::Lenient`](resource::Conformance) the crate takes what Okta, Entra ID and other
//! clients really send. Each leniency is a function in [`resource::tolerance`] or its counterparts for
//! filters and PATCH, and says whom it serves and what it bends. What is left out of a request on the
//! way is in [`Acceptance::left_out`](resource::Acceptance).
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
