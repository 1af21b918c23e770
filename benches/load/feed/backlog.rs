//! A webhook that starts at the beginning of a long feed, while another tenant makes changes.

use super::Common;
use super::judge::Verdict;
use super::receiver::Receiver;
use super::rig::Rig;
use super::writer::{Plan, write};
use crate::population::Population;
use crate::process::memory;
use clap::Args;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Arguments of `feed backlog`.
#[derive(Debug, Clone, Args)]
pub(super) struct Backlog {
    #[command(flatten)]
    common: Common,
    /// Number of users to import; each is a change to deliver
    #[arg(long, default_value_t = 100_000)]
    users: u64,
    /// Maximum number of concurrent requests
    #[arg(long, default_value_t = 32)]
    concurrency: u32,
    /// Milliseconds after which the receiver responds
    #[arg(long, default_value_t = 5)]
    pause: u64,
    /// Maximum seconds of the measurement
    #[arg(long, default_value_t = 120)]
    seconds: u64,
}

impl Backlog {
    pub(super) async fn run(self) -> Result<u64, String> {
        let population = Population::of_users(self.users);
        let rig = Rig::new(&self.common, &population)?;
        let instance = rig.serve(&[])?;
        let neighbour = rig.neighbour(&instance)?;
        let receiver = Receiver::start(Duration::from_millis(self.pause))?;
        sleep(Duration::from_secs(2)).await;
        let before = memory(instance.process());
        let (watch, cpu) = (instance.watch(), instance.cpu());
        let concurrency = self.concurrency.to_string();
        let options = ["--from", "start", "--concurrency", &concurrency];
        rig.webhook("app", &receiver, &options)?;
        if !receiver.wait(1, Duration::from_secs(20)).await {
            return Err("nothing was sent".to_owned());
        }
        let begun = Instant::now();
        let all = usize::try_from(self.users).unwrap_or(usize::MAX);
        let plan = Plan {
            rate: 5.0,
            clients: 1,
            time: self.neighbour_time(),
            seed: 2,
        };
        let writing = write(&neighbour, plan);
        let caught_up = receiver.wait(all, Duration::from_secs(self.seconds)).await;
        let (seconds, count) = (begun.elapsed().as_secs_f64(), receiver.count());
        println!(
            "{count} events in {seconds:.1} s: {:.0} a second{}",
            count as f64 / seconds,
            if caught_up { "" } else { ", not all" },
        );
        let journal = writing.journal().await?;
        let expected = count.min(all) + journal.acknowledged.len();
        receiver.wait(expected, Duration::from_secs(10)).await;
        let own: Vec<_> = receiver
            .arrivals()
            .into_iter()
            .filter(|arrival| arrival.tenant == "neighbour")
            .collect();
        let wrong = Verdict::of(&journal, &own).show("another tenant");
        let most = watch.stop();
        println!(
            "memory: {before:.1} MiB before, {most:.1} MiB at most: +{:.1} MiB; {:.1} s of CPU of the server",
            most - before,
            instance.cpu() - cpu,
        );
        Ok(wrong + journal.failed)
    }

    /// The other tenant's changes end before the last of the backlog is sent, at the target rate.
    fn neighbour_time(&self) -> Duration {
        let seconds = (self.users / 2500).clamp(4, self.seconds);
        Duration::from_secs(seconds)
    }
}
