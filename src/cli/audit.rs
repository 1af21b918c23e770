//! `scimd audit`: who did what.

use super::arguments::span;
use super::failure::Failure;
use super::log::printable;
use super::output::{moment, say};
use super::{open, signals};
use crate::config::Config;
use crate::operator::{Operator, audit_as_json};
use crate::store::{AuditQuery, AuditRow};
use clap::Args;
use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// Rows that are shown when no number is given, and before those that are followed.
const SHOWN: i64 = 100;
const SHOWN_FIRST: i64 = 10;
/// Rows that are taken at a time while following.
const FOLLOWED: i64 = 1000;
/// How often the trail is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// How many seconds late an instance may write.
const LATE: i64 = 15;

/// Arguments of `scimd audit`.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Only acts that concern this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only acts of this actor: the name of an operator token, or the user who ran a command
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only acts whose name begins with this, such as tenant. or token.issue
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
    /// Prints JSON, one object on each line
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let limit = if self.follow { SHOWN_FIRST } else { SHOWN };
        let since = self
            .since
            .map(|seconds| operator.clock().now().plus_seconds(-seconds));
        let query = AuditQuery {
            tenant: self.tenant.clone(),
            actor: self.actor.clone(),
            action: self.action.clone(),
            since,
            limit: self.limit.unwrap_or(limit),
            ..AuditQuery::default()
        };
        let mut shown = operator.audit(&query).await?;
        shown.reverse();
        self.show(&shown, out)?;
        if self.follow {
            return self.follow(&operator, query, &shown, out).await;
        }
        if shown.is_empty() {
            say("No acts.");
        }
        Ok(())
    }

    async fn follow(
        &self,
        operator: &Operator,
        query: AuditQuery,
        shown: &[AuditRow],
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let stop = signals::stop()?;
        let mut seen: HashSet<Uuid> = shown.iter().map(|row| row.id).collect();
        let mut since = operator.clock().now().plus_seconds(-LATE);
        loop {
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = stop.clone().wait() => return Ok(()),
            }
            let now = operator.clock().now();
            let latest = AuditQuery {
                since: Some(since),
                limit: FOLLOWED,
                ..query.clone()
            };
            let mut rows = operator.audit(&latest).await?;
            rows.reverse();
            let new: Vec<_> = rows
                .iter()
                .filter(|row| seen.insert(row.id))
                .cloned()
                .collect();
            self.show(&new, out)?;
            seen.retain(|id| rows.iter().any(|row| row.id == *id));
            since = now.plus_seconds(-LATE);
        }
    }

    fn show(&self, rows: &[AuditRow], out: &mut dyn Write) -> Result<(), Failure> {
        for row in rows {
            let shown = audit_as_json(row);
            let line = if self.json {
                shown.to_string()
            } else {
                let [kind, id, name] = &row.actor;
                let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                format!(
                    "{}  {:16}  {:20}  {}  {kind} {name} {id}  {}",
                    moment(Some(row.at)),
                    row.action,
                    text(&row.tenant),
                    text(&row.target),
                    shown.get("changes").unwrap_or_default()
                )
            };
            writeln!(out, "{}", printable(&line))?;
        }
        out.flush()?;
        Ok(())
    }
}
