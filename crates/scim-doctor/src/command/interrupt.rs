//! The signals that end the command.

use super::DoctorError;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, which do not end the process while this exists.
#[derive(Debug)]
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub(super) fn watch() -> Result<Self, DoctorError> {
        let watch = |kind| {
            signal(kind)
                .map_err(|error| DoctorError::Failed(format!("cannot watch signals: {error}")))
        };
        Ok(Self {
            interrupt: watch(SignalKind::interrupt())?,
            terminate: watch(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal. Cancel safe: a signal is not lost.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
