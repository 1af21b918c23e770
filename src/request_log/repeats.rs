//! Requests beyond the limits of their token: the log keeps one a second of each token, with the number of the others,
//! so that a client that goes on does not fill the log of its tenant.

use super::context::RequestContext;
use super::recorder::RequestSummary;
use crate::sync::locked;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The least time between two requests of one token that are kept.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// A request that is to be recorded.
pub(super) type Recorded = (RequestSummary, Arc<RequestContext>);

/// The tokens whose requests were refused lately because there were too many.
#[derive(Debug, Default)]
pub(super) struct Repeats(Mutex<HashMap<Arc<str>, Repeat>>);

#[derive(Debug)]
struct Repeat {
    /// When a request was kept last.
    since: Instant,
    /// How many were not kept since then, and the last of them.
    more: u64,
    last: Option<Recorded>,
}

impl Repeats {
    /// The request, if it is to be kept now.
    pub(super) fn sift(
        &self,
        summary: RequestSummary,
        context: &Arc<RequestContext>,
        now: Instant,
    ) -> Option<Recorded> {
        let too_many = (summary.status == 429)
            .then(|| context.proved_token())
            .flatten();
        let recorded = (summary, context.clone());
        let Some(token) = too_many else {
            return Some(recorded);
        };
        let mut tokens = locked(&self.0);
        let Some(repeat) = tokens.get_mut(&token) else {
            tokens.insert(
                token,
                Repeat {
                    since: now,
                    more: 0,
                    last: None,
                },
            );
            return Some(recorded);
        };
        repeat.more += 1;
        repeat.last = Some(recorded);
        repeat.due(now)
    }

    /// Takes the last request of each token for which there was none that was kept for a while.
    pub(super) fn due(&self, now: Instant) -> Vec<Recorded> {
        let mut tokens = locked(&self.0);
        let due = tokens
            .values_mut()
            .filter_map(|repeat| repeat.due(now))
            .collect();
        tokens.retain(|_, repeat| repeat.last.is_some() || !repeat.is_over(now));
        due
    }

    /// Whether there is nothing that may become due.
    pub(super) fn is_empty(&self) -> bool {
        locked(&self.0).is_empty()
    }
}

impl Repeat {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= PAUSE
    }

    fn due(&mut self, now: Instant) -> Option<Recorded> {
        if !self.is_over(now) {
            return None;
        }
        let (mut summary, context) = self.last.take()?;
        let others = std::mem::take(&mut self.more) - 1;
        self.since = now;
        if others > 0 {
            let detail = summary.detail.unwrap_or_default();
            summary.detail = Some(format!(
                "{detail} {others} more requests of this token were refused since its last entry."
            ));
        }
        Some((summary, context))
    }
}
