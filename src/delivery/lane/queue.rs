//! The ready and running events of one tenant.

use super::item::{EventKey, Item, Mark, Millis};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use uuid::Uuid;

/// The ready and running events of one tenant.
#[derive(Debug)]
pub(crate) struct Lane {
    /// By resource, in order.
    streams: HashMap<Uuid, VecDeque<Item>>,
    /// The first event of each resource without a running event.
    free: BTreeSet<(EventKey, Uuid)>,
    /// All ready and running events, with the times at which they were read.
    open: BTreeMap<EventKey, Millis>,
    /// The last completed event.
    high: Option<EventKey>,
    /// The part that was read.
    covered: Mark,
    is_own: bool,
    /// Whether its progress is stored separately from that of the endpoint.
    has_row: bool,
}

impl Lane {
    pub(super) fn new(covered: Mark) -> Self {
        Self {
            streams: HashMap::new(),
            free: BTreeSet::new(),
            open: BTreeMap::new(),
            high: None,
            covered,
            is_own: false,
            has_row: false,
        }
    }

    /// A lane with separately stored progress.
    pub(super) fn with_reader(covered: Mark) -> Self {
        Self {
            is_own: true,
            has_row: true,
            ..Self::new(covered)
        }
    }

    /// Whether it has a separate reader.
    pub(super) fn is_own(&self) -> bool {
        self.is_own
    }

    /// Position of its separate reader.
    pub(super) fn own_reader(&self) -> Option<i64> {
        self.is_own.then_some(self.covered.position)
    }

    pub(super) fn give_reader(&mut self) {
        self.is_own = true;
        self.has_row = true;
    }

    /// Updates the positions of the separate and the common reader.
    pub(super) fn has_read(&mut self, upto: i64, common: i64) {
        self.covered = self.covered.max(Mark::at(upto));
        if self.is_own && upto >= common {
            self.is_own = false;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Age of the oldest open event.
    pub(super) fn age(&self, now: Millis) -> Millis {
        let oldest = self.open.first_key_value();
        oldest.map_or(0, |(_, since)| now.saturating_sub(*since))
    }

    /// Whether an event is new to the lane; marks it as read.
    pub(super) fn covers(&mut self, key: EventKey) -> bool {
        if self.covered.includes(key) {
            return false;
        }
        self.covered = Mark {
            position: key.position - 1,
            parts: key.part,
        };
        true
    }

    pub(super) fn push(&mut self, stream: Uuid, item: Item, is_free: bool, now: Millis) {
        self.open.insert(item.key, now);
        let queue = self.streams.entry(stream).or_default();
        if queue.is_empty() && is_free {
            self.free.insert((item.key, stream));
        }
        queue.push_back(item);
    }

    /// Removes the oldest event that can be sent.
    pub(super) fn take(&mut self) -> Option<Item> {
        let (_, stream) = self.free.pop_first()?;
        self.pop(stream)
    }

    /// Removes an event that can be sent.
    pub(super) fn take_key(&mut self, key: EventKey) -> Option<Item> {
        let mut of_place = self.free.range((key, Uuid::nil())..=(key, Uuid::max()));
        let head = of_place.next().copied()?;
        self.free.remove(&head);
        self.pop(head.1)
    }

    fn pop(&mut self, stream: Uuid) -> Option<Item> {
        let queue = self.streams.get_mut(&stream)?;
        let item = queue.pop_front();
        if queue.is_empty() {
            self.streams.remove(&stream);
        }
        item
    }

    /// The oldest events that can be sent.
    pub(super) fn heads(&self, max: usize) -> impl Iterator<Item = EventKey> {
        self.free.iter().take(max).map(|(key, _)| *key)
    }

    /// Completes a running event.
    pub(super) fn close(&mut self, stream: Uuid, key: EventKey) {
        self.open.remove(&key);
        self.high = self.high.max(Some(key));
        self.release(stream);
    }

    fn release(&mut self, stream: Uuid) {
        if let Some(head) = self.streams.get(&stream).and_then(VecDeque::front) {
            self.free.insert((head.key, stream));
        }
    }

    /// Returns a running event to be sent again.
    pub(super) fn put_back(&mut self, stream: Uuid, item: Item) {
        self.streams.entry(stream).or_default().push_front(item);
        self.release(stream);
    }

    /// Removes all events of a resource from the lane.
    pub(super) fn drain(&mut self, stream: Uuid) -> VecDeque<Item> {
        let items = self.streams.remove(&stream).unwrap_or_default();
        for item in &items {
            self.open.remove(&item.key);
            self.free.remove(&(item.key, stream));
            self.high = self.high.max(Some(item.key));
        }
        items
    }

    /// Open events that later ones have overtaken.
    pub(super) fn overtaken(&self) -> impl Iterator<Item = EventKey> {
        let open = self.open.keys().copied();
        open.take_while(|key| Some(*key) < self.high)
    }

    /// Removes the events of resources whose first event is ready and was overtaken.
    pub(super) fn drain_overtaken(&mut self) -> Vec<(Uuid, VecDeque<Item>)> {
        let mut drained = Vec::new();
        while let Some((key, stream)) = self.free.first().copied()
            && Some(key) < self.high
        {
            drained.push((stream, self.drain(stream)));
        }
        drained
    }

    /// Stores the progress of the lane separately, if it differs from that of the endpoint.
    pub(super) fn keep_row(&mut self) {
        self.has_row = true;
    }

    /// The mark before the first open event.
    pub(super) fn first_open(&self) -> Option<Mark> {
        self.open.keys().next().map(|key| Mark::before(*key))
    }

    /// Whether the lane can be dropped.
    pub(super) fn is_idle(&self, mark: Mark) -> bool {
        self.open.is_empty() && !self.is_own && !self.has_row && self.covered <= mark
    }

    /// The mark to store for the lane; `None` if that of the endpoint suffices.
    pub(super) fn row(&mut self, endpoint: Mark, read_to: Mark) -> Option<Mark> {
        // The separate reader may be ahead of the common one.
        let own = if self.is_own {
            self.covered
        } else {
            self.covered.max(read_to)
        };
        let mark = self.first_open().unwrap_or(own);
        self.has_row &= self.is_own || mark != endpoint;
        self.has_row.then_some(mark)
    }
}
