//! Response times of receivers: counts by duration for slices of time, from which percentiles are computed.

use crate::clock::Timestamp;
use crate::store::DeliveryTime;
use std::collections::BTreeMap;
use std::time::Duration;

/// Length of a slice in microseconds.
const SLICE: i64 = 300_000_000;

/// Time range of the percentiles in seconds.
pub(super) const SHOWN: i64 = 3_600;

/// Buckets for each doubling of the duration: a percentile is at most a fifth too high.
const PER_DOUBLING: f64 = 4.0;

/// Counts of attempts.
#[derive(Debug, Default)]
pub(super) struct AnswerTimes(BTreeMap<(i64, i64), i64>);

/// Percentiles of the durations of attempts, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// The median.
    pub p50: i64,
    /// The 99th percentile.
    pub p99: i64,
}

impl AnswerTimes {
    /// Counts an attempt that ended at a time.
    pub(super) fn note(&mut self, now: Timestamp, took: Duration) {
        let since = now.as_micros().div_euclid(SLICE) * SLICE;
        *self.0.entry((since, bucket(took))).or_default() += 1;
    }

    /// The counts.
    pub(super) fn counts(&self) -> Vec<DeliveryTime> {
        let counts = self.0.iter();
        let counts = counts.map(|((since, bucket), attempts)| DeliveryTime {
            since: *since,
            bucket: *bucket,
            attempts: *attempts,
        });
        counts.collect()
    }
}

/// The start of the oldest slice that is included at a time.
pub(super) fn shown_since(now: Timestamp) -> Timestamp {
    let oldest = now.plus_seconds(-SHOWN).as_micros();
    Timestamp::from_micros(oldest.div_euclid(SLICE) * SLICE)
}

/// The percentiles of counts by bucket, shortest first; `None` without counts.
pub(super) fn percentiles(counts: &[(i64, i64)]) -> Option<Percentiles> {
    let total: i64 = counts.iter().map(|(_, attempts)| attempts).sum();
    let at = |percent: i64| {
        // Rounded up, so that the upper_bound of few attempts is included.
        let rank = (total * percent + 99) / 100;
        let mut seen = 0;
        let found = counts.iter().find(|(_, attempts)| {
            seen += attempts;
            seen >= rank
        });
        found.map(|(bucket, _)| upper_bound(*bucket))
    };
    (total > 0).then_some(())?;
    Some(Percentiles {
        p50: at(50)?,
        p99: at(99)?,
    })
}

/// The bucket of a duration: the first one whose upper bound is not shorter.
fn bucket(took: Duration) -> i64 {
    let millis = took.as_secs_f64() * 1_000.0;
    let number = (millis.max(1.0).log2() * PER_DOUBLING).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an attempt takes at most a minute"
    )]
    let number = number as i64;
    number
}

/// The upper bound of a bucket, in milliseconds.
fn upper_bound(bucket: i64) -> i64 {
    #[expect(clippy::cast_precision_loss, reason = "buckets are few")]
    let doublings = bucket as f64 / PER_DOUBLING;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an attempt takes at most a minute"
    )]
    let millis = doublings.exp2().ceil() as i64;
    millis
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: &[u64]) -> Option<Percentiles> {
        let mut times = AnswerTimes::default();
        for took in millis {
            times.note(Timestamp::from_micros(0), Duration::from_millis(*took));
        }
        let counts = times.counts().into_iter();
        let counts: Vec<_> = counts.map(|one| (one.bucket, one.attempts)).collect();
        percentiles(&counts)
    }

    #[test]
    fn percentiles_are_at_most_a_fifth_too_long() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[0]), Some(Percentiles { p50: 1, p99: 1 }));
        for took in [1_u64, 2, 3, 7, 80, 999, 15_000, 60_000] {
            let shown = of(&[took]).unwrap().p50;
            let exact = i64::try_from(took).unwrap();
            assert!(
                shown >= exact && shown <= exact + exact / 5 + 1,
                "{took}: {shown}"
            );
        }
        let mut many = vec![5; 98];
        many.extend([400, 400]);
        let Percentiles { p50, p99 } = of(&many).unwrap();
        assert!(
            (5..=6).contains(&p50) && (400..=480).contains(&p99),
            "{p50} {p99}"
        );
    }

    #[test]
    fn slices_are_separate() {
        let mut times = AnswerTimes::default();
        for minute in [0, 1, 6] {
            let now = Timestamp::from_micros(minute * 60_000_000);
            times.note(now, Duration::from_millis(4));
        }
        let counts = times.counts();
        let shown: Vec<_> = counts.iter().map(|one| (one.since, one.attempts)).collect();
        assert_eq!(shown, [(0, 2), (SLICE, 1)]);
        let now = Timestamp::from_micros(7_200_000_001);
        assert_eq!(shown_since(now).as_micros(), 3_600_000_000);
    }
}
