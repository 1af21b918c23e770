//! Durations of the statements of each tenant: a tenant with slow ones gets a smaller share while others are active.

use crate::store::db::flow::{ACTIVE, Flow};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Statements that run for longer are slow.
const SLOW: Duration = Duration::from_millis(20);

/// Factor by which the weight of earlier statements decreases with each new one.
const KEPT: f64 = 0.95;

/// Number of tenants with recorded times above which inactive ones are removed.
const FIRST_TIDYING: usize = 128;

/// Times of the latest statements, by tenant.
#[derive(Debug)]
pub(in crate::store) struct StatementTimes {
    tenants: HashMap<i64, Times>,
    tidied_at: usize,
}

/// Weighted sums over the latest statements of a tenant, with decreasing weights.
#[derive(Debug, Clone, Copy)]
struct Times {
    seconds: f64,
    squares: f64,
    last: Instant,
}

impl Default for StatementTimes {
    fn default() -> Self {
        Self {
            tenants: HashMap::new(),
            tidied_at: FIRST_TIDYING,
        }
    }
}

impl StatementTimes {
    /// Adds a statement of a flow that has ended.
    pub(in crate::store) fn add(&mut self, flow: Flow, time: Duration, now: Instant) {
        let Flow::Tenant(tenant) = flow else { return };
        let seconds = time.as_secs_f64();
        let times = self.tenants.entry(tenant).or_insert(Times {
            seconds: 0.0,
            squares: 0.0,
            last: now,
        });
        times.seconds = times.seconds * KEPT + seconds;
        times.squares = times.squares * KEPT + seconds * seconds;
        times.last = now;
        if self.tenants.len() > self.tidied_at {
            self.tenants.retain(|_, times| times.is_current(now));
            self.tidied_at = (2 * self.tenants.len()).max(FIRST_TIDYING);
        }
    }

    /// Whether the statements of the flow are slow on average, weighted by time: a few long statements among many short
    /// ones have an effect, because they run most of the time.
    pub(in crate::store) fn are_slow(&self, flow: Flow, now: Instant) -> bool {
        let Flow::Tenant(tenant) = flow else {
            return false;
        };
        self.tenants.get(&tenant).is_some_and(|times| {
            times.is_current(now) && times.squares > times.seconds * SLOW.as_secs_f64()
        })
    }
}

impl Times {
    fn is_current(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) < ACTIVE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Flow = Flow::Tenant(1);
    const SHORT: Duration = Duration::from_millis(2);
    const LONG: Duration = Duration::from_millis(200);

    #[test]
    fn a_long_statement_among_short_ones_counts() {
        let (mut times, now) = (StatementTimes::default(), Instant::now());
        (0..100).for_each(|_| times.add(ONE, SHORT, now));
        assert!(!times.are_slow(ONE, now));
        times.add(ONE, LONG, now);
        assert!(times.are_slow(ONE, now));
        (0..10).for_each(|_| times.add(ONE, SHORT, now));
        assert!(times.are_slow(ONE, now));
        (0..100).for_each(|_| times.add(ONE, SHORT, now));
        assert!(!times.are_slow(ONE, now), "that was long ago");
    }

    #[test]
    fn times_of_inactive_tenants_are_removed() {
        let (mut times, now) = (StatementTimes::default(), Instant::now());
        times.add(ONE, LONG, now);
        times.add(Flow::Server, LONG, now);
        assert!(!times.are_slow(Flow::Tenant(2), now) && !times.are_slow(Flow::Server, now));
        assert!(!times.are_slow(ONE, now + ACTIVE));
        for tenant in 0..1000 {
            times.add(
                Flow::Tenant(tenant),
                LONG,
                now + ACTIVE * u32::try_from(tenant).unwrap(),
            );
        }
        assert!(times.tenants.len() <= FIRST_TIDYING + 1);
    }
}
