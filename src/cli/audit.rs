//! `scimd audit`: the audit trail.

use super::arguments::span;
use super::failure::Failure;
use super::log::printable;
use super::management::{ApiRequest, Following, Management, Place, read_as};
use super::output::{moment, print_message};
use super::signals;
use crate::clock::{Clock, Timestamp};
use crate::operator::AuditShape;
use clap::Args;
use serde_json::Value;
use std::collections::HashSet;
use std::io::Write;

/// Default number of rows, without and with `--follow`.
const SHOWN: i64 = 100;
const SHOWN_FIRST: i64 = 10;
/// Number of rows in one read while following.
const FOLLOWED: i64 = 1000;
/// Maximum delay in seconds between an act and its row.
const LATE: i64 = 15;

/// Arguments of `scimd audit`.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Only acts on this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only acts of this actor: the name of an operator token, or the user who ran a command
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only actions whose name begins with this, such as tenant. or token.issue
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only acts of this last period, such as 2h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    since: Option<i64>,
    /// Maximum number of acts, the latest ones [default: 100; with --follow 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: Option<i64>,
    /// Shows new acts as they are done, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Prints JSON, one object per line
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        let management = place.open().await?;
        let limit = if self.follow { SHOWN_FIRST } else { SHOWN };
        let since = self
            .since
            .map(|seconds| Clock::system().now().plus_seconds(-seconds));
        let limit = self.limit.unwrap_or(limit);
        let shown = self.look(&management, since, limit).await?;
        self.show(&shown, out)?;
        if self.follow {
            return self.follow((&management, since), shown, out).await;
        }
        if shown.is_empty() {
            print_message("No acts.");
        }
        Ok(())
    }

    /// The latest acts since a time, earliest first.
    async fn look(
        &self,
        management: &Management<'_>,
        since: Option<Timestamp>,
        limit: i64,
    ) -> Result<Vec<Value>, Failure> {
        let request = ApiRequest::get(&["audit"])
            .with_some("tenant", self.tenant.as_ref())
            .with_some("actor", self.actor.as_ref())
            .with_some("action", self.action.as_ref())
            .with_some("since", since);
        let mut found = management.latest(&request, limit).await?;
        found.reverse();
        Ok(found)
    }

    async fn follow(
        &self,
        (management, begun): (&Management<'_>, Option<Timestamp>),
        shown: Vec<Value>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let stop = signals::stop()?;
        let id = |row: &Value| row["id"].as_str().unwrap_or_default().to_owned();
        let time = |row: &Value| row["time"].as_str().and_then(Timestamp::parse);
        let mut seen: HashSet<String> = shown.iter().map(id).collect();
        let mut last = shown.iter().filter_map(time).max();
        let mut following = Following::default();
        while following.pause(management, stop.clone()).await {
            let since = last.map(|last| last.plus_seconds(-LATE));
            let looked = self.look(management, since.max(begun), FOLLOWED).await;
            let Some(rows) = following.settle(looked)? else {
                continue;
            };
            let new: Vec<_> = rows
                .iter()
                .filter(|row| !seen.contains(&id(row)))
                .cloned()
                .collect();
            self.show(&new, out)?;
            seen = rows.iter().map(id).collect();
            last = rows.iter().filter_map(time).max().or(last);
        }
        Ok(())
    }

    fn show(&self, rows: &[Value], out: &mut dyn Write) -> Result<(), Failure> {
        for row in rows {
            let line = if self.json {
                row.to_string()
            } else {
                row_text(&read_as(row.clone())?)
            };
            writeln!(out, "{}", printable(&line))?;
        }
        out.flush()?;
        Ok(())
    }
}

/// An act in a line.
fn row_text(row: &AuditShape) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{}  {:16}  {:20}  {}  {} {} {}  {}",
        moment(Some(&row.time)),
        row.action,
        text(&row.tenant),
        text(&row.target),
        row.actor.kind,
        row.actor.name,
        row.actor.id,
        row.changes
    )
}
