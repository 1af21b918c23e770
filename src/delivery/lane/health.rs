//! The health of a receiver, derived from the outcomes of attempts.

use super::item::{EventKey, Millis, Stream};
use quick_cache::unsync::Cache;
use std::collections::HashSet;

/// Pauses between the attempts to reach a failing receiver; the last one is repeated.
const PROBES: [Millis; 6] = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/// Number of consecutive failures, for at least two resources, after which a receiver is failing.
const ROW: usize = 5;

/// Number of resources whose events are used to probe a failing receiver.
pub(super) const PROBED: usize = 5;

/// Number of events without response that are remembered; the least used ones are evicted.
const SILENT: usize = 1_000;

/// The health of a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReceiverHealth {
    /// Events are accepted.
    Active,
    /// Events are not accepted at present, with the reason.
    Failing(&'static str),
    /// The receiver responded that it is gone for good.
    Gone,
}

#[derive(Debug)]
pub(super) struct HealthState {
    health: ReceiverHealth,
    /// Failures since the last accepted event, and their resources.
    row: usize,
    streams: HashSet<Stream>,
    /// Time of the last accepted event.
    accepted: Option<Millis>,
    /// Times of the last attempts without response, by event.
    silent: Cache<EventKey, Millis>,
    probes: usize,
    probe_at: Millis,
}

impl HealthState {
    pub(super) fn new(is_failing: bool) -> Self {
        let health = if is_failing {
            ReceiverHealth::Failing("it was failing before")
        } else {
            ReceiverHealth::Active
        };
        Self {
            health,
            row: 0,
            streams: HashSet::new(),
            accepted: None,
            silent: Cache::new(SILENT),
            probes: 0,
            probe_at: 0,
        }
    }

    pub(super) fn get(&self) -> &ReceiverHealth {
        &self.health
    }

    /// Whether only single attempts are made.
    pub(super) fn is_failing(&self) -> bool {
        self.health != ReceiverHealth::Active
    }

    pub(super) fn may_probe(&self, now: Millis) -> bool {
        self.probe_at().is_some_and(|at| at <= now)
    }

    /// Time of the next attempt to reach a failing receiver.
    pub(super) fn probe_at(&self) -> Option<Millis> {
        matches!(self.health, ReceiverHealth::Failing(_)).then_some(self.probe_at)
    }

    /// The index of the event with which the receiver is probed.
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
        if self.health != ReceiverHealth::Gone {
            self.health = ReceiverHealth::Active;
        }
    }

    /// Handles a failed attempt; returns whether the receiver is the cause rather than the event.
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
            // The event got no response twice, and others were accepted in between: the event is the cause.
            let before = self.silent.peek(&key).copied();
            self.silent.insert(key, now);
            let hangs = before.is_some_and(|before| self.accepted.is_some_and(|at| at >= before));
            (!hangs).then_some("it does not respond")
        };
        if let Some(why) = why {
            self.fail(why, now, random);
        }
        why.is_some()
    }

    /// Handles a repeated failure of one event: a failing receiver is probed after a longer pause.
    pub(super) fn refused_again(&mut self, now: Millis, random: u32) {
        // Attempts that were running when the receiver failed are not counted.
        if self.may_probe(now) {
            self.probes += 1;
            self.probe_later(now, random);
        }
    }

    fn fail(&mut self, why: &'static str, now: Millis, random: u32) {
        self.health = ReceiverHealth::Failing(why);
        self.probes = 0;
        self.probe_later(now, random);
    }

    /// Too many events are parked.
    pub(super) fn overflow(&mut self, now: Millis, random: u32) {
        if self.health == ReceiverHealth::Active {
            self.fail("10000 events were refused", now, random);
        }
    }

    pub(super) fn gone(&mut self) {
        self.health = ReceiverHealth::Gone;
    }

    /// The next attempt follows after an increasing pause, with a random variation of up to a fifth.
    fn probe_later(&mut self, now: Millis, random: u32) {
        let pause = PROBES.get(self.probes).or(PROBES.last());
        let spread = 800 + u64::from(random) % 401;
        self.probe_at = now + pause.copied().unwrap_or_default() * spread / 1_000;
    }
}
