//! SCIM 2.0 without I/O (RFC 7643, RFC 7644): schemas and resource types as data, resources that
//! obey them, filters, and PATCH.

pub mod error;
pub mod keyword;
pub mod messages;
pub mod nearest;
pub mod time;

pub mod schema;

pub mod resource;

pub mod filter;

pub mod patch;
