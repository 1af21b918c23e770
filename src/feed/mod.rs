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
mod previous;
mod reader;
mod record;

pub use bootstrap::{ResourcePage, ResourcesQuery, SweepPlace};
pub use cursor::{Cursor, Place};
pub use event::{Event, EventData, MemberChanges, Payload, Subject, TenantChanged};
pub use event_type::{EventType, TypePatterns};
pub use reader::{Feed, FeedError, FeedPage, PageQuery};
