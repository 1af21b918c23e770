//! The order in which the events of an endpoint are sent. Each tenant has a lane, and lanes are served round robin.
//! Within a lane, one event of a resource is sent at a time. Refused events are parked and retried later. The module
//! has no I/O and no clock: the time is a parameter, in milliseconds of a monotonic clock.

mod health;
mod item;
mod outcome;
mod queue;
mod waiting;

pub(crate) use health::ReceiverHealth;
pub(crate) use item::DeliveryOrder;
pub(crate) use item::{EventKey, Item, Mark, Millis};
pub(crate) use outcome::AttemptOutcome;
pub(crate) use waiting::{Held, pause_after};

use health::HealthState;
use item::Stream;
use queue::Lane;
use std::collections::{BTreeMap, VecDeque};
use waiting::Waiting;

/// Maximum number of ready events, without those of lanes with a separate reader.
const WINDOW: usize = 2_000;

/// Number of events in one read.
const SLICE: usize = 500;

/// Maximum number of ready events of all lanes with a separate reader.
const OWN_WINDOW: usize = 4_000;

/// Number of pending events after which a lane gets a separate reader.
const MAX_LANE_LENGTH: usize = 1_000;

/// Age of the oldest pending event after which a lane gets a separate reader.
const MAX_AGE: Millis = 1_000;

/// Maximum number of parked events; with more the endpoint is failing.
const MAX_HELD: usize = 10_000;

/// Maximum pause that a receiver can request.
const MAX_PAUSE: Millis = 3_600_000;

/// A page of events to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageRead {
    /// Database id of the tenant; `None`: all tenants.
    pub(crate) tenant: Option<i64>,
    /// The position after which it starts.
    pub(crate) after: i64,
    /// Maximum number of changes.
    pub(crate) limit: usize,
}

/// The progress to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The progress of the endpoint.
    pub(crate) mark: Mark,
    /// The progress of lanes that differs from it, by tenant.
    pub(crate) lanes: BTreeMap<i64, Mark>,
}

/// The order of the events of one endpoint.
#[derive(Debug)]
pub(crate) struct Lanes {
    order: DeliveryOrder,
    concurrency: usize,
    /// The position of the common reader.
    read_to: i64,
    start: Mark,
    lanes: BTreeMap<i64, Lane>,
    /// Tenants in the order of their rotation.
    rotation: VecDeque<i64>,
    /// Running attempts, with their start times.
    in_flight: BTreeMap<EventKey, (Item, Millis)>,
    waiting: Waiting,
    health: HealthState,
    paused_until: Millis,
    /// Whether the events are of a single tenant.
    is_of_one_tenant: bool,
}

/// The settings and the stored state of an endpoint.
#[derive(Debug, Clone)]
pub(crate) struct LanesStart {
    /// Which events may be sent at once.
    pub(crate) order: DeliveryOrder,
    /// Maximum number of concurrent attempts.
    pub(crate) concurrency: usize,
    /// Whether the events are of a single tenant.
    pub(crate) is_of_one_tenant: bool,
    /// The progress.
    pub(crate) progress: Progress,
    /// Parked events, with their due times.
    pub(crate) held: Vec<Held>,
    /// Whether it was failing.
    pub(crate) is_failing: bool,
}

impl Lanes {
    /// The order from a stored state on.
    pub(crate) fn new(start: LanesStart) -> Self {
        let Progress { mark, lanes } = start.progress;
        let lanes = lanes
            .into_iter()
            .map(|(tenant, mark)| (tenant, Lane::with_reader(mark)));
        let lanes: BTreeMap<_, _> = lanes.collect();
        Self {
            order: start.order,
            concurrency: start.concurrency.max(1),
            read_to: mark.position,
            start: mark,
            rotation: lanes.keys().copied().collect(),
            lanes,
            in_flight: BTreeMap::new(),
            waiting: Waiting::new(start.held, start.order),
            health: HealthState::new(start.is_failing),
            paused_until: 0,
            is_of_one_tenant: start.is_of_one_tenant,
        }
    }

