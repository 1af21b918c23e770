//! scimd: a SCIM 2.0 service provider (RFC 7643, RFC 7644).
//!
//! The protocol without I/O is the package `scim-core`; its modules are re-exported here. Each module uses those above
//! it in this list and none below. `ARCHITECTURE.md` is the map of the code.
//!
//! Only the program is published. Public items are those that it, the tests and the benchmarks use.

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "only the program is published; the documentation of its code includes private items"
)]
#![cfg_attr(test, allow(clippy::too_many_lines, reason = "tests list many cases"))]

pub(crate) mod audit;
pub(crate) mod cache;
pub mod clock;
pub(crate) mod error;
pub(crate) mod fair_queue;
pub(crate) mod live;
pub mod metrics;
pub(crate) mod nearest;
pub mod outbound;
pub mod reason;
pub mod secrets;
mod sync;
pub(crate) mod trace;

pub use scim_core::{filter, patch, resource, schema};
pub(crate) use scim_core::{keyword, messages};

pub mod model;

pub mod mapping;

pub mod guide;

pub mod store;

pub mod access;

pub mod request_log;

pub mod explanation;

pub mod protocol;

pub mod feed;

pub mod operator;

pub mod wire;

pub mod scim_api;

pub mod feed_api;

pub mod delivery;

pub mod background;

pub mod telemetry;

pub mod config;

pub mod admin_api;

pub mod cli;
