//! The internal key of resources and changes: type, time and a counter in one number.
//!
//! The server generates it, not the database, so that every row of a create can be sent in one statement, and so that
//! one index is used for joins and for the list of a type in order of creation.

use crate::clock::Timestamp;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::{AtomicI64, Ordering};

/// Bits of the type id start here: 56 bits for time and counter, until 2089.
pub(in crate::store) const TYPE_SHIFT: u32 = 56;
/// Type ids that a key supports.
pub(in crate::store) const TYPE_IDS_IN_KEYS: RangeInclusive<i64> = 1..=127;
/// Bits of the counter within a millisecond; further numbers continue in the next millisecond.
const COUNTER_BITS: u32 = 15;
/// Numbers reserved for dependent changes of one change. With more of them it can conflict with others, and is retried.
const BLOCK: i64 = 2048;
/// 2020-01-01T00:00:00Z in milliseconds.
const EPOCH: i64 = 1_577_836_800_000;
/// The epoch of keys, in microseconds.
pub(in crate::store) const EPOCH_MICROS: i64 = EPOCH * 1000;

/// Generates increasing numbers. Another instance can generate the same one in the same millisecond; the primary key
/// detects that, and the write is retried with the next.
#[derive(Debug)]
pub(in crate::store) struct Sequence {
    last: AtomicI64,
    rounds: AtomicI64,
}

impl Sequence {
    pub(in crate::store) fn new() -> Self {
        Self {
            last: AtomicI64::new(0),
            rounds: AtomicI64::new(0),
        }
    }

    /// The first of a series of numbers that are unique in this process.
    fn next(&self, now: Timestamp, count: i64) -> i64 {
        // Instances start a millisecond with different counters, so equal numbers are rare.
        let jitter = i64::from(getrandom::u32().unwrap_or(0) & ((1 << (COUNTER_BITS - 1)) - 1));
        let fresh = ((now.as_millis() - EPOCH).max(1) << COUNTER_BITS) | jitter;
        let first = |last: i64| {
            if fresh >> COUNTER_BITS > last >> COUNTER_BITS {
                fresh
            } else {
                last + 1
            }
        };
        let newer = |last: i64| Some(first(last) + count - 1);
        match self
            .last
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, newer)
        {
            Ok(last) | Err(last) => first(last),
        }
    }

    /// The key of a new resource of a type.
    pub(in crate::store) fn for_type(&self, type_id: i64, now: Timestamp) -> i64 {
        (type_id << TYPE_SHIFT) | self.next(now, 1)
    }

    /// The next of the rows that share a count, round robin, so that concurrent changes do not wait for the same row.
    pub(in crate::store) fn round_robin(&self, among: i64) -> i64 {
        self.rounds
            .fetch_add(1, Ordering::Relaxed)
            .rem_euclid(among)
    }

    /// The key of a change.
    pub(in crate::store) fn for_change(&self, now: Timestamp) -> i64 {
        self.next(now, 1)
    }

    /// The base number of the dependent changes of a change, which is not one of them.
    pub(in crate::store) fn for_changes(&self, now: Timestamp) -> i64 {
        self.next(now, BLOCK)
    }

    /// The first of the keys of a number of requests in a provisioning log.
    pub(in crate::store) fn for_requests(&self, now: Timestamp, count: i64) -> i64 {
        self.next(now, count.max(1))
    }
}

/// The difference between keys that were generated this number of milliseconds apart.
pub(in crate::store) fn milliseconds(count: i64) -> i64 {
    count << COUNTER_BITS
}

/// The lower bound of the keys of changes and requests at a time or later.
pub(in crate::store) fn moment_of(at: Timestamp) -> i64 {
    (at.as_millis() - EPOCH).max(0) << COUNTER_BITS
}

/// The type that a key belongs to.
pub(in crate::store) fn type_id_of(seq: i64) -> i64 {
    seq >> TYPE_SHIFT
}

/// All keys of a type.
pub(in crate::store) fn keys_of_type(type_id: i64) -> Range<i64> {
    (type_id << TYPE_SHIFT)..((type_id + 1) << TYPE_SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_increase_and_contain_their_type() {
        let sequence = Sequence::new();
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let keys: Vec<_> = (0..100_000).map(|_| sequence.for_type(3, now)).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert!(
            keys.iter()
                .all(|key| type_id_of(*key) == 3 && keys_of_type(3).contains(key))
        );
        assert!(sequence.for_type(3, now.plus_seconds(60)) > keys[99_999]);
    }

    #[test]
    fn reserved_numbers_are_unique() {
        let (sequence, now) = (
            Sequence::new(),
            Timestamp::from_micros(1_800_000_000_000_000),
        );
        let before = sequence.for_change(now);
        let block = sequence.for_changes(now);
        assert_eq!(block, before + 1);
        assert_eq!(sequence.for_change(now), block + BLOCK);
    }
}
