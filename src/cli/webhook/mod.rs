//! `scimd webhook`.

mod add;
mod set;

use super::endpoint::{EndpointsAt, change, failures, list};
use super::failure::Failure;
use super::management::Place;
use crate::store::EndpointKind;
use clap::Subcommand;
use std::io::Write;

/// Commands of `scimd webhook`.
#[derive(Debug, Subcommand)]
pub(super) enum Webhook {
    /// Creates a webhook and prints its secret, or its public key, once
    Add(add::Add),
    /// Lists webhooks with their progress
    List(list::List),
    /// Shows a webhook
    Show(list::Show),
    /// Changes settings of a webhook
    Set(set::Set),
    /// Sends the event scimd.test immediately, and shows the result
    Test(change::Test),
    /// Sends nothing to a webhook until it is resumed
    Pause(change::Named),
    /// Resumes sending, where it stopped or from another position
    Resume(change::Resume),
    /// Deletes a webhook with its pending events
    Remove(change::Remove),
    /// Generates a new secret and prints it; the old one stays valid for a period
    Rotate(set::Rotate),
    /// Sends events again from a position; later events follow in order
    Replay(change::Replay),
    /// Lists failed events
    Failed(failures::Failed),
    /// Retries failed events
    Retry(failures::Retry),
    /// Shows attempts that failed
    Log(failures::Log),
}

impl Webhook {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        let these = EndpointsAt {
            management: &place.open().await?,
            kind: EndpointKind::Webhook,
        };
        match self {
            Self::Add(add) => add.run(these, out).await,
            Self::List(list) => list.run(these, out).await,
            Self::Show(show) => show.run(these, out).await,
            Self::Set(set) => set.run(these).await,
            Self::Test(test) => test.run(these, out).await,
            Self::Pause(named) => named.pause(these).await,
            Self::Resume(resume) => resume.run(these).await,
            Self::Remove(remove) => remove.run(these).await,
            Self::Rotate(rotate) => rotate.run(these, out).await,
            Self::Replay(replay) => replay.run(these).await,
            Self::Failed(failed) => failed.run(these, out).await,
            Self::Retry(retry) => retry.run(these).await,
            Self::Log(log) => log.run(these, out).await,
        }
    }
}
