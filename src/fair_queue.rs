//! A queue that serves flows round robin: one with many waiting items does not delay the items of others. Flows are the
//! clients of a listener or the tenants of a database.

use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Items that wait, by flow. Flows are served round robin, the items of one flow in the order of their arrival.
#[derive(Debug)]
pub(crate) struct FairQueue<F, T> {
    waiting: HashMap<F, VecDeque<T>, RandomState>,
    /// The flows with waiting items; the first one is served next.
    order: VecDeque<F>,
}

impl<F, T> Default for FairQueue<F, T> {
    fn default() -> Self {
        Self {
            waiting: HashMap::default(),
            order: VecDeque::new(),
        }
    }
}

impl<F: Copy + Eq + Hash, T> FairQueue<F, T> {
    /// Adds an item behind those of its flow.
    pub(crate) fn push(&mut self, flow: F, item: T) {
        let items = self.waiting.entry(flow).or_default();
        if items.is_empty() {
            self.order.push_back(flow);
        }
        items.push_back(item);
    }

    /// Removes the next item whose flow `may_begin`; such a flow then goes behind all others. Items for which
    /// `is_abandoned` holds are dropped without using the turn of their flow.
    pub(crate) fn pop(
        &mut self,
        may_begin: impl Fn(F) -> bool,
        is_abandoned: impl Fn(&T) -> bool,
    ) -> Option<(F, T)> {
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

    /// Drops the items of a flow that fail a test.
    pub(crate) fn retain(&mut self, flow: F, keeps: impl FnMut(&T) -> bool) {
        let Some(items) = self.waiting.get_mut(&flow) else {
            return;
        };
        items.retain(keeps);
        if items.is_empty() {
            self.waiting.remove(&flow);
            self.order.retain(|other| *other != flow);
        }
    }

    /// Number of items of a flow that wait.
    pub(crate) fn len_of(&self, flow: F) -> usize {
        self.waiting.get(&flow).map_or(0, VecDeque::len)
    }

    /// Whether no item waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: char = '1';
    const TWO: char = '2';
    const THREE: char = '3';

    fn drain(queue: &mut FairQueue<char, u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop(|_| true, |item| *item == 0).map(|(_, item)| item))
            .collect()
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
    fn a_flow_that_cannot_begin_keeps_its_position() {
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
    fn items_are_dropped_from_one_flow() {
        let mut queue = FairQueue::default();
        for (flow, item) in [(ONE, 10), (ONE, 11), (TWO, 20), (TWO, 21)] {
            queue.push(flow, item);
        }
        queue.retain(ONE, |item| *item == 11);
        queue.retain(TWO, |_| false);
        queue.retain(THREE, |_| false);
        assert_eq!((queue.len_of(ONE), queue.len_of(TWO)), (1, 0));
        queue.push(TWO, 22);
        assert_eq!(queue.order, [ONE, TWO]);
        assert_eq!(drain(&mut queue), [11, 22]);
        assert!(queue.is_empty() && queue.waiting.is_empty());
    }
}
