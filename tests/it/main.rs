//! Tests at the edge: the real server on a real socket, on both databases.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod agreement;
mod bulk;
mod cli;
mod concurrency;
mod conversations;
mod doctor;
mod harness;
mod paging;
mod resources;
mod tidy;
mod types;
