//! The SCIM API over HTTP (RFC 7644): routes, handlers and responses.
//!
//! The [`wire`](crate::wire) passes a request to `exchange`, which finds its route; `handlers` selects its handler,
//! `authentication` finds its caller, and `resources` calls the service.

mod app;
mod authentication;
mod exchange;
mod handlers;
mod intent;
mod json_body;
mod log;
mod lookups;
mod path;
mod precondition;
mod prefer;
mod query;
mod reading;
mod resources;
mod respond;
mod route;
mod settings;
mod sibling_api;

#[cfg(test)]
mod tests;

pub(crate) use app::ScimApp;
pub use handlers::app;
pub(crate) use handlers::sibling_app;
pub(crate) use reading::{Reading, read_for_operator};
pub use settings::HttpSettings;
pub use sibling_api::SiblingApi;
