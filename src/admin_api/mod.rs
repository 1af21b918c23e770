//! The management API over HTTP, on a separate listener.
//!
//! The [`wire`](crate::wire) passes a request to `router`, which finds its [`Operation`](operation::Operation) in the
//! `table`, authenticates the operator token and checks the arguments. The files in `api` have the operations, one file
//! for each kind of resource. `local` calls the same operations without HTTP, for commands. OpenAPI document and
//! reference page are generated from the same table. Every refusal is a problem (RFC 9457).

mod api;
mod app;
mod arguments;
mod authentication;
mod call;
mod host;
mod json_schema;
mod local;
mod log;
mod mount;
mod openapi;
mod operation;
mod problem;
mod reference;
mod respond;
mod router;
mod running;
mod settings;
mod stream;
mod table;

pub use app::AdminParts;
pub use json_schema::Schemas;
pub(crate) use local::{LocalApi, LocalBody, LocalReply};
pub use mount::Mount;
pub use openapi::document;
pub(crate) use operation::{BASE, Method};
pub(crate) use problem::{Problem, ProblemType};
pub(crate) use router::AdminApp;
pub use router::app;
pub use settings::AdminSettings;
