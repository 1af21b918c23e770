//! How a server comes to its end: for a while it says so and still answers, then it accepts no more connections and
//! lets the requests under way finish.

use tokio::sync::watch;

/// How far a server is on the way to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The server answers requests.
    #[default]
    Serving,
    /// The server answers requests, and tells every client to go elsewhere.
    Leaving,
    /// The server lets the requests under way finish.
    Draining,
}

/// The phase of a server, which its connections watch; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(watch::Receiver<Phase>);

/// An extension of a request: the server is about to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving;

impl Shutdown {
    /// A server that serves, and what moves it to another phase.
    pub(crate) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, phase) = watch::channel(Phase::default());
        (sender, Self(phase))
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Returns when the server is in a phase after this one.
    pub(crate) async fn after(&mut self, phase: Phase) {
        // An error means that the server is gone.
        let _ = self.0.wait_for(|now| *now > phase).await;
    }
}
