//! Delay from an acknowledged change to a webhook and to a waiting reader.

use super::Common;
use super::judge::Verdict;
use super::reader::Reader;
use super::receiver::{Receiver, dead};
use super::rig::Rig;
use super::writer::{Plan, write};
use crate::population::Population;
use clap::Args;
use std::time::Duration;

/// Time limit for deliveries after the last change.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `feed latency`.
#[derive(Debug, Clone, Args)]
pub(super) struct Latency {
    #[command(flatten)]
    common: Common,
    /// Changes a second
    #[arg(long, default_value_t = 300.0)]
    rate: f64,
    /// Clients that change users
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Seconds of changes
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Users in the tenant at the start
    #[arg(long, default_value_t = 10_000)]
    users: u64,
    /// Changes are sent to an instance that does not deliver; another one delivers
    #[arg(long, requires = "postgres")]
    apart: bool,
    /// Adds a second webhook without a receiver
    #[arg(long)]
    dead: bool,
    /// Without the reader that waits
    #[arg(long)]
    no_reader: bool,
}

impl Latency {
    pub(super) async fn run(self) -> Result<u64, String> {
        let population = Population::of_users(self.users);
        let rig = Rig::new(&self.common, &population)?;
        let sender = rig.serve(&[])?;
        let silent = self
            .apart
            .then(|| rig.serve(&[("SCIMD_FEED__DELIVER", "false")]))
            .transpose()?;
        let written = silent.as_ref().unwrap_or(&sender);
        let receiver = Receiver::start(Duration::ZERO)?;
        rig.webhook("app", &receiver, &[])?;
        if self.dead {
            rig.webhook_to("dead", &dead()?, &[])?;
        }
        let reader = match self.no_reader {
            true => None,
            false => Some(Reader::start(&rig.feed(written)?).await?),
        };
        // The first changes load the webhook and open connections.
        self.write(written.address.clone(), 2, 3).await?;
        let before = receiver.count();
        let cpu = sender.cpu();
        let journal = self.write(written.address.clone(), self.seconds, 2).await?;
        receiver
            .wait(before + journal.acknowledged.len(), PATIENCE)
            .await;
        let cpu = sender.cpu() - cpu;
        let verdict = Verdict::of(&journal, &receiver.arrivals());
        let mut wrong = verdict.show("acknowledged to webhook") + journal.failed;
        if let Some(reader) = reader {
            let verdict = Verdict::of(&journal, &reader.stop()?);
            wrong += verdict.show("acknowledged to reader");
        }
        println!(
            "{:.0} changes a second acknowledged, {} failed{}; {cpu:.1} s of CPU of the instance that sends",
            journal.acknowledged.len() as f64 / self.seconds as f64,
            journal.failed,
            journal
                .first_failed
                .map_or_else(String::new, |why| format!(" (first: {why})")),
        );
        Ok(wrong)
    }

    async fn write(
        &self,
        address: crate::client::Address,
        seconds: u64,
        seed: u64,
    ) -> Result<super::judge::Journal, String> {
        let plan = Plan {
            rate: self.rate,
            clients: self.clients,
            time: Duration::from_secs(seconds),
            seed,
        };
        write(&address, plan).journal().await
    }
}
