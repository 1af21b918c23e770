//! `scimd log`: the requests of identity providers to a tenant, and their outcomes.

mod format;
mod seen;

pub(super) use format::{printable, summary};

use super::arguments::span;
use super::failure::Failure;
use super::management::{ApiEvent, ApiRequest, Events, Following, Management, Place, read_as};
use super::output::{self, moment, print_message};
use super::signals::{self, Stop};
use crate::admin_api::Method;
use crate::clock::{Clock, Timestamp};
use crate::operator::{DEFAULT_TENANT, LATE, OperatorError, RequestShape};
use clap::{ArgGroup, Args, Subcommand};
use seen::{Seen, time};
use serde_json::{Value, json};
use std::io::Write;

/// Default number of requests, without and with `--follow`.
const SHOWN: i64 = 100;
const SHOWN_FIRST: i64 = 10;
/// Number of requests in one read while following.
const FOLLOWED: i64 = 10_000;

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

/// The requests to print, and the format.
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
    /// Prints JSON, one object per line
    #[arg(long)]
    json: bool,
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
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        let management = place.open().await?;
        match &self.command {
            Some(Command::Bodies(bodies)) => bodies.run(&management, out).await,
            None => self.show.run(&management, out).await,
        }
    }
}

impl Bodies {
    async fn run(&self, management: &Management<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let Self { tenant, span, .. } = self;
        let path = ["tenants", tenant, "log", "bodies"];
        let kept = match span {
            Some(seconds) => {
                let body = json!({"for": format!("{seconds}s")});
                let request = ApiRequest::new(Method::Put, &path).carrying(body);
                management.call(&request).await?
            }
            None => {
                management.call(&ApiRequest::delete(&path)).await?;
                json!({"tenant": tenant, "bodiesUntil": null})
            }
        };
        if self.json {
            output::json(out, &kept)?;
        }
        match kept["bodiesUntil"].as_str() {
            Some(until) => print_message(&format!(
                "Bodies of requests of tenant {tenant} are recorded until {}, without passwords and other secrets. They contain \
                 personal data. To see one: scimd log --tenant {tenant} --id REQUEST",
                moment(Some(until))
            )),
            None => print_message(&format!(
                "Bodies of requests of tenant {tenant} are no longer recorded."
            )),
        }
        Ok(())
    }
}

impl Show {
    async fn run(&self, management: &Management<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        if let Some(id) = &self.id {
            return self.one(management, id, out).await;
        }
        if self.follow {
            return self.follow(management, out).await;
        }
        let found = self
            .look(management, self.begun(), self.limit.unwrap_or(SHOWN))
            .await?;
        for shown in &found {
            self.print(shown, out)?;
        }
        if found.is_empty() {
            return self.nothing(management).await;
        }
        Ok(())
    }

    /// One request in full.
    async fn one(
        &self,
        management: &Management<'_>,
        id: &str,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let request = ApiRequest::get(&["tenants", &self.tenant, "log", id]);
        let found = management.call(&request).await.map_err(|failure| {
            let of_tenant = OperatorError::NoTenant(self.tenant.clone()).to_string();
            match failure {
                Failure::Refused(refusal)
                    if refusal.is_not_found() && refusal.detail != of_tenant =>
                {
                    let tenant = &self.tenant;
                    Failure::Failed(format!(
                        "there is no request {id} in the log of tenant {tenant}"
                    ))
                }
                failure => failure,
            }
        })?;
        if self.json {
            return self.print(&found, out);
        }
        output::facts(out, &format::facts(&read_as(found)?))
    }

    /// The time of the earliest request, if given.
    fn begun(&self) -> Option<Timestamp> {
        let now = Clock::system().now();
        self.since.map(|seconds| now.plus_seconds(-seconds))
    }

    /// The query of the log, of the tenant or of all.
    fn request(&self) -> ApiRequest {
        if self.all_tenants {
            return ApiRequest::get(&["log", "requests"]);
        }
        self.filtered(ApiRequest::get(&["tenants", &self.tenant, "log"]))
    }

