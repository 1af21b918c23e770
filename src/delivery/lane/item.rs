//! Events as far as their order is concerned, and how far readers of them have come.

use crate::keyword::keywords;
use uuid::Uuid;

/// A moment in milliseconds, of a clock that only grows.
pub(crate) type Millis = u64;

keywords! {
    /// Which events may be sent at once.
    DeliveryOrder {
        /// One of a resource.
        Resource = "resource",
        /// One of a tenant, in the order of positions.
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

/// How far an endpoint or a lane has come: everything up to a position is delivered or waits apart, and so many parts
/// of the position after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// The position.
    pub(crate) position: i64,
    /// Parts of the position after it.
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

    /// Whether an event is behind the mark.
    pub(crate) fn includes(self, key: EventKey) -> bool {
        key.position <= self.position || key.position == self.position + 1 && key.part <= self.parts
    }
}

/// An event as far as its order is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Where it stands.
    pub(crate) key: EventKey,
    /// Number of its tenant.
    pub(crate) tenant: i64,
    /// Id of its resource; nil for what is told of a tenant.
    pub(crate) resource: Uuid,
    /// Id of the event.
    pub(crate) event: String,
}

/// Events of which one at a time is sent: those of a resource, or of a tenant.
pub(super) type Stream = (i64, Uuid);

impl DeliveryOrder {
    /// The events of which one at a time is sent, that an event belongs to.
    pub(super) fn stream_of(self, item: &Item) -> Stream {
        match self {
            Self::Resource => (item.tenant, item.resource),
            Self::Tenant => (item.tenant, Uuid::nil()),
        }
    }
}
