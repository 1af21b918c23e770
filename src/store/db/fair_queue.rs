//! A queue that serves tenants round robin: a tenant with many waiting requests does not delay the requests of others.
//!
//! The pools of connections ([`crate::store::db::fair_semaphore`]) and the writer of SQLite
//! ([`crate::store::db::sqlite_writer`]) use it.

use crate::store::db::args::Arg;
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Time for which a tenant is active after its last request.
pub(in crate::store) const ACTIVE: Duration = Duration::from_secs(10);

/// The unit of fairness: each tenant is one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) enum Flow {
    /// The requests of a tenant.
    Tenant(i64),
    /// Lookups of one token, before its tenant is known; a hash of the token's lookup key.
    Token(u64),
    /// Statements that belong to no tenant.
    Server,
}

/// Database ids of tenants.
const TENANTS: RangeInclusive<i64> = 1..=0x7fff_ffff;

impl Flow {
    /// The flow of a statement, by its first value: the tenant or, before that is known, a token. A number outside of
    /// the range of tenants, such as a time, belongs to a statement of the server.
    pub(in crate::store) fn of(values: &[Arg]) -> Self {
        match values.first() {
            Some(Arg::Int(tenant)) if TENANTS.contains(tenant) => Self::Tenant(*tenant),
            Some(Arg::Text(text)) => {
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                Self::Token(hasher.finish())
            }
            _ => Self::Server,
        }
    }
}

/// Items that wait, by flow. Flows are served round robin, the items of one flow in the order of their arrival.
#[derive(Debug)]
pub(in crate::store) struct FairQueue<T> {
    waiting: HashMap<Flow, VecDeque<T>, RandomState>,
    /// The flows with waiting items; the first one is served next.
    order: VecDeque<Flow>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            waiting: HashMap::default(),
            order: VecDeque::new(),
        }
    }
}

impl<T> FairQueue<T> {
    /// Adds an item behind those of its flow.
    pub(in crate::store) fn push(&mut self, flow: Flow, item: T) {
        let items = self.waiting.entry(flow).or_default();
        if items.is_empty() {
            self.order.push_back(flow);
        }
        items.push_back(item);
    }

    /// Removes the next item whose flow `may_begin`; such a flow then goes behind all others. Items for which
    /// `is_abandoned` holds are dropped without using the turn of their flow.
    pub(in crate::store) fn pop(
        &mut self,
        may_begin: impl Fn(Flow) -> bool,
        is_abandoned: impl Fn(&T) -> bool,
    ) -> Option<(Flow, T)> {
        let mut at = 0;
        while let Some(&flow) = self.order.get(at) {
            if !may_begin(flow) {
                at += 1;
                continue;
            }
            self.order.remove(at);
            let Some(items) = self.waiting.get_mut(&flow) else {
                continue;
            };
            while items.front().is_some_and(&is_abandoned) {
                items.pop_front();
            }
            let item = items.pop_front();
            if items.is_empty() {
                self.waiting.remove(&flow);
            } else {
                self.order.push_back(flow);
            }
            if let Some(item) = item {
                return Some((flow, item));
            }
        }
        None
    }

    /// Number of items of a flow that wait.
    pub(in crate::store) fn len_of(&self, flow: Flow) -> usize {
        self.waiting.get(&flow).map_or(0, VecDeque::len)
    }

    /// Whether no item waits.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

/// Which tenants had requests lately. A tenant gets a smaller share while others are active, so that the
/// resources that others need are free when their requests arrive.
#[derive(Debug, Default)]
pub(in crate::store) struct ActiveTenants {
    /// The tenant of the last request.
    last: Option<(i64, Instant)>,
    /// The last request of any other tenant.
    other: Option<(i64, Instant)>,
}

impl ActiveTenants {
    /// Notes that a request of a flow arrived.
    pub(in crate::store) fn note(&mut self, flow: Flow, now: Instant) {
        let Flow::Tenant(tenant) = flow else { return };
        if let Some(last) = self.last
            && last.0 != tenant
        {
            self.other = Some(last);
        }
        self.last = Some((tenant, now));
    }

