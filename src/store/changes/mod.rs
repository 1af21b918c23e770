//! The change log and the order over it, the feed.
//!
//! The log has a row for each change of a resource, written in the batch that makes the change, and a row for each
//! member that joined or left with it. The files of this folder alone name its tables, `change`, `change_member`,
//! `feed` and `pass`.
//!
//! A change has a number of its tenant, which grows with the time at which the change was made, and a position in the
//! feed, which is one order over the changes of all tenants: whoever sees a position sees all smaller ones, and of one
//! resource versions follow each other. SQLite numbers a change with its insertion, by a trigger. PostgreSQL numbers
//! changes after their commit, in passes ([`number`]).

pub(in crate::store) mod append;
mod history;
mod number;
mod pending;
mod read;
mod retention;
mod tenant;
mod verify;
pub(in crate::store) mod views;

pub(in crate::store) use append::last_deletions;
pub(crate) use append::{AuditedChange, Author, ChangeAction};
pub use history::ResourceChange;
pub(in crate::store) use read::NEWEST;
pub(crate) use read::{ChangedMember, FeedEnds, FeedKey, FeedRow};
pub(in crate::store) use retention::{DELETE_ALL, DELETE_SLICE};
pub(in crate::store) use tenant::{TOLD, TenantNews};
