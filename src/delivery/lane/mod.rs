//! In which order the events of an endpoint are sent: a lane for each tenant, taken in turn; within a lane one event
//! of a resource at a time; what is refused waits apart and is tried again later. Without I/O and without a clock:
//! the time is given, in milliseconds that only grow.

mod health;
mod item;
mod queue;
mod waiting;

pub(crate) use health::Health;
pub(crate) use item::DeliveryOrder;
pub(crate) use item::{EventKey, Item, Mark, Millis};
pub(crate) use waiting::{Held, pause_after};

use health::HealthState;
use item::Stream;
use queue::Lane;
use std::collections::{BTreeMap, VecDeque};
use waiting::Waiting;

/// Events that are kept ready beyond those of lanes with a reader of their own.
const WINDOW: usize = 2_000;

/// Events that one read asks for.
const SLICE: usize = 500;

/// Events that all lanes with a reader of their own keep ready.
const OWN_WINDOW: usize = 4_000;

/// Events by which a lane may be behind before it gets a reader of its own.
const LONGEST_LANE: usize = 1_000;

/// Time by which a lane may be behind before it gets a reader of its own.
const OLDEST: Millis = 1_000;

/// Events that wait apart at most; with more the endpoint counts as failing.
const MOST_HELD: usize = 10_000;

/// Longest time for which a receiver may ask to be left alone.
const LONGEST_PAUSE: Millis = 3_600_000;

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has it.
    Accepted,
    /// The receiver answered that it does not take it.
    Refused,
    /// No answer came.
    NoAnswer,
    /// The receiver asks for a pause.
    Pause(Millis),
    /// The receiver will never take it.
    GivenUp,
    /// The receiver is gone for good.
    Gone,
    /// The attempt was cut off by this server.
    CutOff,
}

impl Outcome {
    /// A keyword, for metrics.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::NoAnswer => "no-answer",
            Self::Pause(_) => "pause",
            Self::GivenUp => "given-up",
            Self::Gone => "gone",
            Self::CutOff => "cut-off",
        }
    }
}

/// A page of events that is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageRead {
    /// Number of the tenant whose events are read; `None`: of all.
    pub(crate) tenant: Option<i64>,
    /// The position after which it begins.
    pub(crate) after: i64,
    /// Changes at most.
    pub(crate) limit: usize,
}

/// How far everything has come, to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Of the endpoint.
    pub(crate) mark: Mark,
    /// Of lanes that have come less far or further, by tenant.
    pub(crate) lanes: BTreeMap<i64, Mark>,
}

/// The order of the events of one endpoint.
#[derive(Debug)]
pub(crate) struct Lanes {
    order: DeliveryOrder,
    concurrency: usize,
    /// Where the common reader has come to.
    read_to: i64,
    start: Mark,
    lanes: BTreeMap<i64, Lane>,
    /// Tenants in the order in which they have their turn.
    turns: VecDeque<i64>,
    /// Attempts under way, with the moments at which they began.
    flying: BTreeMap<EventKey, (Item, Millis)>,
    waiting: Waiting,
    health: HealthState,
    paused_until: Millis,
    /// Whether one tenant alone has events here.
    is_of_one_tenant: bool,
}

