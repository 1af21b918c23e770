//! `scimd log`: the requests of identity providers to a tenant, and their outcomes.

mod format;

pub(super) use format::{printable, summary};

use super::arguments::span;
use super::failure::Failure;
use super::output::{self, moment, say};
use super::{open, signals};
use crate::config::Config;
use crate::operator::{DEFAULT_TENANT, LATE, Operator, OperatorError, request_as_json};
use crate::store::{Entry, LogQuery, LoggedRequest};
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;
use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;
use tokio::time::sleep;

/// Requests that are shown when no number is given, and before those that are followed.
const SHOWN: i64 = 100;
const SHOWN_FIRST: i64 = 10;
/// Requests that are taken at a time while following.
const FOLLOWED: i64 = 10_000;
/// How often the log is looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// Arguments of `scimd log`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Log {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    show: Show,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Records the bodies of a tenant's requests for a period, without passwords and other secrets
    Bodies(Bodies),
}

/// Which requests are shown, and how.
#[derive(Debug, Args)]
struct Show {
    /// Name of the tenant
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TENANT)]
    tenant: String,
    /// Requests of all tenants; only with --failed
    #[arg(long, requires = "failed", conflicts_with_all = ["tenant", "user"])]
    all_tenants: bool,
    /// Shows new requests as they arrive, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only requests that were refused or failed
    #[arg(long)]
    failed: bool,
    /// Only requests about this user: a userName, also of a refused or deleted user, or the id of any resource
    #[arg(long, value_name = "NAME|ID")]
    user: Option<String>,
    /// Only requests of this last period, such as 2h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    since: Option<i64>,
    /// Maximum number of requests, the latest first [default: 100; with --follow 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: Option<i64>,
    /// One request in full, by the value of X-Request-Id in its response
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["follow", "failed", "user", "since", "limit", "all_tenants"])]
    id: Option<String>,
    /// Prints JSON, one object on each line
    #[arg(long)]
    json: bool,
}

/// A request with the name of its tenant.
struct Shown {
    tenant: String,
    place: Entry,
    request: LoggedRequest,
}

/// Arguments of `scimd log bodies`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
struct Bodies {
    /// Name of the tenant
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TENANT)]
    tenant: String,
    /// Period, such as 2h
    #[arg(long = "for", value_name = "SPAN", value_parser = span, group = "what")]
    span: Option<i64>,
    /// Stops recording; recorded bodies are deleted with their requests
    #[arg(long, group = "what")]
    off: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Log {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        match &self.command {
            Some(Command::Bodies(bodies)) => bodies.run(&operator, out).await,
            None => self.show.run(&operator, out).await,
        }
    }
}

impl Bodies {
    async fn run(&self, operator: &Operator, out: &mut dyn Write) -> Result<(), Failure> {
        let Self { tenant, span, .. } = self;
        let until = span.map(|seconds| operator.clock().now().plus_seconds(seconds));
        operator.keep_bodies(tenant, until).await?;
        if self.json {
            let kept =
                json!({"tenant": tenant, "bodiesUntil": until.map(|until| until.to_string())});
            output::json(out, &kept)?;
        }
        match until {
            Some(_) => say(&format!(
                "Bodies of requests of tenant {tenant} are kept until {}, without passwords and other secrets. They hold \
                 personal data. To see one: scimd log --tenant {tenant} --id REQUEST",
                moment(until)
            )),
            None => say(&format!(
                "No more bodies of requests of tenant {tenant} are kept."
            )),
        }
        Ok(())
    }
}

