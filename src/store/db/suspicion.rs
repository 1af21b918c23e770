//! The state of an unresponsive PostgreSQL. While it lasts, requests are refused at once instead of waiting, and one
//! task probes PostgreSQL until it responds ([`crate::store::db::probe`]).

use crate::store::db::error::StoreError;
use std::sync::Arc;
use tokio::sync::watch;

/// The purpose for which a connection is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Purpose {
    /// Statements that only read.
    Read,
    /// Statements that commit.
    Write,
}

/// The known availability of PostgreSQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Availability {
    /// PostgreSQL responds, as far as known.
    #[default]
    Full,
    /// PostgreSQL responds but does not confirm commits: its synchronous standby does not respond.
    ReadOnly,
    /// PostgreSQL does not respond.
    None,
}

#[derive(Debug, Default)]
struct State {
    availability: Availability,
    is_probed: bool,
}

/// The state that all connections share.
#[derive(Debug, Default)]
pub(in crate::store) struct Suspicion(watch::Sender<State>);

/// The task of probing PostgreSQL until it responds. There is one at a time; the suspicion ends when it is dropped.
#[derive(Debug)]
pub(in crate::store) struct Probing(Arc<Suspicion>);

impl Availability {
    fn refuses(self, purpose: Purpose) -> bool {
        match self {
            Self::Full => false,
            Self::ReadOnly => purpose == Purpose::Write,
            Self::None => true,
        }
    }
}

impl Suspicion {
    /// Waits for work, as long as its purpose is not refused.
    ///
    /// # Errors
    /// The errors of the work; [`StoreError::Suspected`] as soon as its purpose is refused.
    pub(in crate::store) async fn unless_refused<T>(
        &self,
        purpose: Purpose,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut state = self.0.subscribe();
        tokio::select! {
            biased;
            // The sender exists as long as `self`.
            _ = state.wait_for(|state| state.availability.refuses(purpose)) => Err(StoreError::Suspected),
            outcome = work => outcome,
        }
    }

    /// Whether work of a purpose is refused.
    pub(in crate::store) fn refuses(&self, purpose: Purpose) -> bool {
        self.0.borrow().availability.refuses(purpose)
    }

    /// Refuses requests from now on. Returns the probing task if there is none.
    pub(in crate::store) fn raise(self: &Arc<Self>) -> Option<Probing> {
        let was = self.set(Availability::None);
        if was != Availability::None {
            tracing::warn!("PostgreSQL does not respond: requests get 503 until it does");
        }
        self.probe()
    }

    /// The probing task, if there is none, while requests continue.
    pub(in crate::store) fn probe(self: &Arc<Self>) -> Option<Probing> {
        let mut is_new = false;
        self.0.send_modify(|state| {
            is_new = !state.is_probed;
            state.is_probed = true;
        });
        is_new.then(|| Probing(self.clone()))
    }

    /// Sets the availability; returns the previous one.
    fn set(&self, availability: Availability) -> Availability {
        let mut was = availability;
        self.0
            .send_modify(|state| was = std::mem::replace(&mut state.availability, availability));
        was
    }
}

impl Probing {
    /// PostgreSQL responds but has not confirmed a commit: reads continue, writes are refused.
    pub(in crate::store) fn reads_answer(&self) {
        if self.0.set(Availability::ReadOnly) != Availability::ReadOnly {
            tracing::warn!(
                "PostgreSQL responds but does not confirm a commit, for example because its synchronous standby does not respond: writes get 503 until it does"
            );
        }
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        let mut was = Availability::Full;
        self.0.0.send_modify(|state| {
            was = std::mem::take(state).availability;
        });
        match was {
            Availability::Full => {}
            Availability::ReadOnly => tracing::info!("PostgreSQL confirms commits again"),
            Availability::None => tracing::info!("PostgreSQL responds again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    async fn refused(suspicion: &Suspicion, purpose: Purpose) -> bool {
        let work = pending::<Result<(), StoreError>>();
        matches!(
            suspicion.unless_refused(purpose, work).await,
            Err(StoreError::Suspected)
        )
    }

    #[tokio::test]
    async fn one_task_probes_while_requests_are_refused() {
        let suspicion = Arc::new(Suspicion::default());
        let waiting = refused(&suspicion, Purpose::Read);
        let raising = async { suspicion.raise().unwrap() };
        let (is_refused, probing) = tokio::join!(waiting, raising);
        assert!(is_refused && suspicion.raise().is_none() && suspicion.probe().is_none());
        assert!(refused(&suspicion, Purpose::Write).await);
        drop(probing);
        assert!(!suspicion.refuses(Purpose::Write));
        let searching = suspicion.probe().unwrap();
        assert!(!suspicion.refuses(Purpose::Write));
        assert!(suspicion.raise().is_none() && suspicion.refuses(Purpose::Read));
        drop(searching);
        assert!(!suspicion.refuses(Purpose::Read));
    }

    #[tokio::test]
    async fn writes_are_refused_until_a_commit_is_confirmed() {
        let suspicion = Arc::new(Suspicion::default());
        let probing = suspicion.raise().unwrap();
        probing.reads_answer();
        assert!(!suspicion.refuses(Purpose::Read) && refused(&suspicion, Purpose::Write).await);
        // PostgreSQL stops responding in between, and responds again.
        assert!(suspicion.raise().is_none() && suspicion.refuses(Purpose::Read));
        probing.reads_answer();
        drop(probing);
        assert!(!suspicion.refuses(Purpose::Write));
    }
}
