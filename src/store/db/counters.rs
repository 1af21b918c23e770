//! How often the shortcuts of the store are taken: coalescing, retries, the fast path of reads.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that grows.
#[derive(Debug, Default)]
pub(in crate::store) struct Counter(AtomicU64);

/// Requests that ran in groups.
#[derive(Debug, Default)]
pub(in crate::store) struct Groups {
    groups: Counter,
    requests: Counter,
}

/// The counters of one open database; since it was opened.
#[derive(Debug, Default)]
pub(in crate::store) struct Counters {
    /// Reads that were coalesced on PostgreSQL.
    pub(in crate::store) reads_coalesced: Groups,
    /// Changes of one member that were coalesced.
    pub(in crate::store) member_changes_coalesced: Groups,
    /// Creations, replacements and deletions that were made together.
    pub(in crate::store) writes_gathered: Groups,
    /// Batches that shared a commit of SQLite.
    pub(in crate::store) commits_shared: Groups,
    /// Reads that ran again because their connection was broken.
    pub(in crate::store) reads_retried: Counter,
    /// Batches that ran again because another transaction was in the way.
    pub(in crate::store) writes_retried: Counter,
    /// Reads that the fast path answered.
    pub(in crate::store) fast_reads: Counter,
    /// Reads that the fast path could not answer.
    pub(in crate::store) fast_reads_missed: Counter,
}

/// What the counters showed at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Statements of PostgreSQL that answered coalescible reads, and the reads.
    pub reads_coalesced: (u64, u64),
    /// Batches that made coalescible changes of one member, and the changes.
    pub member_changes_coalesced: (u64, u64),
    /// Batches that made creations, replacements and deletions, and these writes.
    pub writes_gathered: (u64, u64),
    /// Commits of SQLite, and the batches in them.
    pub commits_shared: (u64, u64),
    /// Reads that ran again because their connection was broken.
    pub reads_retried: u64,
    /// Batches that ran again because another transaction was in the way.
    pub writes_retried: u64,
    /// Reads that the fast path answered, and those that it could not answer.
    pub fast_reads: (u64, u64),
}

impl Counter {
    /// Counts one.
    pub(in crate::store) fn note(&self) {
        self.add(1);
    }

    fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Groups {
    /// Counts a group of so many requests.
    pub(in crate::store) fn note_group(&self, requests: usize) {
        self.groups.note();
        self.requests.add(u64::try_from(requests).unwrap_or(0));
    }

    fn get(&self) -> (u64, u64) {
        (self.groups.get(), self.requests.get())
    }
}

impl Counters {
    /// What they show now.
    pub(in crate::store) fn get(&self) -> StoreCounts {
        StoreCounts {
            reads_coalesced: self.reads_coalesced.get(),
            member_changes_coalesced: self.member_changes_coalesced.get(),
            writes_gathered: self.writes_gathered.get(),
            commits_shared: self.commits_shared.get(),
            reads_retried: self.reads_retried.get(),
            writes_retried: self.writes_retried.get(),
            fast_reads: (self.fast_reads.get(), self.fast_reads_missed.get()),
        }
    }
}
