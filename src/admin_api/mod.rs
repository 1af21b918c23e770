//! The management API over HTTP, on a listener of its own.
//!
//! The [`wire`](crate::wire) hands a request to `app`, which refuses one for another host and finds what answers it.
//! Every refusal is a problem (RFC 9457).

mod app;
mod host;
mod log;
mod mount;
mod problem;
mod respond;
mod settings;

pub use app::{AdminApp, app};
pub use mount::Mount;
pub use settings::AdminSettings;
