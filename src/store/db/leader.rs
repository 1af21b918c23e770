//! Queues of those who want something alike: whoever comes first serves all who come meanwhile.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What waits, by kind. A kind is there as long as somebody serves it.
#[derive(Debug)]
pub(in crate::store) struct Queues<K, T>(Mutex<HashMap<K, Vec<T>>>);

/// The duty to serve a kind until nothing of it waits. What waits when it is dropped before that is
/// dropped with it.
#[derive(Debug)]
pub(in crate::store) struct Duty<K: Eq + Hash, T> {
    queues: Arc<Queues<K, T>>,
    kind: K,
    is_over: bool,
}

impl<K, T> Default for Queues<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, T> Queues<K, T> {
    /// Adds one to those that wait. The duty to serve them comes back if nobody has it.
    pub(in crate::store) fn join(self: &Arc<Self>, kind: K, one: T) -> Option<Duty<K, T>> {
        let mut waiting = self.lock();
        if let Some(others) = waiting.get_mut(&kind) {
            others.push(one);
            return None;
        }
        waiting.insert(kind.clone(), vec![one]);
        Some(Duty {
            queues: self.clone(),
            kind,
            is_over: false,
        })
    }
}

impl<K, T> Queues<K, T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Vec<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, T> Duty<K, T> {
    pub(in crate::store) fn kind(&self) -> &K {
        &self.kind
    }

    /// What `take` takes of those that wait; `None`, and the end of the duty, if nobody does.
    pub(in crate::store) fn next(
        &mut self,
        take: impl FnOnce(&mut Vec<T>) -> Vec<T>,
    ) -> Option<Vec<T>> {
        let mut waiting = self.queues.lock();
        match waiting.get_mut(&self.kind) {
            Some(those) if !those.is_empty() => Some(take(those)),
            _ => {
                waiting.remove(&self.kind);
                self.is_over = true;
                None
            }
        }
    }
}

impl<K: Eq + Hash, T> Drop for Duty<K, T> {
    fn drop(&mut self) {
        if !self.is_over {
            self.queues.lock().remove(&self.kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_serves_those_who_come_meanwhile() {
        let queues = Arc::new(Queues::default());
        let mut duty = queues.join("a", 1).unwrap();
        assert!(queues.join("a", 2).is_none() && queues.join("b", 7).is_some());
        assert_eq!(duty.next(|those| those.drain(..1).collect()), Some(vec![1]));
        assert!(queues.join("a", 3).is_none());
        assert_eq!(duty.next(std::mem::take), Some(vec![2, 3]));
        assert_eq!(duty.next(std::mem::take), None);
        let next = queues.join("a", 4);
        drop(duty);
        assert!(next.is_some() && queues.join("a", 5).is_none());
    }

    #[test]
    fn a_duty_that_ends_early_leaves_nobody_waiting() {
        let queues = Arc::new(Queues::default());
        let duty = queues.join("a", Arc::new(1)).unwrap();
        let second = Arc::new(2);
        assert!(queues.join("a", second.clone()).is_none());
        drop(duty);
        assert_eq!(Arc::strong_count(&second), 1);
        assert!(queues.join("a", second).is_some());
    }
}
