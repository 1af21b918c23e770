//! Results of attempts since the last save of the progress.

use super::attempt::Attempted;
use crate::clock::Timestamp;
use crate::delivery::answer_times::AnswerTimes;
use crate::delivery::lane::{EventKey, Held, Item, Mark, Millis, Progress};
use crate::store::{
    Endpoint, EndpointProgress, EndpointStatus, FailedAttempt, HeldEvent, LaneMark,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// Maximum number of failed attempts per save; later ones are dropped.
const MAX_FAILED: usize = 1_000;

/// Data to be stored.
#[derive(Debug)]
pub(super) struct Unsaved {
    is_dirty: bool,
    accepted: i64,
    last_accepted: Option<Timestamp>,
    times: AnswerTimes,
    failed: Vec<FailedAttempt>,
    status: Option<(EndpointStatus, String, Timestamp)>,
    held: Vec<HeldEvent>,
    released: Vec<(i64, i64)>,
    /// The stored position.
    mark: Mark,
    lanes: BTreeSet<i64>,
}

impl Unsaved {
    pub(super) fn new(stored: &Progress) -> Self {
        Self {
            is_dirty: false,
            accepted: 0,
            last_accepted: None,
            times: AnswerTimes::default(),
            failed: Vec::new(),
            status: None,
            held: Vec::new(),
            released: Vec::new(),
            mark: stored.mark,
            lanes: stored.lanes.keys().copied().collect(),
        }
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    pub(super) fn touch(&mut self) {
        self.is_dirty = true;
    }

    /// Whether the progress differs from the stored one: skipped events advance it too.
    pub(super) fn differs(&self, progress: &Progress) -> bool {
        let lanes = progress.lanes.keys().copied();
        progress.mark != self.mark || !self.lanes.iter().copied().eq(lanes)
    }

    pub(super) fn accepted(&mut self, now: Timestamp, took: Duration) {
        self.accepted += 1;
        self.last_accepted = Some(now);
        self.times.note(now, took);
    }

    pub(super) fn status(&mut self, status: EndpointStatus, why: String, now: Timestamp) {
        self.status = Some((status, why, now));
        self.is_dirty = true;
    }

    pub(super) fn failed(
        &mut self,
        item: &Item,
        attempted: &Attempted,
        attempt: u32,
        now: Timestamp,
    ) {
        if self.failed.len() >= MAX_FAILED {
            return;
        }
        let reply = attempted.reply.as_ref();
        let text = reply.map(|reply| reply.text.as_str()).unwrap_or_default();
        let error = if text.is_empty() {
            &attempted.error
        } else {
            text
        };
        // Attempts of one event have different end times.
        self.failed.push(FailedAttempt {
            at: now,
            event: item.event.clone(),
            status: reply.map(|reply| i64::from(reply.status)),
            error: error.to_owned(),
            attempt: i64::from(attempt),
        });
    }

    /// Adds parked events. Times of the monotonic clock are converted to times of the system clock.
    pub(super) fn take(
        &mut self,
        held: Vec<Held>,
        released: Vec<EventKey>,
        (millis, now): (Millis, Timestamp),
    ) {
        let due = |due: Millis| {
            let ahead = i64::try_from(due.saturating_sub(millis)).unwrap_or(i64::MAX / 1_000);
            Timestamp::from_micros(now.as_micros() + ahead * 1_000)
        };
        let held = held.into_iter().map(|held| HeldEvent {
            position: held.item.key.position,
            part: held.item.key.part,
            tenant: held.item.tenant,
            resource: held.item.resource,
            event: held.item.event,
            attempts: i64::from(held.attempts),
            due: held.due.map(due),
            failed: held.has_failed.then_some(now),
        });
        // Earlier data that could not be stored is replaced.
        for held in held {
            self.forget(held.position, held.part);
            self.held.push(held);
        }
        for key in released {
            self.forget(key.position, key.part);
            self.released.push((key.position, key.part));
        }
    }

    fn forget(&mut self, position: i64, part: i64) {
        self.held
            .retain(|held| (held.position, held.part) != (position, part));
        self.released.retain(|key| *key != (position, part));
    }

    /// The record of a progress.
    pub(super) fn progress(&self, endpoint: &Endpoint, progress: &Progress) -> EndpointProgress {
        let lanes = progress.lanes.iter();
        let gone = self.lanes.iter();
        EndpointProgress {
            endpoint: endpoint.number,
            rewinds: endpoint.rewinds,
            position: progress.mark.position,
            parts: progress.mark.parts,
            accepted: self.accepted,
            last_accepted: self.last_accepted,
            times: self.times.counts(),
            status: self.status.clone(),
            lanes: lanes
                .map(|(tenant, mark)| LaneMark {
                    tenant: *tenant,
                    position: mark.position,
                    parts: mark.parts,
                })
                .collect(),
            joined: gone
                .filter(|tenant| !progress.lanes.contains_key(tenant))
                .copied()
                .collect(),
            held: self.held.clone(),
            released: self.released.clone(),
            failed: self.failed.clone(),
        }
    }

    /// Marks everything as stored.
    pub(super) fn saved(&mut self, progress: &Progress) {
        *self = Self::new(progress);
    }
}
