//! The change feed: what was changed, as events in one order, for the application.
//!
//! The store keeps each change with its position ([`crate::store`]); here a change becomes an [`Event`], with the columns
//! of the directory, what they were before, and the resource as a client of SCIM would have read it then. An event is
//! the same text whenever it is made, but for changes whose state was not kept.

mod bootstrap;
mod build;
mod cursor;
mod event;
mod event_type;
mod id;
mod previous;
mod reader;
mod record;

pub(crate) use bootstrap::{ResourcesQuery, SweepPlace};
pub(crate) use cursor::Cursor;
pub use cursor::Place;
pub use event::{Event, Payload};
pub(crate) use event::{EventData, MemberChanges, Subject};
#[cfg(test)]
pub(crate) use event_type::EventType;
pub use event_type::TypePatterns;
pub(crate) use reader::FeedPage;
pub use reader::{Feed, FeedError, PageQuery};