/// How the events of an endpoint are ordered, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct LanesStart {
    /// Which events may be sent at once.
    pub(crate) order: DeliveryOrder,
    /// Attempts at once.
    pub(crate) concurrency: usize,
    /// Whether one tenant alone has events here.
    pub(crate) is_of_one_tenant: bool,
    /// How far it has come.
    pub(crate) progress: Progress,
    /// What waits apart, with the moments at which it is due.
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
            turns: lanes.keys().copied().collect(),
            lanes,
            flying: BTreeMap::new(),
            waiting: Waiting::new(start.held, start.order),
            health: HealthState::new(start.is_failing),
            paused_until: 0,
            is_of_one_tenant: start.is_of_one_tenant,
        }
    }

    /// The pages that are wanted now. Each is answered with [`Lanes::loaded`].
    pub(crate) fn wanted(&mut self, now: Millis) -> Vec<PageRead> {
        self.give_readers(now);
        let mut wanted = Vec::new();
        if self.waiting.len() >= MOST_HELD {
            return wanted;
        }
        let ready = |is_own: bool| -> usize {
            let lanes = self.lanes.values();
            let lanes = lanes.filter(|lane| lane.is_own() == is_own);
            lanes.map(Lane::len).sum()
        };
        if ready(false) < WINDOW {
            wanted.push(PageRead {
                tenant: None,
                after: self.read_to,
                limit: SLICE,
            });
        }
        let mut room = OWN_WINDOW.saturating_sub(ready(true));
        for tenant in &self.turns {
            if let Some(lane) = self.lanes.get(tenant)
                && let Some(after) = lane.own_reader()
                && lane.len() < SLICE
                && room >= SLICE
            {
                room -= SLICE;
                wanted.push(PageRead {
                    tenant: Some(*tenant),
                    after,
                    limit: SLICE,
                });
            }
        }
        wanted
    }

    /// Takes the events of a page, which holds all up to a position.
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
            self.turns.push_back(tenant);
            Lane::new(self.start)
        });
        if read.tenant.is_none() == lane.is_own() || !lane.covers(item.key) {
            return;
        }
        // Progress that was not stored is made again; what waits apart was stored with more of it.
        if self.waiting.holds(item.key) {
            return;
        }
        if self.waiting.has(stream) {
            self.waiting.behind(stream, item);
        } else {
            let is_free = !self.flying.values().any(|(other, _)| {
                other.tenant == tenant
                    && (self.order == DeliveryOrder::Tenant || other.resource == item.resource)
            });
            lane.push(stream.1, item, is_free, now);
        }
    }

    /// Gives lanes that are far behind a reader of their own, so that the others go on.
    fn give_readers(&mut self, now: Millis) {
        if self.is_of_one_tenant || self.health.is_failing() || now < self.paused_until {
            return;
        }
        for lane in self.lanes.values_mut().filter(|lane| !lane.is_own()) {
            if lane.len() > LONGEST_LANE || lane.age(now) > OLDEST {
                lane.give_reader();
            }
        }
    }

    /// The next event to send, if one may be sent now.
    pub(crate) fn next(&mut self, now: Millis) -> Option<Item> {
        if now < self.paused_until || self.flying.len() >= self.concurrency {
            return None;
        }
        if self.health.is_failing() {
            if !self.flying.is_empty() || !self.health.may_probe(now) {
                return None;
            }
            let item = self.probe()?;
            return Some(self.fly(item, now));
        }
        // What waits apart may be what a receiver hangs on: most of the room is for the rest.
        let held = self.flying.keys().filter(|key| self.waiting.holds(**key));
        if held.count() < self.concurrency.div_ceil(4)
            && let Some(item) = self.waiting.due(now)
        {
            return Some(self.fly(item, now));
        }
        for _ in 0..self.turns.len() {
            self.turns.rotate_left(1);
            let tenant = self.turns.back()?;
            if let Some(item) = self.lanes.get_mut(tenant).and_then(Lane::take) {
                return Some(self.fly(item, now));
            }
        }
        None
    }

    fn fly(&mut self, item: Item, now: Millis) -> Item {
        self.flying.insert(item.key, (item.clone(), now));
        item
    }

    /// The event to try a failing receiver with: the oldest one, later also the oldest of other resources, as the
    /// receiver may hang on one.
    fn probe(&mut self) -> Option<Item> {
        if self.waiting.len() >= MOST_HELD {
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

    /// Takes the outcome of an attempt. `random` spreads the attempts of several instances.
    pub(crate) fn done(&mut self, key: EventKey, outcome: &Outcome, now: Millis, random: u32) {
        let Some((item, _)) = self.flying.remove(&key) else {
            return;
        };
        let stream = self.stream_of(&item);
        let is_held = self.waiting.holds(key);
        match outcome {
            Outcome::Accepted => {
                self.health.accepted(now);
                self.settle(stream, key, is_held, now);
            }
            Outcome::GivenUp => {
                self.health.accepted(now);
                self.waiting.give_up(stream, item, now);
                self.close(stream, key);
            }
            Outcome::Refused if is_held => {
                // That it refuses one event again tells nothing new of the receiver.
                self.health.refused_again(now, random);
                self.waiting.refused(stream, item, now);
            }
            Outcome::Refused | Outcome::NoAnswer => {
                let answered = *outcome == Outcome::Refused;
                let tried = (stream, key);
                if self.health.failed(tried, answered, now, random) {
                    self.put_back(stream, item, is_held);
                } else {
                    self.waiting.refused(stream, item, now);
                    self.hold_back(stream, key);
                }
            }
            Outcome::Pause(pause) => {
                self.paused_until = now + (*pause).min(LONGEST_PAUSE);
                self.put_back(stream, item, is_held);
            }
            Outcome::Gone => {
                self.health.gone();
                self.put_back(stream, item, is_held);
            }
            Outcome::CutOff => self.put_back(stream, item, is_held),
        }
        if self.waiting.len() >= MOST_HELD {
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

    /// An event of a lane is done with.
    fn close(&mut self, stream: Stream, key: EventKey) {
        if let Some(lane) = self.lanes.get_mut(&stream.0) {
            lane.close(stream.1, key);
        }
    }

    /// An event of a lane waits apart, and those after it of its resource behind it.
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

    /// Lets events wait apart that others of their tenant have overtaken, so that progress is not held up: those whose
    /// attempts began before a moment.
    pub(crate) fn set_stragglers_aside(&mut self, before: Millis) {
        let overtaken = self.lanes.values().flat_map(Lane::overtaken);
        let stragglers = overtaken.filter_map(|key| {
            let (item, since) = self.flying.get(&key)?;
            (*since <= before).then(|| item.clone())
        });
        let stragglers: Vec<_> = stragglers.collect();
        for item in stragglers {
            let (stream, key) = (self.stream_of(&item), item.key);
            self.waiting.behind(stream, item);
            self.hold_back(stream, key);
        }
    }

    /// Prepares for the end, so that nothing that was accepted comes again: whatever was overtaken waits apart, and
    /// lanes that have come further than others say so.
    pub(crate) fn finish(&mut self, now: Millis) {
        self.set_stragglers_aside(now);
        for (tenant, lane) in &mut self.lanes {
            lane.keep_row();
            for (stream, items) in lane.drain_overtaken() {
                for item in items {
                    self.waiting.behind((*tenant, stream), item);
                }
            }
        }
    }

    /// How far everything has come.
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
        self.turns.retain(|tenant| lanes_left.contains_key(tenant));
        Progress { mark, lanes }
    }

    /// What waits apart and has changed since this was asked last: what is to be stored, and what is to be deleted.
    pub(crate) fn take_changes(&mut self) -> (Vec<Held>, Vec<EventKey>) {
        self.waiting.take_changes()
    }

    /// Whether the receiver works, as far as is known.
    pub(crate) fn health(&self) -> &Health {
        self.health.get()
    }

    /// When to look again although nothing happens; `None`: not before something does.
    pub(crate) fn wake_at(&self, now: Millis) -> Option<Millis> {
        let due = if self.health.is_failing() {
            self.health.probe_at()
        } else {
            self.waiting.next_due()
        };
        let pause = Some(self.paused_until).filter(|until| *until > now);
        due.map(|due| due.max(self.paused_until)).or(pause)
    }

    /// Whether nothing is to be sent, now or later, of what was read.
    pub(crate) fn is_at_rest(&self, now: Millis) -> bool {
        self.lanes.is_empty()
            && self.flying.is_empty()
            && self.waiting.len() == 0
            && self.wake_at(now).is_none()
    }

    /// Attempts so far of an event that waits apart; 0 of any other.
    pub(crate) fn attempts_of(&self, key: EventKey) -> u32 {
        self.waiting.attempts_of(key)
    }

    /// Events that wait apart.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests;
