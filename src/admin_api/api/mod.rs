//! The operations, one file for each kind of resource.

pub(crate) mod audit;
pub(crate) mod directory;
mod endpoint_checks;
mod endpoints;
pub(crate) mod entry;
pub(crate) mod feed_tokens;
pub(crate) mod guide;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod log_streams;
pub(crate) mod log_users;
pub(crate) mod mapping;
pub(crate) mod operators;
pub(crate) mod schema_changes;
pub(crate) mod schemas;
pub(crate) mod statistics;
pub(crate) mod streams;
pub(crate) mod suggestion;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod webhooks;
