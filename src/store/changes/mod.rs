//! The change log and the order over it, the feed.
//!
//! The log has a row for each change of a resource, written in the batch of the change, and a row for each member that
//! joined or left with it. Only the files of this folder use its tables, `change`, `change_member`, `feed` and `pass`.
//!
//! A change has a number within its tenant, which increases with time, and a position in the feed, which is one order
//! over the changes of all tenants: a reader that sees a position sees all smaller ones, and the versions of a resource
//! are in order. On SQLite a trigger assigns the position at insertion. On PostgreSQL passes assign positions after the
//! commit ([`number`]).

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
pub(in crate::store) use number::NEWEST;
pub(crate) use read::{ChangedMember, FeedEnds, FeedKey, FeedRow};
pub(in crate::store) use retention::{DELETE_ALL, DELETE_SLICE};
pub(in crate::store) use tenant::{SUBJECT_COLUMNS, TenantEvent};