impl Show {
    async fn run(&self, operator: &Operator, out: &mut dyn Write) -> Result<(), Failure> {
        let user = match &self.user {
            Some(user) => Some(operator.logged_user(&self.tenant, user).await?),
            None => None,
        };
        let query = LogQuery {
            since: self
                .since
                .map(|seconds| operator.clock().now().plus_seconds(-seconds)),
            failed: self.failed,
            user,
            request_id: self.id.clone(),
            after: None,
            limit: self
                .limit
                .unwrap_or(if self.follow { SHOWN_FIRST } else { SHOWN }),
        };
        let found = self.look(operator, &query).await?;
        match &self.id {
            Some(id) if found.is_empty() => {
                return Err(Failure::Failed(format!(
                    "there is no request {id} in the log of tenant {}",
                    self.tenant
                )));
            }
            Some(_) if !self.json => {
                return found
                    .iter()
                    .try_for_each(|shown| output::facts(out, &format::facts(&shown.request)));
            }
            _ => {}
        }
        for shown in &found {
            self.print(shown, out)?;
        }
        if self.follow {
            return self.go_on(operator, query, &found, out).await;
        }
        if found.is_empty() {
            return self.nothing(&query);
        }
        Ok(())
    }

    /// What is in the log, of the tenant or of all.
    async fn look(
        &self,
        operator: &Operator,
        query: &LogQuery,
    ) -> Result<Vec<Shown>, OperatorError> {
        if self.all_tenants {
            let found = operator.failed_requests(query).await?;
            return Ok(found
                .into_iter()
                .map(|failed| Shown {
                    place: failed.entry,
                    request: failed.request,
                    tenant: failed.tenant,
                })
                .collect());
        }
        let found = operator.requests(&self.tenant, query).await?;
        let tenant = &self.tenant;
        Ok(found
            .into_iter()
            .map(|(place, request)| Shown {
                place,
                request,
                tenant: tenant.clone(),
            })
            .collect())
    }

    /// Says that nothing was found. A user of whom nothing at all is known may be a mistyped name.
    fn nothing(&self, query: &LogQuery) -> Result<(), Failure> {
        match (&self.user, &query.user) {
            (Some(name), Some(user)) if user.resource.is_none() => Err(Failure::Failed(format!(
                "there is no user \"{name}\" in tenant {}, and its log has no request about one",
                self.tenant
            ))),
            _ if self.all_tenants => {
                say("No matching requests of any tenant.");
                Ok(())
            }
            _ => {
                say(&format!("No matching requests of tenant {}.", self.tenant));
                Ok(())
            }
        }
    }

    /// Shows what comes. Instances write at different moments, so what was shown is looked through
    /// again for some seconds.
    async fn go_on(
        &self,
        operator: &Operator,
        mut query: LogQuery,
        shown: &[Shown],
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let stop = signals::stop()?;
        let mut seen: HashSet<Entry> = shown.iter().map(|shown| shown.place).collect();
        let mut last = seen.iter().max().copied();
        query.limit = FOLLOWED;
        if last.is_none() {
            query.since = query
                .since
                .or_else(|| Some(operator.clock().now().plus_seconds(-LATE)));
        }
        let mut is_away = false;
        loop {
            out.flush()?;
            tokio::select! {
                () = stop.clone().wait() => return Ok(()),
                () = sleep(PAUSE) => {}
            }
            query.after = last.map(|last| last.earlier(LATE));
            let found = match self.look(operator, &query).await {
                Ok(found) => found,
                Err(OperatorError::Failed(error)) if error.status() == 503 => {
                    if !is_away {
                        say("The database is not reachable; trying again.");
                    }
                    is_away = true;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            is_away = false;
            for shown in found.iter().filter(|shown| !seen.contains(&shown.place)) {
                self.print(shown, out)?;
            }
            seen = found.iter().map(|shown| shown.place).collect();
            last = seen.iter().max().copied().or(last);
        }
    }

    fn print(&self, shown: &Shown, out: &mut dyn Write) -> Result<(), Failure> {
        let Shown {
            tenant, request, ..
        } = shown;
        if self.json {
            writeln!(out, "{}", request_as_json(tenant, request))?;
        } else if self.all_tenants {
            writeln!(out, "{tenant}  {}", format::text(request))?;
        } else {
            writeln!(out, "{}", format::text(request))?;
        }
        Ok(())
    }
}
