//! Authentication: bearer tokens, their tenants, and their permissions.
//!
//! A [`Claim`] is the cached result of authentication; it can be out of date. A [`Caller`] was confirmed by the
//! database in this request. A read or a creation under a claim returns the caller, because its first statement
//! confirms the claim; every other write, and every response, requires a caller.

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
