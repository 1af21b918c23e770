//! `scimd webhook failed` and `scimd stream failed`, `retry` and `log`.

use crate::cli::failure::Failure;
use crate::cli::output::{self, moment, say, table};
use crate::clock::Timestamp;
use crate::delivery::{Endpoints, held_as_json};
use crate::store::{EndpointKind, FailedAttempt, HeldEvent};
use clap::{ArgGroup, Args};
use serde_json::json;
use std::io::Write;
use std::time::Duration;

/// Maximum number of listed failed events.
const MOST: i64 = 10_000;

/// Pause between two looks for new attempts.
const PAUSE: Duration = Duration::from_millis(500);

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

impl Failed {
    pub(in crate::cli) async fn run(
        &self,
        (endpoints, kind): (&Endpoints, EndpointKind),
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let failed = endpoints.failed(kind, &self.name, MOST).await?;
        if self.json {
            let failed: Vec<_> = failed.iter().map(held_as_json).collect();
            return output::json(out, &failed);
        }
        let row = |held: &HeldEvent| {
            vec![
                held.event.clone(),
                held.position.to_string(),
                held.attempts.to_string(),
                moment(held.failed),
            ]
        };
        let rows: Vec<_> = failed.iter().map(row).collect();
        table(out, &["EVENT", "POSITION", "ATTEMPTS", "FAILED"], &rows)
    }
}

impl Retry {
    pub(in crate::cli) async fn run(
        &self,
        (endpoints, kind): (&Endpoints, EndpointKind),
    ) -> Result<(), Failure> {
        let event = self.event.as_deref();
        let count = endpoints.retry(kind, &self.name, event, None).await?;
        say(&format!("{count} events are sent again."));
        Ok(())
    }
}

impl Log {
    pub(in crate::cli) async fn run(
        &self,
        (endpoints, kind): (&Endpoints, EndpointKind),
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let mut since = Timestamp::from_micros(0);
        let mut limit = self.limit;
        loop {
            let attempts = endpoints.attempts(kind, &self.name, since, limit).await?;
            let given_up = match self.failed {
                true => Some(endpoints.failed(kind, &self.name, MOST).await?),
                false => None,
            };
            let is_shown = |attempt: &&FailedAttempt| {
                let given_up = given_up.as_ref();
                given_up.is_none_or(|events| {
                    let mut events = events.iter();
                    events
                        .any(|held| held.event == attempt.event && held.attempts == attempt.attempt)
                })
            };
            for attempt in attempts.iter().filter(is_shown) {
                self.print(attempt, out)?;
            }
            if !self.follow {
                return Ok(());
            }
            out.flush()?;
            if let Some(last) = attempts.last() {
                since = Timestamp::from_micros(last.at.as_micros() + 1);
            }
            limit = MOST;
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn print(&self, attempt: &FailedAttempt, out: &mut dyn Write) -> Result<(), Failure> {
        if self.json {
            let line = json!({
                "at": attempt.at.to_string(),
                "event": attempt.event,
                "attempt": attempt.attempt,
                "status": attempt.status,
                "error": attempt.error,
            });
            writeln!(out, "{line}")?;
            return Ok(());
        }
        let status = attempt
            .status
            .map_or("-".to_owned(), |status| status.to_string());
        let error = attempt.error.replace(['\n', '\r'], " ");
        let FailedAttempt {
            at, event, attempt, ..
        } = attempt;
        writeln!(out, "{at}  {event}  attempt {attempt}  {status}  {error}")?;
        Ok(())
    }
}
