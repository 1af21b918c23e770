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
//! # Example: from a schema to a response
//!
//! A schema of the deployment, a create, a query, a PATCH of Entra ID, and a response with selected attributes:
//!
//! ```
//! use scim_core::filter::{FilterLimits, parse_filter, resolve};
//! use scim_core::patch::{self, PatchLimits};
//! use scim_core::resource::accept::{accept, assign_defaults};
//! use scim_core::resource::check::{WriteKind, check};
//! use scim_core::resource::entries::entries;
//! use scim_core::resource::json::read_object;
//! use scim_core::resource::limits::ValueLimits;
//! use scim_core::resource::projection::Projection;
//! use scim_core::resource::{Acceptance, Conformance, Meta, Resource, StoredDocument};
//! use scim_core::schema::{Catalog, SchemaFile};
//! use scim_core::time::Timestamp;
//!
//! // An extension of User, in the format of RFC 7643 section 7.
//! let file = SchemaFile {
//!     origin: "acme.json".to_owned(), // the name in error messages
//!     text: r#"{
//!         "id": "urn:example:acme:2.0:User", "name": "Acme",
//!         "attributes": [{"name": "badge", "type": "string", "uniqueness": "server"}],
//!         "x-scim": {"extends": ["User"]}
//!     }"#
//!     .to_owned(),
//! };
//! let catalog = Catalog::new(&[file])?;
//! let user = catalog.by_endpoint("/Users").expect("User is built in");
//!
//! // Create: from the bytes of a body to the text to store. The server stores the entries as index rows.
//! let body = br#"{"userName": "Ann", "emails": [{"type": "work", "value": "ann@old.example"}],
//!                 "urn:example:acme:2.0:User": {"badge": "B1"}}"#;
//! let limits = ValueLimits::default();
//! let mut acceptance = Acceptance::new(Conformance::Lenient, &limits);
//! let mut accepted = accept(user, read_object(body, 32)?, &mut acceptance)?;
//! assign_defaults(user, &mut accepted);
//! check(user, None, &accepted.attributes, WriteKind::Whole)?;
//! let stored = StoredDocument::new(user, &accepted.attributes);
//! let unique: Vec<_> = entries(user, &accepted.attributes)
//!     .into_iter()
//!     .filter(|entry| user.leaves()[entry.leaf].end().is_unique())
//!     .map(|entry| entry.key.as_str().to_owned())
//!     .collect();
//! assert_eq!(unique, ["ann", "b1"]); // a store refuses a second "ANN" with 409
//!
//! // Query: a filter that was resolved cannot fail any more.
//! let text = r#"emails[type eq "work" and value ew "OLD.example"] and active eq true"#;
//! let filter = parse_filter(text, &FilterLimits::default(), Conformance::Lenient)?;
//! let predicate = resolve(&filter, user, Conformance::Lenient)?;
//! let now = Timestamp::from_micros(1_790_000_000_000_000); // the clock is the server's
//! let resource = Resource {
//!     resource_type: user.clone(),
//!     id: "1".to_owned(),
//!     meta: Meta { version: 1, created: now, modified: now },
//!     attributes: stored.attributes()?,
//! };
//! assert!(predicate.matches(&resource));
//!
//! // Modify: operations as Entra ID sends them. Errors in them are found before the resource is read.
//! let body = br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
//!     {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ann@new.example"},
//!     {"op": "Add", "path": "active", "value": "False"}]}"#;
//! let limits = PatchLimits::default();
//! let operations = patch::read(read_object(body, 32)?, Conformance::Lenient, &limits)?;
//! let patch = patch::resolve(user, operations, &limits.path, &mut acceptance)?;
//! let before = resource.attributes;
//! let after = patch.apply(user, &resource.id, before.clone())?;
//! check(user, Some(&before), &after, WriteKind::Modify)?;
//! assert_eq!(after.changed_names(&before), ["active", "emails"]);
//!
//! // Respond: the server adds id, meta and schemas.
//! let selected = ["emails".to_owned()];
//! let projection = Projection::new(user, &selected, &[], Conformance::Lenient)?;
//! let shown = projection.apply(user, &after);
//! assert_eq!(shown["emails"][0]["value"], "ann@new.example");
//! assert!(!shown.contains_key("userName"));
//! assert_eq!(user.schemas_of(&shown).count(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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

#![cfg_attr(test, allow(clippy::too_many_lines, reason = "tests list many cases"))]

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
