//! Who calls: bearer tokens, the tenants that they belong to, and what these may do.
//!
//! A [`Claim`] is what a token stood for when it was read last; it may be out of date. A [`Caller`] is
//! what the database has said in this request. What is read or created under a claim gives the
//! caller, because its first statement proves the claim; every other write, and every answer, takes
//! a caller.

mod authenticate;
mod caller_cache;
pub(crate) mod catalogs;
mod claim;
mod feed_reader;
mod handle;
mod last_uses;
mod near_miss;
pub mod token;
mod unproved;

pub(crate) use claim::{Claim, Confirmed, Identity, answered, url_of_tenant};

pub use claim::Caller;
pub(crate) use feed_reader::{FeedReader, FeedRefusal};
pub(crate) use handle::Access;
pub(crate) use near_miss::Traced;
