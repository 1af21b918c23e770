//! The wire: HTTP/1.1 and HTTP/2, with or without TLS, for any API, independent of SCIM.
//!
//! [`serve`] accepts connections, within limits on number and time. Each request passes through the layers of
//! [`layers::Pipeline`] to the handler of an [`App`]. An API creates an app from its handler, the rendering of a
//! [`refusal::Refusal`], and the logging of a request.

pub(crate) mod admission;
pub(crate) mod answer;
pub(crate) mod app;
pub(crate) mod body;
mod connection;
mod connection_limit;
mod connection_set;
pub(crate) mod deadlines;
pub(crate) mod endless;
pub(crate) mod in_flight;
pub(crate) mod layers;
mod listener;
pub(crate) mod rate;
mod raw_head;
pub(crate) mod refusal;
mod settings;
pub(crate) mod shutdown;
mod stream;
pub(crate) mod tasks;
mod tls;
pub(crate) mod unwritten;

pub(crate) use app::App;
pub(crate) use listener::listen;
pub use listener::serve;
pub(crate) use refusal::{Refusal, Refuse, Refused};
pub(crate) use settings::RequestSettings;
pub use settings::ServerSettings;
