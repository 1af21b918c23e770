//! The change feed over HTTP, below `/feed/v1`, for the application. Every refusal is a problem (RFC 9457).

mod app;
mod poll;
mod problem;
mod query;

pub use app::{FeedApp, PREFIX};
