//! Comparison of acknowledged changes with received events: complete, in order, without duplicates.

use crate::tally::Tally;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// A change of a resource: its id and its version.
pub(super) type Change = (String, u64);

/// An event, with its time of arrival.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) event: String,
    pub(super) tenant: String,
    pub(super) change: Change,
    pub(super) at: Instant,
}

/// The relevant members of an event.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    id: String,
    tenant: String,
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    resource: Option<Resource>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    id: String,
    version: u64,
}

impl Arrival {
    /// An event that arrives now; none if it is not about a resource.
    pub(super) fn now(body: &[u8]) -> Option<Self> {
        Self::of(serde_json::from_slice(body).ok()?, Instant::now())
    }

    pub(super) fn of(event: Event, at: Instant) -> Option<Self> {
        let resource = event.data.resource?;
        Some(Self {
            event: event.id,
            tenant: event.tenant,
            change: (resource.id, resource.version),
            at,
        })
    }
}

/// Acknowledged changes with their times.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) acknowledged: HashMap<Change, Instant>,
    /// Number of failed writes, and the first response.
    pub(super) failed: u64,
    pub(super) first_failed: Option<String>,
}

impl Journal {
    /// Adds the records of another writer.
    pub(super) fn add(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.failed += other.failed;
        self.first_failed = self.first_failed.take().or(other.first_failed);
    }
}

/// The result for the acknowledged changes.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Times from the acknowledgement to the arrival; 0 if it arrived earlier.
    pub(super) times: Tally,
    pub(super) missing: u64,
    pub(super) twice: u64,
    /// First arrivals with a version that is not greater than the previous one.
    pub(super) disordered: u64,
}

impl Verdict {
    pub(super) fn of(journal: &Journal, arrivals: &[Arrival]) -> Self {
        let (mut verdict, mut events) = (Self::default(), HashSet::new());
        let mut versions: HashMap<&str, u64> = HashMap::new();
        let mut first: HashMap<&Change, Instant> = HashMap::new();
        for arrival in arrivals {
            if !events.insert(arrival.event.as_str()) {
                verdict.twice += 1;
                continue;
            }
            let (id, version) = (&arrival.change.0, arrival.change.1);
            let before = versions.insert(id, version);
            verdict.disordered += u64::from(before.is_some_and(|before| before >= version));
            first.entry(&arrival.change).or_insert(arrival.at);
        }
        for (change, acknowledged) in &journal.acknowledged {
            match first.get(change) {
                Some(at) => {
                    let waited = at.saturating_duration_since(*acknowledged);
                    let micros = u32::try_from(waited.as_micros()).unwrap_or(u32::MAX);
                    verdict.times.micros.push(micros);
                }
                None => verdict.missing += 1,
            }
        }
        verdict
    }

    /// Prints it, and counts errors: missing and out of order.
    pub(super) fn show(&self, what: &str) -> u64 {
        println!(
            "{what:<26}{:>8} changes   p50 {:>8.1} ms   p99 {:>8.1} ms   max {:>8.1} ms   missing {}, twice {}, out of order {}",
            self.times.micros.len(),
            self.times.within(0.5),
            self.times.within(0.99),
            self.times.within(1.0),
            self.missing,
            self.twice,
            self.disordered,
        );
        self.missing + self.disordered
    }
}