    /// The pages to read now. Pass each to [`Lanes::loaded`].
    pub(crate) fn pages_to_read(&mut self, now: Millis) -> Vec<PageRead> {
        self.give_readers(now);
        let mut pages_to_read = Vec::new();
        if self.waiting.len() >= MAX_HELD {
            return pages_to_read;
        }
        let ready = |is_own: bool| -> usize {
            let lanes = self.lanes.values();
            let lanes = lanes.filter(|lane| lane.is_own() == is_own);
            lanes.map(Lane::len).sum()
        };
        if ready(false) < WINDOW {
            pages_to_read.push(PageRead {
                tenant: None,
                after: self.read_to,
                limit: SLICE,
            });
        }
        let mut room = OWN_WINDOW.saturating_sub(ready(true));
        for tenant in &self.rotation {
            if let Some(lane) = self.lanes.get(tenant)
                && let Some(after) = lane.own_reader()
                && lane.len() < SLICE
                && room >= SLICE
            {
                room -= SLICE;
                pages_to_read.push(PageRead {
                    tenant: Some(*tenant),
                    after,
                    limit: SLICE,
                });
            }
        }
        pages_to_read
    }

    /// Numbers of the tenants whose lanes have their own reader.
    pub(crate) fn with_readers(&self) -> impl Iterator<Item = i64> {
        let own = self.lanes.iter().filter(|(_, lane)| lane.is_own());
        own.map(|(tenant, _)| *tenant)
    }

    /// Adds the events of a page, which is complete up to a position.
    pub(crate) fn loaded(&mut self, read: PageRead, items: Vec<Item>, upto: i64, now: Millis) {
        for item in items {
            self.load(read, item, now);
        }
        match read.tenant {
            None => self.read_to = self.read_to.max(upto),
            Some(tenant) => {
                let read_to = self.read_to;
                if let Some(lane) = self.lanes.get_mut(&tenant) {
                    lane.has_read(upto, read_to);
                }
            }
        }
    }

    fn load(&mut self, read: PageRead, item: Item, now: Millis) {
        let (tenant, stream) = (item.tenant, self.stream_of(&item));
        let lane = self.lanes.entry(tenant).or_insert_with(|| {
            self.rotation.push_back(tenant);
            Lane::new(self.start)
        });
        if read.tenant.is_none() == lane.is_own() || !lane.covers(item.key) {
            return;
        }
        // Events after the stored progress are sent again, except parked ones, which may be stored beyond it.
        if self.waiting.holds(item.key) {
            return;
        }
        if self.waiting.has(stream) {
            self.waiting.behind(stream, item);
        } else {
            let is_free = !self.in_flight.values().any(|(other, _)| {
                other.tenant == tenant
                    && (self.order == DeliveryOrder::Tenant || other.resource == item.resource)
            });
            lane.push(stream.1, item, is_free, now);
        }
    }

    /// Assigns separate readers to lanes that are far behind, so that the others continue.
    fn give_readers(&mut self, now: Millis) {
        if self.is_of_one_tenant || self.health.is_failing() || now < self.paused_until {
            return;
        }
        for lane in self.lanes.values_mut().filter(|lane| !lane.is_own()) {
            if lane.len() > MAX_LANE_LENGTH || lane.age(now) > MAX_AGE {
                lane.give_reader();
            }
        }
    }

