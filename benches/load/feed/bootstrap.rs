//! A new consumer that reads every resource.

use super::Common;
use super::rig::Rig;
use crate::client::Client;
use crate::population::Population;
use crate::process::memory;
use crate::request::escaped;
use clap::Args;
use hyper::Method;
use serde::Deserialize;
use std::collections::HashSet;
use std::time::Instant;

/// Arguments of `feed bootstrap`.
#[derive(Debug, Clone, Args)]
pub(super) struct Bootstrap {
    #[command(flatten)]
    common: Common,
    /// Users in the tenant
    #[arg(long, default_value_t = 100_000)]
    users: u64,
}

#[derive(Debug, Deserialize)]
struct Page {
    resources: Vec<Entry>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    record: Record,
}

#[derive(Debug, Deserialize)]
struct Record {
    id: String,
}

impl Bootstrap {
    pub(super) async fn run(self) -> Result<u64, String> {
        let population = Population::of_users(self.users);
        let rig = Rig::new(&self.common, &population)?;
        let instance = rig.serve(&[])?;
        let mut client = Client::new(&rig.feed(&instance)?);
        let mut met = HashSet::new();
        let mut page = self.page(&mut client, None).await?;
        let before = memory(instance.process());
        let (watch, begun) = (instance.watch(), Instant::now());
        loop {
            met.extend(page.resources.into_iter().map(|entry| entry.record.id));
            let Some(next) = page.next else { break };
            page = self.page(&mut client, Some(&next)).await?;
        }
        let (seconds, most) = (begun.elapsed().as_secs_f64(), watch.stop());
        println!(
            "{} users in {seconds:.1} s: {:.0} a second; memory {before:.1} MiB after the first page, {most:.1} MiB at most",
            met.len(),
            met.len() as f64 / seconds,
        );
        Ok(self.users.abs_diff(met.len() as u64))
    }

    async fn page(&self, client: &mut Client, after: Option<&str>) -> Result<Page, String> {
        let after = after.map_or_else(String::new, |after| format!("&after={}", escaped(after)));
        let path = format!("/resources?type=User&limit=1000{after}");
        let answer = client.send(&Method::GET, &path, None).await?;
        if answer.status != 200 {
            return Err(format!("{} {:?}", answer.status, answer.body));
        }
        serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
    }
}
