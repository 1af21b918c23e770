//! The change feed: changes as events in one order, for the application.
//!
//! The store has each change with its position ([`crate::store`]); this module converts a change to an [`Event`], with
//! the columns of the directory, their previous values, and the SCIM representation at that time. The text of an event
//! is always the same, except for changes whose state was not stored.

mod bootstrap;
mod build;
mod cursor;
mod event;
mod event_type;
mod id;
mod page;
mod previous;
mod reader;
mod record;

pub(crate) use bootstrap::{ResourcesQuery, SweepPlace};
pub(crate) use cursor::Cursor;
pub use cursor::FeedPosition;
pub use event::{Event, Payload};
pub(crate) use event::{EventData, MemberChanges, Subject};
#[cfg(test)]
pub(crate) use event_type::EventType;
pub use event_type::TypePatterns;
pub(crate) use page::FeedPage;
pub use page::PageQuery;
pub use reader::{Feed, FeedError};
