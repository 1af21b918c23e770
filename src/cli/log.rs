//! `scimd log`: the requests of identity providers to a tenant, and their outcomes.

mod format;
mod seen;

pub(super) use format::{printable, summary};

use super::arguments::{keyword, span};
use super::failure::Failure;
use super::management::{ApiEvent, ApiRequest, Events, Following, Management, Place, read_as};
use super::output::{self, moment, print_message};
use super::signals::{self, Stop};
use crate::admin_api::Method;
use crate::clock::{Clock, Timestamp};
use crate::operator::{DEFAULT_TENANT, LATE, OperatorError, RequestShape};
use crate::store::Outcome;
use clap::{ArgGroup, Args, Subcommand};
use seen::{Seen, time};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Write;
use uuid::Uuid;

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
    #[arg(long, requires = "failed", conflicts_with_all = ["tenant", "user", "outcome", "action", "resource", "token", "client", "until"])]
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
    /// Only requests with this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = keyword(Outcome::KEYWORDS, Outcome::from_keyword))]
    outcome: Option<Outcome>,
    /// Only requests with this action, such as user.create
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only requests of the resource with this id
    #[arg(long, value_name = "ID")]
    resource: Option<Uuid>,
    /// Only requests with the token of this name or id
    #[arg(long, value_name = "NAME|ID")]
    token: Option<String>,
    /// Only requests of clients whose user agent begins with this text
    #[arg(long, value_name = "TEXT")]
    client: Option<String>,
    /// Only requests of this last period, such as 2h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    since: Option<i64>,
    /// Only requests that are older than this period, such as 1h
    #[arg(long, value_name = "SPAN", value_parser = span, conflicts_with = "follow")]
    until: Option<i64>,
    /// Maximum number of requests, the latest first [default: 100; with --follow 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: Option<i64>,
    /// One request in full, by the value of X-Request-Id in its response
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["follow", "failed", "user", "outcome", "action", "resource", "token", "client", "since", "until", "limit", "all_tenants"])]
    id: Option<String>,
    /// Prints JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// The user of the requests to print.
#[derive(Debug, Default)]
struct User {
    /// The id, or the reference that the log has for a name.
    reference: Option<String>,
    /// Whether the user exists.
    is_known: bool,
}

/// The reference to a user in the log.
#[derive(Debug, Deserialize)]
struct FoundUser {
    user: String,
    id: Option<String>,
}

/// The operations, and the user of the requests.
type At<'a> = (&'a Management<'a>, &'a User);

/// The time this number of seconds ago.
fn ago(seconds: Option<i64>) -> Option<Timestamp> {
    let now = Clock::system().now();
    seconds.map(|seconds| now.plus_seconds(-seconds))
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
        let user = self.refer_to_user(management).await?;
        if self.follow {
            return self.follow((management, &user), out).await;
        }
        let limit = self.limit.unwrap_or(SHOWN);
        let found = self.look((management, &user), self.begun(), limit).await?;
        for shown in &found {
            self.print(shown, out)?;
        }
        if found.is_empty() {
            return self.nothing(&user);
        }
        Ok(())
    }

    /// The user of the requests, as the log refers to it: names are not in URLs.
    async fn refer_to_user(&self, management: &Management<'_>) -> Result<User, Failure> {
        let Some(text) = &self.user else {
            return Ok(User::default());
        };
        if Uuid::parse_str(text).is_ok() {
            return Ok(User {
                reference: Some(text.clone()),
                is_known: true,
            });
        }
        let path = ["tenants", &self.tenant, "log", "users"];
        let found = ApiRequest::search(&path, json!({"userName": text}));
        let found: FoundUser = management.read(&found).await?;
        Ok(User {
            reference: Some(found.user),
            is_known: found.id.is_some(),
        })
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
        ago(self.since)
    }

    /// The query of the log, of the tenant or of all.
    fn request(&self, user: &User) -> ApiRequest {
        if self.all_tenants {
            return ApiRequest::get(&["log", "requests"]);
        }
        let request = ApiRequest::get(&["tenants", &self.tenant, "log"]);
        self.filtered(request, user)
            .with_some("until", ago(self.until))
    }

    /// The request for new entries.
    fn stream(&self, user: &User) -> ApiRequest {
        if self.all_tenants {
            return ApiRequest::get(&["log", "stream"]);
        }
        let request = ApiRequest::get(&["tenants", &self.tenant, "log", "stream"]);
        self.filtered(request, user)
    }

    /// A request for the log of the tenant, limited to the selected entries.
    fn filtered(&self, request: ApiRequest, user: &User) -> ApiRequest {
        request
            .with_some("failed", self.failed.then_some(true))
            .with_some("user", user.reference.as_ref())
            .with_some("outcome", self.outcome.map(Outcome::as_str))
            .with_some("action", self.action.as_ref())
            .with_some("resource", self.resource)
            .with_some("token", self.token.as_ref())
            .with_some("client", self.client.as_ref())
    }

    /// The latest requests since a time, earliest first.
    async fn look(
        &self,
        (management, user): At<'_>,
        since: Option<Timestamp>,
        limit: i64,
    ) -> Result<Vec<Value>, Failure> {
        let request = self.request(user).with_some("since", since);
        let mut found = management.latest(&request, limit).await?;
        found.reverse();
        // Instances write at different times.
        found.sort_by_key(time);
        Ok(found)
    }

    /// Reports that nothing was found. A completely unknown user can be a mistyped name.
    fn nothing(&self, user: &User) -> Result<(), Failure> {
        let is_only_filter = !self.failed
            && [self.since, self.until] == [None, None]
            && self.outcome.is_none()
            && self.resource.is_none()
            && [&self.action, &self.token, &self.client] == [&None; 3];
        if let Some(name) = self
            .user
            .as_ref()
            .filter(|_| !user.is_known && is_only_filter)
        {
            return Err(Failure::Failed(format!(
                "there is no user \"{name}\" in tenant {}, and its log has no request about one",
                self.tenant
            )));
        }
        print_message(&if self.all_tenants {
            "No matching requests of any tenant.".to_owned()
        } else {
            format!("No matching requests of tenant {}.", self.tenant)
        });
        Ok(())
    }

    /// Shows the latest requests and new ones, until the command is stopped.
    async fn follow(&self, at: At<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let (management, user) = at;
        let stop = signals::stop()?;
        let mut seen = Seen::default();
        let mut following = Following::default();
        let (mut since, mut limit) = (self.begun(), self.limit.unwrap_or(SHOWN_FIRST));
        let (mut is_first, mut place) = (true, None);
        loop {
            // Opened before the read, so that no request is missed.
            let request = self.stream(user);
            let looked = match management.events(&request, place.as_deref()).await {
                Ok(events) => self.look(at, since, limit).await.map(|new| (events, new)),
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
                let shown = self.print_events(events, (&mut seen, &mut place), stop.clone(), out);
                if shown.await? {
                    return Ok(());
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