    /// A request for the log of the tenant, limited to the selected entries.
    fn filtered(&self, request: ApiRequest) -> ApiRequest {
        request
            .with_some("failed", self.failed.then_some(true))
            .with_some("user", self.user.as_ref())
    }

    /// The latest requests since a time, earliest first.
    async fn look(
        &self,
        management: &Management<'_>,
        since: Option<Timestamp>,
        limit: i64,
    ) -> Result<Vec<Value>, Failure> {
        let request = self.request().with_some("since", since);
        let mut found = management.latest(&request, limit).await?;
        found.reverse();
        // Instances write at different times.
        found.sort_by_key(time);
        Ok(found)
    }

    /// Reports that nothing was found. A completely unknown user can be a mistyped name.
    async fn nothing(&self, management: &Management<'_>) -> Result<(), Failure> {
        if let Some(name) = &self.user {
            let found = management.call(&self.request().with("limit", 1)).await?;
            if found["userFound"] == false {
                return Err(Failure::Failed(format!(
                    "there is no user \"{name}\" in tenant {}, and its log has no request about one",
                    self.tenant
                )));
            }
        }
        print_message(&if self.all_tenants {
            "No matching requests of any tenant.".to_owned()
        } else {
            format!("No matching requests of tenant {}.", self.tenant)
        });
        Ok(())
    }

    /// Shows the latest requests and new ones, until the command is stopped. The log of a tenant is streamed; that of all
    /// tenants is polled.
    async fn follow(
        &self,
        management: &Management<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let stop = signals::stop()?;
        let mut seen = Seen::default();
        let mut following = Following::default();
        let (mut since, mut limit) = (self.begun(), self.limit.unwrap_or(SHOWN_FIRST));
        let (mut is_first, mut place) = (true, None);
        loop {
            // Opened before the read, so that no request is missed.
            let events = if self.all_tenants {
                Ok(None)
            } else {
                let request = ApiRequest::get(&["tenants", &self.tenant, "log", "stream"]);
                let request = self.filtered(request);
                management
                    .events(&request, place.as_deref())
                    .await
                    .map(Some)
            };
            let looked = match events {
                Ok(events) => self
                    .look(management, since, limit)
                    .await
                    .map(|new| (events, new)),
                Err(failure) => Err(failure),
            };
            let settled = if is_first {
                Some(looked?)
            } else {
                following.settle(looked)?
            };
            if let Some((events, new)) = settled {
                for shown in new.iter().filter(|shown| seen.is_new(shown)) {
                    self.print(shown, out)?;
                }
                out.flush()?;
                (is_first, limit) = (false, FOLLOWED);
                if let Some(events) = events {
                    let shown =
                        self.print_events(events, (&mut seen, &mut place), stop.clone(), out);
                    if shown.await? {
                        return Ok(());
                    }
                }
                since = seen.last().map(|last| last.plus_seconds(-LATE)).or(since);
            }
            if !following.pause(management, stop.clone()).await {
                return Ok(());
            }
        }
    }

    /// Shows requests of a stream; returns whether the command was stopped.
    async fn print_events(
        &self,
        mut events: Events,
        (seen, place): (&mut Seen, &mut Option<String>),
        stop: Stop,
        out: &mut dyn Write,
    ) -> Result<bool, Failure> {
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = stop.clone().wait() => return Ok(true),
            };
            // A stream that ends is opened again.
            let Some(ApiEvent { name, id, data }) = event else {
                return Ok(false);
            };
            *place = id.or(place.take());
            if name == "request" && seen.is_new(&data) {
                self.print(&data, out)?;
                out.flush()?;
            }
        }
    }

    fn print(&self, shown: &Value, out: &mut dyn Write) -> Result<(), Failure> {
        if self.json {
            writeln!(out, "{shown}")?;
            return Ok(());
        }
        let request: RequestShape = read_as(shown.clone())?;
        let tenant = if self.all_tenants {
            format!("{}  ", request.tenant)
        } else {
            String::new()
        };
        writeln!(out, "{tenant}{}", format::text(&request))?;
        Ok(())
    }
}
