//! Integration tests: the real server on a real socket, on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::too_many_lines,
    missing_docs
)]

mod activity;
mod admin;
mod agreement;
mod backup;
mod bulk;
mod cli;
mod concurrency;
mod conversations;
mod days;
mod discovery;
mod doctor;
mod documents;
mod faults;
mod feed;
mod harness;
mod history;
mod hostile;
mod isolation;
mod leftovers;
mod limits;
mod logging;
mod metrics;
mod paging;
mod plans;
mod pooler;
mod provisioning;
mod refusals;
mod releases;
mod renewal;
mod resources;
mod rows;
mod scale;
mod scanned;
mod schemas;
mod searchable;
mod shared_database;
mod start;
mod streams;
mod tidy;
mod tightened;
#[cfg(feature = "otlp")]
mod traces;
mod transfer;
mod types;
#[cfg(not(feature = "otlp"))]
mod untraced;
mod upgrade;
mod verify;
mod views;
mod webhooks;
