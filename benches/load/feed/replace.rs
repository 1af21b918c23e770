//! Replacing or removing all members of a large group: memory, and sizes of events.

use super::Common;
use super::rig::{Instance, Rig};
use crate::client::{Address, Client};
use crate::population::Population;
use crate::process::memory;
use crate::users::{self, group};
use clap::Args;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;

/// Maximum bytes of an event.
const LARGEST: usize = 64 * 1024;

/// Arguments of `feed replace`.
#[derive(Debug, Clone, Args)]
pub(super) struct Replace {
    #[command(flatten)]
    common: Common,
    /// Number of members that a PUT replaces
    #[arg(long, default_value_t = 10_000)]
    members: u64,
    /// Members of the group that a PATCH clears
    #[arg(long, default_value_t = 100_000)]
    clear: u64,
}

#[derive(Debug, Deserialize)]
struct Page {
    events: Vec<Value>,
    cursor: String,
    more: bool,
}

impl Replace {
    pub(super) async fn run(self) -> Result<u64, String> {
        let population = Population {
            seed: 1,
            users: self.clear.max(2 * self.members) * 4 / 3 + 4096,
            sizes: vec![self.members, self.clear],
        };
        let rig = Rig::new(&self.common, &population)?;
        let instance = rig.serve(&[("SCIMD_LIMITS__REQUEST_BYTES", "8000000")])?;
        let feed = rig.feed(&instance)?;
        let others = (self.members..2 * self.members).map(|number| population.user(number).id());
        let others: Vec<_> = others.map(|id| id.to_string()).collect();
        let mut body = group(&format!("Large {}", self.members));
        body["members"] = users::members(others.iter().map(String::as_str));
        let put = (Method::PUT, population.large(self.members), body);
        let remove = users::patch(&json!([{"op": "remove", "path": "members"}]));
        let clear = (Method::PATCH, population.large(self.clear), remove);
        let mut wrong = measure(&instance, &feed, put, 2 * self.members).await?;
        wrong += measure(&instance, &feed, clear, self.clear).await?;
        Ok(wrong)
    }
}

/// Sends a change of a group, and reads its events.
async fn measure(
    instance: &Instance,
    feed: &Address,
    (method, group, body): (Method, String, Value),
    expected: u64,
) -> Result<u64, String> {
    let mut reader = Client::new(feed);
    let (_, mut cursor, _) = page(&mut reader, "now").await?;
    let mut client = Client::new(&instance.address);
    let before = memory(instance.process());
    let (watch, begun) = (instance.watch(), Instant::now());
    let path = format!("/Groups/{group}?attributes=displayName");
    let answer = client
        .send(&method, &path, Some(body.to_string().into_bytes()))
        .await?;
    let (seconds, written) = (begun.elapsed().as_secs_f64(), watch.stop());
    if !matches!(answer.status, 200 | 204) {
        return Err(format!("{method}: {} {:?}", answer.status, answer.body));
    }
    let watch = instance.watch();
    let mut parts = Vec::new();
    loop {
        let (events, next, more) = page(&mut reader, &cursor).await?;
        parts.extend(events);
        cursor = next;
        if !more && parts.iter().map(|part| part.1).sum::<u64>() >= expected {
            break;
        }
        if begun.elapsed().as_secs() > 120 {
            return Err(format!("only {} parts arrived", parts.len()));
        }
    }
    let read = watch.stop();
    let largest = parts.iter().map(|part| part.0).max().unwrap_or_default();
    println!(
        "{method} of {expected} changes of members: {seconds:.2} s, {} events, the largest of {largest} bytes; memory {before:.1} MiB before, +{:.1} MiB while it was written, +{:.1} MiB while it was read",
        parts.len(),
        written - before,
        read - before,
    );
    Ok(u64::from(largest > LARGEST))
}

/// Sizes of the events of a page and the members that joined or left; the cursor; whether more follow.
async fn page(
    client: &mut Client,
    after: &str,
) -> Result<(Vec<(usize, u64)>, String, bool), String> {
    let path = format!("/events?after={after}&limit=100&wait=2");
    let answer = client.send(&Method::GET, &path, None).await?;
    if answer.status != 200 {
        return Err(format!("{} {:?}", answer.status, answer.body));
    }
    let page: Page = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let measure = |event: &Value| {
        let members = &event["data"]["members"];
        let count = |name: &str| members[name].as_array().map_or(0, Vec::len) as u64;
        (event.to_string().len(), count("added") + count("removed"))
    };
    let events = page.events.iter().map(measure).collect();
    Ok((events, page.cursor, page.more))
}
