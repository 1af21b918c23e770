//! Polling for new entries.

use super::place::Management;
use crate::cli::failure::Failure;
use crate::cli::output::print_message;
use crate::cli::signals::Stop;
use std::time::Duration;
use tokio::time::sleep;

/// Poll intervals of a database and of a server.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_OF_SERVER: Duration = Duration::from_secs(1);

/// The state of following.
#[derive(Debug, Default)]
pub(in crate::cli) struct Following {
    is_away: bool,
}

impl Following {
    /// Waits until the next poll; false when the command is stopped.
    pub(in crate::cli) async fn pause(&self, management: &Management<'_>, stop: Stop) -> bool {
        let pause = match management {
            Management::Here(_) => PAUSE,
            Management::There(_) => PAUSE_OF_SERVER,
        };
        tokio::select! {
            () = sleep(pause) => true,
            () = stop.wait() => false,
        }
    }

    /// The result; `None` while the database or server is unavailable, which is reported once.
    pub(in crate::cli) fn settle<T>(
        &mut self,
        looked: Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let outcome = match looked {
            Ok(found) => {
                self.is_away = false;
                return Ok(Some(found));
            }
            Err(Failure::Refused(refusal)) if refusal.is_away() => {
                "The database is not reachable".to_owned()
            }
            Err(Failure::Unanswered(message)) => message,
            Err(failure) => return Err(failure),
        };
        if !self.is_away {
            print_message(&format!("{outcome}; trying again."));
        }
        self.is_away = true;
        Ok(None)
    }
}