    /// The next event to send, if any.
    pub(crate) fn next(&mut self, now: Millis) -> Option<Item> {
        if now < self.paused_until || self.in_flight.len() >= self.concurrency {
            return None;
        }
        if self.health.is_failing() {
            if !self.in_flight.is_empty() || !self.health.may_probe(now) {
                return None;
            }
            let item = self.probe()?;
            return Some(self.begin_attempt(item, now));
        }
        // The receiver may not respond to parked events, so most of the concurrency is reserved for other events.
        let held = self
            .in_flight
            .keys()
            .filter(|key| self.waiting.holds(**key));
        if held.count() < self.concurrency.div_ceil(4)
            && let Some(item) = self.waiting.due(now)
        {
            return Some(self.begin_attempt(item, now));
        }
        for _ in 0..self.rotation.len() {
            self.rotation.rotate_left(1);
            let tenant = self.rotation.back()?;
            if let Some(item) = self.lanes.get_mut(tenant).and_then(Lane::take) {
                return Some(self.begin_attempt(item, now));
            }
        }
        None
    }

    fn begin_attempt(&mut self, item: Item, now: Millis) -> Item {
        self.in_flight.insert(item.key, (item.clone(), now));
        item
    }

    /// The event for probing a failing receiver: the oldest one, later also the oldest of other resources, because the
    /// receiver may not respond to one of them.
    fn probe(&mut self) -> Option<Item> {
        if self.waiting.len() >= MAX_HELD {
            return self.waiting.first();
        }
        let mut heads: Vec<_> = self
            .lanes
            .iter()
            .flat_map(|(tenant, lane)| {
                let heads = lane.heads(health::PROBED);
                heads.map(move |key| (key, *tenant))
            })
            .collect();
        heads.sort_unstable();
        heads.truncate(health::PROBED);
        let Some((key, tenant)) = heads.get(self.health.probe_index(heads.len())) else {
            return self.waiting.first();
        };
        self.lanes.get_mut(tenant)?.take_key(*key)
    }

    /// Handles the outcome of an attempt. `random` distributes the attempts of several instances.
    pub(crate) fn done(
        &mut self,
        key: EventKey,
        outcome: &AttemptOutcome,
        now: Millis,
        random: u32,
    ) {
        let Some((item, _)) = self.in_flight.remove(&key) else {
            return;
        };
        let stream = self.stream_of(&item);
        let is_held = self.waiting.holds(key);
        match outcome {
            AttemptOutcome::Accepted => {
                self.health.accepted(now);
                self.settle(stream, key, is_held, now);
            }
            AttemptOutcome::GivenUp => {
                self.health.accepted(now);
                self.waiting.give_up(stream, item, now);
                self.close(stream, key);
            }
            AttemptOutcome::Refused if is_held => {
                // A repeated refusal of one event says nothing new about the receiver.
                self.health.refused_again(now, random);
                self.waiting.refused(stream, item, now);
            }
            AttemptOutcome::Refused | AttemptOutcome::NoAnswer => {
                let answered = *outcome == AttemptOutcome::Refused;
                let tried = (stream, key);
                if self.health.failed(tried, answered, now, random) {
                    self.put_back(stream, item, is_held);
                } else {
                    self.waiting.refused(stream, item, now);
                    self.hold_back(stream, key);
                }
            }
            AttemptOutcome::Pause(pause) => {
                self.paused_until = now + (*pause).min(MAX_PAUSE);
                self.put_back(stream, item, is_held);
            }
            AttemptOutcome::Gone => {
                self.health.gone();
                self.put_back(stream, item, is_held);
            }
            AttemptOutcome::CutOff => self.put_back(stream, item, is_held),
        }
        if self.waiting.len() >= MAX_HELD {
            self.health.overflow(now, random);
        }
    }

    fn settle(&mut self, stream: Stream, key: EventKey, is_held: bool, now: Millis) {
        if is_held {
            self.waiting.accepted(stream, key, now);
        } else {
            self.close(stream, key);
        }
    }

    /// Completes an event of a lane.
    fn close(&mut self, stream: Stream, key: EventKey) {
        if let Some(lane) = self.lanes.get_mut(&stream.0) {
            lane.close(stream.1, key);
        }
    }

