//! Parked events: a refused event waits with the later events of its resource behind it, and is retried after
//! increasing pauses. Finally it is marked as failed, and the next one is sent.

use super::item::{DeliveryOrder, EventKey, Item, Millis, Stream};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;

/// Pauses before the attempts after the first.
pub(crate) const RETRIES: [Millis; 10] = [
    SECOND,
    5 * SECOND,
    30 * SECOND,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    10 * HOUR,
];

/// The pause after a number of attempts.
pub(crate) fn pause_after(attempts: u32) -> Millis {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let last = RETRIES.last().copied().unwrap_or(HOUR);
    RETRIES.get(index).copied().unwrap_or(last)
}

/// A parked event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The event.
    pub(crate) item: Item,
    /// Number of attempts.
    pub(crate) attempts: u32,
    /// Time of the next attempt; `None` while it waits behind another event of its resource.
    pub(crate) due: Option<Millis>,
    /// Whether it has failed.
    pub(crate) has_failed: bool,
}

/// All parked events.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    held: BTreeMap<EventKey, Held>,
    /// Keys by sequence, in order.
    queues: HashMap<Stream, VecDeque<EventKey>>,
    due: BTreeSet<(Millis, EventKey)>,
    /// Changes since the last save; failed events are only here.
    changed: BTreeSet<EventKey>,
    failed: Vec<Held>,
}

impl Waiting {
    /// Restores the stored events. The first one of each resource is due.
    pub(super) fn new(held: Vec<Held>, order: DeliveryOrder) -> Self {
        let mut waiting = Self::default();
        let held: BTreeMap<EventKey, Held> =
            held.into_iter().map(|held| (held.item.key, held)).collect();
        for (key, held) in held {
            let stream = order.stream_of(&held.item);
            let queue = waiting.queues.entry(stream).or_default();
            queue.push_back(key);
            if queue.len() == 1 {
                waiting.due.insert((held.due.unwrap_or(0), key));
            }
            waiting.held.insert(key, held);
        }
        waiting
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether an event is parked.
    pub(super) fn holds(&self, key: EventKey) -> bool {
        self.held.contains_key(&key)
    }

    pub(super) fn attempts_of(&self, key: EventKey) -> u32 {
        self.held.get(&key).map_or(0, |held| held.attempts)
    }

    /// Whether an event of the sequence is parked.
    pub(super) fn has(&self, stream: Stream) -> bool {
        self.queues.contains_key(&stream)
    }

    /// Removes an event that is due.
    pub(super) fn due(&mut self, now: Millis) -> Option<Item> {
        let first = self.due.first().copied()?;
        (first.0 <= now).then(|| self.first()).flatten()
    }

    /// Removes the event that is due first.
    pub(super) fn first(&mut self) -> Option<Item> {
        let (_, key) = self.due.pop_first()?;
        self.held.get(&key).map(|held| held.item.clone())
    }

    pub(super) fn next_due(&self) -> Option<Millis> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Adds an event behind another one of its resource.
    pub(super) fn behind(&mut self, stream: Stream, item: Item) {
        self.queues.entry(stream).or_default().push_back(item.key);
        self.changed.insert(item.key);
        let held = Held {
            item,
            attempts: 0,
            due: None,
            has_failed: false,
        };
        self.held.insert(held.item.key, held);
    }

    /// Handles the refusal of a parked or new event.
    pub(super) fn refused(&mut self, stream: Stream, item: Item, now: Millis) {
        let key = item.key;
        if !self.holds(key) {
            self.behind(stream, item);
        }
        let Some(held) = self.held.get_mut(&key) else {
            return;
        };
        let pause = usize::try_from(held.attempts).ok();
        held.attempts += 1;
        let pause = pause.and_then(|attempts| RETRIES.get(attempts));
        let Some(pause) = pause else {
            return self.fail(stream, key, now);
        };
        held.due = Some(now + pause);
        self.due.insert((now + pause, key));
        self.changed.insert(key);
    }

    /// Marks an event as failed at once.
    pub(super) fn give_up(&mut self, stream: Stream, item: Item, now: Millis) {
        let key = item.key;
        if self.holds(key) {
            if let Some(held) = self.held.get_mut(&key) {
                held.attempts += 1;
            }
            self.fail(stream, key, now);
        } else {
            self.failed.push(Held {
                item,
                attempts: 1,
                due: None,
                has_failed: true,
            });
        }
    }

    fn fail(&mut self, stream: Stream, key: EventKey, now: Millis) {
        if let Some(mut held) = self.held.remove(&key) {
            held.has_failed = true;
            held.due = None;
            self.failed.push(held);
        }
        self.changed.remove(&key);
        self.advance(stream, key, now);
    }

    pub(super) fn accepted(&mut self, stream: Stream, key: EventKey, now: Millis) {
        self.held.remove(&key);
        self.changed.insert(key);
        self.advance(stream, key, now);
    }

    /// Makes the next event of the resource due.
    fn advance(&mut self, stream: Stream, done: EventKey, now: Millis) {
        let Some(queue) = self.queues.get_mut(&stream) else {
            return;
        };
        queue.retain(|key| *key != done);
        let Some(next) = queue.front().copied() else {
            self.queues.remove(&stream);
            return;
        };
        if let Some(held) = self.held.get_mut(&next) {
            held.due = Some(now);
            self.due.insert((now, next));
            self.changed.insert(next);
        }
    }

    /// Returns an event whose attempt is not counted.
    pub(super) fn put_back(&mut self, key: EventKey) {
        if let Some(held) = self.held.get(&key) {
            self.due.insert((held.due.unwrap_or(0), key));
        }
    }

    pub(super) fn take_changes(&mut self) -> (Vec<Held>, Vec<EventKey>) {
        let mut stored = std::mem::take(&mut self.failed);
        let mut deleted = Vec::new();
        for key in std::mem::take(&mut self.changed) {
            match self.held.get(&key) {
                Some(held) => stored.push(held.clone()),
                None => deleted.push(key),
            }
        }
        (stored, deleted)
    }
}
