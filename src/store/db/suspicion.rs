//! Whether PostgreSQL is known not to answer. While it is, requests are refused at once instead of
//! waiting, and one task asks it until it answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The state that all connections share.
#[derive(Debug, Default)]
pub(in crate::store) struct Suspicion {
    state: Mutex<State>,
    raised: Notify,
}

#[derive(Debug, Default)]
struct State {
    is_raised: bool,
    is_asked: bool,
}

/// The duty to ask PostgreSQL until it answers. There is one at a time; the suspicion is over when it
/// is dropped.
#[derive(Debug)]
pub(in crate::store) struct Asking(Arc<Suspicion>);

impl Suspicion {
    /// Whether requests are to be refused.
    pub(in crate::store) fn is_raised(&self) -> bool {
        self.state().is_raised
    }

    /// Ends as soon as the suspicion is raised after this call.
    pub(in crate::store) fn raised(&self) -> Notified<'_> {
        self.raised.notified()
    }

    /// Refuses requests from now on. The duty to ask comes back if nobody has it.
    pub(in crate::store) fn raise(self: &Arc<Self>) -> Option<Asking> {
        let mut state = self.state();
        let is_new = !std::mem::replace(&mut state.is_raised, true);
        let asking = self.begin(&mut state);
        drop(state);
        if is_new {
            self.raised.notify_waiters();
            tracing::warn!("PostgreSQL does not answer: requests get 503 until it does");
        }
        asking
    }

    /// The duty to ask, if nobody has it, while requests go on.
    pub(in crate::store) fn ask(self: &Arc<Self>) -> Option<Asking> {
        self.begin(&mut self.state())
    }

    fn begin(self: &Arc<Self>, state: &mut State) -> Option<Asking> {
        let is_asked = std::mem::replace(&mut state.is_asked, true);
        (!is_asked).then(|| Asking(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let state = std::mem::take(&mut *self.0.state());
        if state.is_raised {
            tracing::info!("PostgreSQL answers again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_asks_while_the_others_are_refused() {
        let suspicion = Arc::new(Suspicion::default());
        let raised = suspicion.raised();
        let asking = suspicion.raise().unwrap();
        raised.await;
        assert!(suspicion.is_raised() && suspicion.raise().is_none() && suspicion.ask().is_none());
        drop(asking);
        assert!(!suspicion.is_raised());
        let searching = suspicion.ask().unwrap();
        assert!(!suspicion.is_raised() && suspicion.raise().is_none() && suspicion.is_raised());
        drop(searching);
        assert!(!suspicion.is_raised());
    }
}
