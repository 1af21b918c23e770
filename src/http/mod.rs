//! The wire: HTTP/1.1 and HTTP/2, with or without TLS. The only floor, beside `admin`, that
//! names axum.
//!
//! A connection comes in through [`serve`], which sets its limits and times. Each request is
//! guarded, routed and answered in `exchange`; `routes` asks the service.

mod admission;
mod app;
mod arrivals;
mod body;
mod connection;
mod exchange;
mod guard;
mod gzip;
mod in_flight;
mod intent;
mod log;
mod prefer;
mod pulse;
mod query;
mod rate;
mod raw_head;
mod respond;
mod route;
mod routes;
mod search;
mod seats;
mod server;
mod settings;
mod stream;
mod tasks;
mod tls;
mod unwritten;

#[cfg(test)]
mod tests;

pub use app::App;
pub use routes::app;
pub use server::{listen, serve};
pub use settings::{HttpSettings, ServerSettings};
