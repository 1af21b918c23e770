//! Requests beyond the limits of their token: the log records one per second of each token, with the number of the
//! others, so that a persistent client does not fill the log of its tenant.

use crate::sync::locked;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Minimum time between two recorded requests of one token.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// The tokens with recent refusals because of too many requests, and the entries to be recorded.
#[derive(Debug)]
pub(super) struct Repeats<T>(Mutex<HashMap<Arc<str>, Repeat<T>>>);

/// The entry to be recorded, and the number of requests that are not recorded.
pub(super) type Kept<T> = (T, u64);

#[derive(Debug)]
struct Repeat<T> {
    /// Time of the last recorded request.
    since: Instant,
    /// The number of later requests, and the last of them.
    count: u64,
    last: Option<T>,
}

impl<T> Default for Repeats<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Repeats<T> {
    /// Adds a request of a token; returns the entry to be recorded now.
    pub(super) fn sift(&self, token: Arc<str>, request: T, now: Instant) -> Option<Kept<T>> {
        let mut tokens = locked(&self.0);
        let Some(repeat) = tokens.get_mut(&token) else {
            let repeat = Repeat {
                since: now,
                count: 0,
                last: None,
            };
            tokens.insert(token, repeat);
            return Some((request, 0));
        };
        repeat.count += 1;
        repeat.last = Some(request);
        repeat.due(now)
    }

    /// The entries to be recorded at a time, of tokens without recent requests.
    pub(super) fn due(&self, now: Instant) -> Vec<Kept<T>> {
        let mut tokens = locked(&self.0);
        let due = tokens
            .values_mut()
            .filter_map(|repeat| repeat.due(now))
            .collect();
        tokens.retain(|_, repeat| repeat.last.is_some() || !repeat.is_over(now));
        due
    }

    /// Whether no entry can become due.
    pub(super) fn is_empty(&self) -> bool {
        locked(&self.0).is_empty()
    }
}

impl<T> Repeat<T> {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= PAUSE
    }

    fn due(&mut self, now: Instant) -> Option<Kept<T>> {
        if !self.is_over(now) {
            return None;
        }
        let last = self.last.take()?;
        self.since = now;
        Some((last, std::mem::take(&mut self.count) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_per_second_is_recorded_with_the_number_of_others() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let sift = |request, at| repeats.sift("a".into(), request, at);
        assert_eq!(sift(1, start), Some((1, 0)));
        assert_eq!((sift(2, start), sift(3, start)), (None, None));
        assert_eq!(sift(4, start + PAUSE), Some((4, 2)));
        assert_eq!(sift(5, start + PAUSE), None);
        assert_eq!(repeats.due(start + PAUSE), []);
        assert_eq!(repeats.due(start + 2 * PAUSE), [(5, 0)]);
        assert!(!repeats.is_empty());
        assert_eq!(repeats.due(start + 3 * PAUSE), []);
        assert!(repeats.is_empty());
    }
}