    /// Parks an event of a lane, and later events of its resource behind it.
    fn hold_back(&mut self, stream: Stream, key: EventKey) {
        let Some(lane) = self.lanes.get_mut(&stream.0) else {
            return;
        };
        lane.close(stream.1, key);
        for later in lane.drain(stream.1) {
            self.waiting.behind(stream, later);
        }
    }

    fn put_back(&mut self, stream: Stream, item: Item, is_held: bool) {
        if is_held {
            self.waiting.put_back(item.key);
        } else if let Some(lane) = self.lanes.get_mut(&stream.0) {
            lane.put_back(stream.1, item);
        }
    }

    fn stream_of(&self, item: &Item) -> Stream {
        self.order.stream_of(item)
    }

    /// Parks events whose attempts started before a time and that later events of their tenant have overtaken, so that
    /// they do not block progress.
    pub(crate) fn skip_overdue(&mut self, before: Millis) {
        let overtaken = self.lanes.values().flat_map(Lane::overtaken);
        let stragglers = overtaken.filter_map(|key| {
            let (item, since) = self.in_flight.get(&key)?;
            (*since <= before).then(|| item.clone())
        });
        let stragglers: Vec<_> = stragglers.collect();
        for item in stragglers {
            let (stream, key) = (self.stream_of(&item), item.key);
            self.waiting.behind(stream, item);
            self.hold_back(stream, key);
        }
    }

    /// Prepares for the end, so that no accepted event is sent again: overtaken events are parked, and lanes that are
    /// ahead store their progress.
    pub(crate) fn finish(&mut self, now: Millis) {
        self.skip_overdue(now);
        for (tenant, lane) in &mut self.lanes {
            lane.keep_row();
            for (stream, items) in lane.drain_overtaken() {
                for item in items {
                    self.waiting.behind((*tenant, stream), item);
                }
            }
        }
    }

    /// The progress of the endpoint and its lanes.
    pub(crate) fn progress(&mut self) -> Progress {
        let common = self.lanes.values().filter(|lane| !lane.is_own());
        let mark = common.filter_map(Lane::first_open).min();
        let read_to = Mark::at(self.read_to);
        let mark = mark.unwrap_or(read_to).max(self.start);
        let lanes = self.lanes.iter_mut();
        let lanes = lanes.filter_map(|(tenant, lane)| Some((*tenant, lane.row(mark, read_to)?)));
        let lanes = lanes.collect();
        self.lanes.retain(|_, lane| !lane.is_idle(mark));
        let lanes_left = &self.lanes;
        self.rotation
            .retain(|tenant| lanes_left.contains_key(tenant));
        Progress { mark, lanes }
    }

    /// Changes of parked events since the last call: events to store, and events to delete.
    pub(crate) fn take_changes(&mut self) -> (Vec<Held>, Vec<EventKey>) {
        self.waiting.take_changes()
    }

    /// The health of the receiver.
    pub(crate) fn health(&self) -> &ReceiverHealth {
        self.health.get()
    }

    /// Time of the next check without an event; `None`: only after an event.
    pub(crate) fn wake_at(&self, now: Millis) -> Option<Millis> {
        let due = if self.health.is_failing() {
            self.health.probe_at()
        } else {
            self.waiting.next_due()
        };
        let pause = Some(self.paused_until).filter(|until| *until > now);
        due.map(|due| due.max(self.paused_until)).or(pause)
    }

    /// Whether there is nothing to send, now or later.
    pub(crate) fn is_at_rest(&self, now: Millis) -> bool {
        self.lanes.is_empty()
            && self.in_flight.is_empty()
            && self.waiting.len() == 0
            && self.wake_at(now).is_none()
    }

    /// Number of attempts of a parked event; 0 for any other.
    pub(crate) fn attempts_of(&self, key: EventKey) -> u32 {
        self.waiting.attempts_of(key)
    }

    /// Number of parked events.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests;
