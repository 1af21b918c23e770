//! The signals of the server.

use super::failure::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The signal that stops the server; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Returns when the signal was received.
    pub(super) async fn wait(mut self) {
        // An error means that signals are no longer watched; the server stops too.
        let _ = self.0.wait_for(|requested| *requested).await;
    }
}

/// Watches for SIGHUP, which no longer ends the program.
pub(super) fn hangups() -> Result<Signal, Failure> {
    caught(SignalKind::hangup())
}

fn caught(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::Failed(format!("cannot watch signals: {error}")))
}

/// Watches for SIGTERM and SIGINT. The second one ends the program at once.
pub(super) fn stop() -> Result<Stop, Failure> {
    let mut signals = (
        caught(SignalKind::terminate())?,
        caught(SignalKind::interrupt())?,
    );
    let (ask, requested) = watch::channel(false);
    tokio::spawn(async move {
        let signal = next(&mut signals).await;
        tracing::info!(signal, "stopping; waiting for running requests");
        let _ = ask.send(true);
        let signal = next(&mut signals).await;
        tracing::warn!(signal, "stopping at once");
        std::process::exit(1);
    });
    Ok(Stop(requested))
}

async fn next((terminate, interrupt): &mut (Signal, Signal)) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
