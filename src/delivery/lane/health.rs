//! Whether a receiver works: told by what becomes of attempts.

use super::item::{EventKey, Millis, Stream};
use std::collections::{HashMap, HashSet};

/// Pauses between the attempts to reach a failing receiver; the last one stays.
const PROBES: [Millis; 6] = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/// Failures in a row, of two resources or more, after which a receiver is failing.
const ROW: usize = 5;

/// Resources with whose events a failing receiver is tried.
pub(super) const PROBED: usize = 5;

/// Whether a receiver works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    /// Events are taken.
    Active,
    /// None are taken at present, with the reason.
    Failing(&'static str),
    /// None will be taken any more, it said.
    Gone,
}

#[derive(Debug)]
pub(super) struct HealthState {
    health: Health,
    /// Failures since something was accepted, and of which resources.
    row: usize,
    streams: HashSet<Stream>,
    /// When something was accepted last.
    accepted: Option<Millis>,
    /// When events that got no answer were tried last.
    silent: HashMap<EventKey, Millis>,
    probes: usize,
    probe_at: Millis,
}

impl HealthState {
    pub(super) fn new(is_failing: bool) -> Self {
        let health = if is_failing {
            Health::Failing("it was failing before")
        } else {
            Health::Active
        };
        Self {
            health,
            row: 0,
            streams: HashSet::new(),
            accepted: None,
            silent: HashMap::new(),
            probes: 0,
            probe_at: 0,
        }
    }

    pub(super) fn get(&self) -> &Health {
        &self.health
    }

    /// Whether nothing but single attempts are made.
    pub(super) fn is_failing(&self) -> bool {
        self.health != Health::Active
    }

    pub(super) fn may_probe(&self, now: Millis) -> bool {
        self.probe_at().is_some_and(|at| at <= now)
    }

    /// When the next attempt to reach a failing receiver is made.
    pub(super) fn probe_at(&self) -> Option<Millis> {
        matches!(self.health, Health::Failing(_)).then_some(self.probe_at)
    }

    /// Which of the events at hand the receiver is tried with.
    pub(super) fn probe_index(&self, choice: usize) -> usize {
        if self.probes < 2 || choice == 0 {
            0
        } else {
            self.probes % choice
        }
    }

    pub(super) fn accepted(&mut self, now: Millis) {
        self.accepted = Some(now);
        self.row = 0;
        self.streams.clear();
        self.probes = 0;
        if self.health != Health::Gone {
            self.health = Health::Active;
        }
    }

    /// An attempt failed; whether that is the receiver's fault rather than that of the event.
    pub(super) fn failed(
        &mut self,
        (stream, key): (Stream, EventKey),
        answered: bool,
        now: Millis,
        random: u32,
    ) -> bool {
        self.row += 1;
        self.streams.insert(stream);
        if self.is_failing() {
            self.refused_again(now, random);
            self.silent.insert(key, now);
            return true;
        }
        let why = if answered {
            let is_all = self.row >= ROW && self.streams.len() >= 2;
            is_all.then_some("it refuses every event")
        } else {
            // An event that got no answer before, while others were accepted since, is what it hangs on.
            let before = self.silent.insert(key, now);
            let hangs = before.is_some_and(|before| self.accepted.is_some_and(|at| at >= before));
            (!hangs).then_some("it does not answer")
        };
        if self.silent.len() > 1_000 {
            self.silent.clear();
        }
        if let Some(why) = why {
            self.fail(why, now, random);
        }
        why.is_some()
    }

    /// An attempt failed that tells nothing new: a failing receiver is tried after a longer pause.
    pub(super) fn refused_again(&mut self, now: Millis, random: u32) {
        // Attempts that were under way when the receiver failed do not count.
        if self.may_probe(now) {
            self.probes += 1;
            self.probe_later(now, random);
        }
    }

    fn fail(&mut self, why: &'static str, now: Millis, random: u32) {
        self.health = Health::Failing(why);
        self.probes = 0;
        self.probe_later(now, random);
    }

    /// Too many events wait apart.
    pub(super) fn overflow(&mut self, now: Millis, random: u32) {
        if self.health == Health::Active {
            self.fail("10000 events were refused", now, random);
        }
    }

    pub(super) fn gone(&mut self) {
        self.health = Health::Gone;
    }

    /// The next attempt comes after a pause that is longer each time, up to a fifth more or less.
    fn probe_later(&mut self, now: Millis, random: u32) {
        let pause = PROBES.get(self.probes).or(PROBES.last());
        let spread = 800 + u64::from(random) % 401;
        self.probe_at = now + pause.copied().unwrap_or_default() * spread / 1_000;
    }
}
