//! Events for ordering, and the progress of their readers.

use crate::keyword::keywords;
use uuid::Uuid;

/// A time in milliseconds of a monotonic clock.
pub(crate) type Millis = u64;

keywords! {
    /// Which events can be sent concurrently.
    DeliveryOrder {
        /// One event per resource.
        Resource = "resource",
        /// One event per tenant, in the order of positions.
        Tenant = "tenant",
    }
}

/// The key of an event: its position, and its part among those of one change, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EventKey {
    /// Position in the feed.
    pub(crate) position: i64,
    /// Part of the change.
    pub(crate) part: i64,
}

/// The progress of an endpoint or a lane: everything up to a position is delivered or parked, and a number of parts of
/// the next position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// The position.
    pub(crate) position: i64,
    /// Parts of the next position.
    pub(crate) parts: i64,
}

impl Mark {
    /// The mark of a reader that has read up to a position.
    pub(crate) fn at(position: i64) -> Self {
        Self { position, parts: 0 }
    }

    /// The mark before an event.
    pub(crate) fn before(key: EventKey) -> Self {
        Self {
            position: key.position - 1,
            parts: key.part - 1,
        }
    }

    /// Whether an event is at or before the mark.
    pub(crate) fn includes(self, key: EventKey) -> bool {
        key.position <= self.position || key.position == self.position + 1 && key.part <= self.parts
    }
}

/// An event for ordering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The key.
    pub(crate) key: EventKey,
    /// Database id of its tenant.
    pub(crate) tenant: i64,
    /// Id of its resource; nil for an event of a tenant.
    pub(crate) resource: Uuid,
    /// Id of the event.
    pub(crate) event: String,
}

/// A sequence of events that are sent one at a time: those of a resource, or of a tenant.
pub(super) type Stream = (i64, Uuid);

impl DeliveryOrder {
    /// The sequence of an event.
    pub(super) fn stream_of(self, item: &Item) -> Stream {
        match self {
            Self::Resource => (item.tenant, item.resource),
            Self::Tenant => (item.tenant, Uuid::nil()),
        }
    }
}
