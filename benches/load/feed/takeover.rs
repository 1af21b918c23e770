//! Time without deliveries after the sending instance has ended.

use super::Common;
use super::judge::Verdict;
use super::receiver::Receiver;
use super::rig::Rig;
use super::writer::{Plan, write};
use crate::population::Population;
use clap::Args;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Changes before the instance ends, and after that.
const BEFORE: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(30);

/// Time limit for deliveries after the last change.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `feed takeover`.
#[derive(Debug, Clone, Args)]
pub(super) struct Takeover {
    #[command(flatten)]
    common: Common,
    /// The signal that ends it
    #[arg(long, default_value = "KILL")]
    signal: String,
    /// Changes a second
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
}

impl Takeover {
    pub(super) async fn run(self) -> Result<u64, String> {
        if !self.common.postgres {
            return Err("two instances need --postgres".to_owned());
        }
        let population = Population::of_users(1000);
        let rig = Rig::new(&self.common, &population)?;
        let first = rig.serve(&[])?;
        let receiver = Receiver::start(Duration::ZERO)?;
        rig.webhook("app", &receiver, &[])?;
        // The instance of the first changes acquires the lease, and keeps it while changes arrive.
        let mut journal = write(&first.address, self.plan(BEFORE, 2))
            .journal()
            .await?;
        let second = rig.serve(&[])?;
        let writing = write(&second.address, self.plan(BEFORE + AFTER, 3));
        sleep(BEFORE).await;
        let ended = Instant::now();
        first.signal(&self.signal)?;
        journal.add(writing.journal().await?);
        receiver.wait(journal.acknowledged.len(), PATIENCE).await;
        let arrivals = receiver.arrivals();
        let wrong = Verdict::of(&journal, &arrivals).show("acknowledged to webhook");
        let mut times: Vec<_> = arrivals.iter().map(|arrival| arrival.at).collect();
        times.sort();
        let gap = times
            .windows(2)
            .filter(|pair| pair[1] >= ended)
            .map(|pair| pair[1] - pair[0])
            .max();
        println!(
            "longest time without a delivery after {}: {:.1} s",
            self.signal,
            gap.unwrap_or_default().as_secs_f64()
        );
        Ok(wrong + journal.failed)
    }

    fn plan(&self, time: Duration, seed: u64) -> Plan {
        Plan {
            rate: self.rate,
            clients: 8,
            time,
            seed,
        }
    }
}
