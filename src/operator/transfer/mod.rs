//! Export and import of resources as JSON Lines, to move to another database, keep a copy, or migrate from another
//! server; backup of the embedded database.
//!
//! A line is a resource in its SCIM representation, without values that depend on the server's address. Members of a
//! large group continue on separate lines after it. Unreadable values are under [`format::OWN`].

mod backup;
mod export;
mod format;
mod import;
mod imported;
mod jsonl;
mod memberships;
mod record;
mod spill;
mod twins;

pub use export::{ExportRequest, Exported};
pub use import::{ImportRequest, ImportStep, OnError};
pub(crate) use imported::Counts;
pub use imported::Imported;