    /// Whether a tenant other than that of the flow is active.
    pub(in crate::store) fn has_other_than(&self, flow: Flow, now: Instant) -> bool {
        [self.last, self.other]
            .into_iter()
            .flatten()
            .any(|(tenant, at)| {
                Flow::Tenant(tenant) != flow && now.saturating_duration_since(at) < ACTIVE
            })
    }

    /// Whether several tenants are active.
    pub(in crate::store) fn are_several(&self, now: Instant) -> bool {
        self.last
            .is_some_and(|(tenant, _)| self.has_other_than(Flow::Tenant(tenant), now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Flow = Flow::Tenant(1);
    const TWO: Flow = Flow::Tenant(2);
    const THREE: Flow = Flow::Tenant(3);

    fn drain(queue: &mut FairQueue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop(|_| true, |item| *item == 0).map(|(_, item)| item))
            .collect()
    }

    #[test]
    fn a_moment_is_no_tenant() {
        assert_eq!(Flow::of(&[Arg::Int(1)]), ONE);
        for number in [0, -1, 1_800_000_000_000_000] {
            assert_eq!(Flow::of(&[Arg::Int(number)]), Flow::Server, "{number}");
        }
    }

    #[test]
    fn flows_are_served_round_robin() {
        let mut queue = FairQueue::default();
        for (flow, item) in [
            (ONE, 10),
            (ONE, 11),
            (ONE, 12),
            (TWO, 20),
            (THREE, 30),
            (TWO, 21),
        ] {
            queue.push(flow, item);
        }
        assert_eq!(queue.len_of(ONE), 3);
        assert_eq!(drain(&mut queue), [10, 20, 30, 11, 21, 12]);
        assert!(queue.is_empty() && queue.waiting.is_empty());
    }

    #[test]
    fn a_late_flow_waits_for_one_item_of_each_other() {
        let mut queue = FairQueue::default();
        (10..20).for_each(|item| queue.push(ONE, item));
        assert_eq!(queue.pop(|_| true, |_| false), Some((ONE, 10)));
        queue.push(TWO, 20);
        assert_eq!(queue.pop(|_| true, |_| false), Some((ONE, 11)));
        assert_eq!(queue.pop(|_| true, |_| false), Some((TWO, 20)));
    }

    #[test]
    fn a_flow_that_may_not_begin_keeps_its_place() {
        let mut queue = FairQueue::default();
        for (flow, item) in [(ONE, 10), (TWO, 20), (THREE, 30)] {
            queue.push(flow, item);
        }
        assert_eq!(queue.pop(|flow| flow != ONE, |_| false), Some((TWO, 20)));
        assert_eq!(queue.pop(|_| false, |_| false), None);
        assert_eq!(drain(&mut queue), [10, 30]);
    }

    #[test]
    fn abandoned_items_are_skipped() {
        let mut queue = FairQueue::default();
        for (flow, item) in [(ONE, 0), (ONE, 11), (TWO, 0), (THREE, 30)] {
            queue.push(flow, item);
        }
        assert_eq!(drain(&mut queue), [11, 30]);
        assert!(queue.is_empty() && queue.waiting.is_empty());
    }

    #[test]
    fn a_tenant_is_active_for_a_while() {
        let (mut active, start) = (ActiveTenants::default(), Instant::now());
        active.note(ONE, start);
        active.note(Flow::Server, start);
        active.note(Flow::Token(7), start);
        assert!(!active.has_other_than(ONE, start) && !active.are_several(start));
        active.note(TWO, start);
        active.note(ONE, start + ACTIVE / 2);
        active.note(ONE, start + ACTIVE / 2);
        assert!(active.has_other_than(ONE, start + ACTIVE / 2));
        assert!(active.are_several(start + ACTIVE / 2));
        assert!(!active.has_other_than(ONE, start + ACTIVE));
        assert!(active.has_other_than(TWO, start + ACTIVE));
    }
}
