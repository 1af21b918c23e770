//! The change feed over HTTP, below `/feed/v1`, for the application. Every refusal is a problem (RFC 9457).

mod app;
mod authentication;
mod poll;
mod problem;
mod query;
mod waiting;

pub use app::{FeedApp, PREFIX, refusal};
