//! Shutdown of a server: first it announces the end and continues to respond, then it accepts no more connections and
//! waits for running requests, and for those that clients were sending at that moment.

use tokio::sync::watch;

/// The phase of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The server handles requests.
    #[default]
    Serving,
    /// The server handles requests, and closes each connection after the response.
    Leaving,
    /// The server accepts no more connections and waits for running requests. Open connections can send one more.
    Draining,
    /// The server closes idle connections.
    Closing,
}

/// The phase of a server, which its connections watch; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(watch::Receiver<Phase>);

/// An extension of a request: the server is stopping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving;

impl Shutdown {
    /// Creates the shutdown of a running server, and the sender of its phase.
    pub(crate) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, phase) = watch::channel(Phase::default());
        (sender, Self(phase))
    }

    /// The present phase.
    pub(crate) fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Returns when the server is in a later phase.
    pub(crate) async fn after(&mut self, phase: Phase) {
        // An error means that the server has ended.
        let _ = self.0.wait_for(|now| *now > phase).await;
    }
}
