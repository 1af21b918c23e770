//! `scimd webhook failed` and `scimd stream failed`, `retry` and `log`.

use super::EndpointsAt;
use crate::admin_api::Method;
use crate::cli::failure::Failure;
use crate::cli::management::{Following, read_as};
use crate::cli::output::{self, moment, print_message, table};
use crate::cli::signals;
use clap::{ArgGroup, Args};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::Write;

/// Maximum attempts of one request while following.
const FOLLOWED: i64 = 10_000;

/// Arguments of `scimd webhook failed` and `scimd stream failed`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Failed {
    /// Name
    name: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `scimd webhook retry` and `scimd stream retry`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true))]
pub(in crate::cli) struct Retry {
    /// Name
    name: String,
    /// Id of a failed event
    #[arg(group = "which")]
    event: Option<String>,
    /// All failed events
    #[arg(long, group = "which")]
    all: bool,
}

/// Arguments of `scimd webhook log` and `scimd stream log`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Log {
    /// Name
    name: String,
    /// Only the last attempts of failed events
    #[arg(long)]
    failed: bool,
    /// Maximum number of rows
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    /// Shows new attempts as they are made, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Prints JSON, one attempt per line
    #[arg(long)]
    json: bool,
}

/// A failed event.
#[derive(Debug, Deserialize)]
struct GivenUp {
    event: String,
    position: i64,
    attempts: i64,
    failed: Option<String>,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    at: String,
    event: String,
    attempt: i64,
    status: Option<u16>,
    error: String,
}

impl Failed {
    pub(in crate::cli) async fn run(
        &self,
        these: EndpointsAt<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let request = these.request(Method::Get, &[&self.name, "failed"]);
        let failed = these.management.latest(&request, i64::MAX).await?;
        if self.json {
            return output::json(out, &failed);
        }
        let mut rows = Vec::new();
        for item in failed {
            let held: GivenUp = read_as(item)?;
            rows.push(vec![
                held.event,
                held.position.to_string(),
                held.attempts.to_string(),
                moment(held.failed),
            ]);
        }
        table(out, &["EVENT", "POSITION", "ATTEMPTS", "FAILED"], &rows)
    }
}

impl Retry {
    pub(in crate::cli) async fn run(&self, these: EndpointsAt<'_>) -> Result<(), Failure> {
        let body = self.event.as_ref().map(|event| json!({"event": event}));
        let retried = these.act(&[&self.name, "retry"], body).await?;
        print_message(&format!("{} events are sent again.", retried["retried"]));
        Ok(())
    }
}

impl Log {
    pub(in crate::cli) async fn run(
        &self,
        these: EndpointsAt<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let mut shown = self.look(these, (None, self.limit)).await?;
        self.print_all(&shown, out)?;
        if !self.follow {
            return Ok(());
        }
        let stop = signals::stop()?;
        let mut following = Following::default();
        while following.pause(these.management, stop.clone()).await {
            // Further attempts can have the same end time as the last one.
            let last = shown.last().map(|attempt| attempt.at.clone());
            let looked = self.look(these, (last.as_deref(), FOLLOWED)).await;
            let found = following.settle(looked)?.unwrap_or_default();
            let new: Vec<_> = found
                .iter()
                .filter(|attempt| !shown.contains(attempt))
                .cloned()
                .collect();
            self.print_all(&new, out)?;
            if !found.is_empty() {
                shown = found;
            }
        }
        Ok(())
    }

    /// The latest attempts since a time, earliest first.
    async fn look(
        &self,
        these: EndpointsAt<'_>,
        (since, limit): (Option<&str>, i64),
    ) -> Result<Vec<Attempt>, Failure> {
        let request = these.request(Method::Get, &[&self.name, "attempts"]);
        let request = request.with_some("givenUp", self.failed.then_some(true));
        let request = request.with_some("since", since);
        let found = these.management.latest(&request, limit).await?;
        found.into_iter().rev().map(read_as).collect()
    }

    fn print_all(&self, attempts: &[Attempt], out: &mut dyn Write) -> Result<(), Failure> {
        for attempt in attempts {
            self.print(attempt, out)?;
        }
        Ok(out.flush()?)
    }

    fn print(&self, shown: &Attempt, out: &mut dyn Write) -> Result<(), Failure> {
        if self.json {
            writeln!(out, "{}", json!(shown))?;
            return Ok(());
        }
        let status = shown
            .status
            .map_or("-".to_owned(), |status| status.to_string());
        let error = shown.error.replace(['\n', '\r'], " ");
        let Attempt {
            at, event, attempt, ..
        } = shown;
        writeln!(out, "{at}  {event}  attempt {attempt}  {status}  {error}")?;
        Ok(())
    }
}
