//! `scimd token`.

use super::arguments::{Span, keyword, span, span_or_never};
use super::failure::Failure;
use super::listing::{Columns, Paging};
use super::management::{ApiRequest, Management, Place, read_as};
use super::open;
use super::output::{self, moment, say};
use super::revoke::{Revoke, hinted};
use crate::access::token::public_part;
use crate::clock::{Clock, Timestamp};
use crate::config::duration;
use crate::operator::{TokenShape, issued_as_json};
use crate::store::TokenScope;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Write;

/// Commands of `scimd token`.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Issues a token and prints it on standard output, once
    Issue(Issue),
    /// Lists tokens, without their secrets
    List(List),
    /// Issues a successor of a token; the old token stays valid for a period
    Rotate(Rotate),
    /// Revokes one token or many, at once
    Revoke(Revoke),
}

/// Arguments of `scimd token issue`.
#[derive(Debug, Args)]
pub(super) struct Issue {
    /// Purpose of the token, such as okta
    #[arg(long)]
    name: String,
    /// Tenant of the token
    #[arg(long, default_value = "default")]
    tenant: String,
    /// For the change feed of all tenants; only with --scope feed
    #[arg(long, conflicts_with = "tenant")]
    all_tenants: bool,
    /// Lifetime of the token, such as 365d, 12h or never [default: tokens.expires of the configuration]
    #[arg(long, value_name = "SPAN", value_parser = span_or_never)]
    expires: Option<Span>,
    /// Permissions of the token
    #[arg(long, default_value = "read-write",
          value_parser = keyword(TokenScope::KEYWORDS, TokenScope::from_keyword))]
    scope: TokenScope,
    /// Prints JSON, with the token in it
    #[arg(long)]
    json: bool,
}

/// Arguments of `scimd token list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only tokens of this tenant
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Arguments of `scimd token rotate`.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Id of the token, as `scimd token list` shows it, or the token
    id: String,
    /// How long the old token stays valid, such as 7d
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = span)]
    overlap: i64,
    /// Prints JSON, with the new token in it
    #[arg(long)]
    json: bool,
}

impl Token {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Issue(issue) => issue.run(place, out).await,
            Self::List(list) => list.run(&place.open().await?, out).await,
            Self::Rotate(rotate) => rotate.run(&place.open().await?, out).await,
            Self::Revoke(revoke) => revoke.run(place, out).await,
        }
    }
}

/// A new token, which is shown once.
#[derive(Deserialize)]
pub(super) struct Issued {
    id: String,
    expires: Option<String>,
    token: String,
    replaces: Option<String>,
}

impl Issue {
    async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        let issued = match (self.all_tenants, self.scope) {
            (false, _) => {
                let request = ApiRequest::post(&["tenants", &self.tenant, "tokens"]);
                let body = json!({"name": self.name, "scope": self.scope.as_str()});
                let request = request.carrying(self.with_life(body)).once();
                place.open().await?.call(&request).await?
            }
            (true, TokenScope::Feed) => self.issue_for_all(place).await?,
            (true, _) => {
                return Err(Failure::Failed(
                    "--all-tenants is for the change feed: add --scope feed".to_owned(),
                ));
            }
        };
        if self.json {
            return output::json(out, &issued);
        }
        print("token", &read_as(issued)?, out)
    }

    /// Issues a token for the change feed of all tenants.
    async fn issue_for_all(&self, place: &Place) -> Result<Value, Failure> {
        let config = place.config("scimd token issue --all-tenants")?;
        let life = self
            .expires
            .map_or(config.tokens.expires, |Span(seconds)| seconds);
        let operator = open::existing(config).await?;
        let issued = operator.issue_feed_token(&self.name, life, None).await?;
        Ok(issued_as_json(&issued, config.tokens.warn_days))
    }

    /// The body with the lifetime, if given.
    fn with_life(&self, mut body: Value) -> Value {
        if let Some(Span(seconds)) = self.expires {
            body["expiresIn"] = life(seconds).into();
        }
        body
    }
}

/// A lifetime for the management API.
pub(super) fn life(seconds: Option<i64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds}s"))
}

impl Rotate {
    async fn run(&self, management: &Management<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        // The secret of a token has no place in a URL.
        let request = ApiRequest::post(&["tokens", public_part(&self.id), "rotate"]);
        let body = json!({"overlap": format!("{}s", self.overlap)});
        let rotated = management.call(&request.carrying(body).once()).await;
        let rotated = rotated.map_err(hinted)?;
        if self.json {
            return output::json(out, &rotated);
        }
        let issued: Issued = read_as(rotated)?;
        if let Some(old) = &issued.replaces {
            say(&format!(
                "Token {old} stays valid for {} at most.",
                duration::show(self.overlap)
            ));
        }
        print("token", &issued, out)
    }
}

/// Prints only the token on standard output, so that `$(scimd token issue …)` works; `kind` is its name in messages.
pub(super) fn print(kind: &str, issued: &Issued, out: &mut dyn Write) -> Result<(), Failure> {
    let end = issued
        .expires
        .as_ref()
        .map_or("does not expire".to_owned(), |end| {
            format!("expires {}", moment(Some(end)))
        });
    say(&format!(
        "Issued {kind} {}, which {end}. It is shown only now:",
        issued.id
    ));
    writeln!(out, "{}", issued.token)?;
    Ok(())
}

impl List {
    async fn run(&self, management: &Management<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let request = match &self.tenant {
            Some(tenant) => ApiRequest::get(&["tenants", tenant, "tokens"]),
            None => ApiRequest::get(&["tokens"]),
        };
        let now = Clock::system().now();
        let columns = Columns {
            headings: &[
                "ID",
                "TENANT",
                "NAME",
                "SCOPE",
                "STATE",
                "CREATED",
                "EXPIRES",
                "LEFT",
                "LAST USED",
            ],
            row: &|token| as_row(token, now),
            key: &|token: &TokenShape| token.id.clone(),
        };
        let listed = self.paging.print(&columns, (management, &request), out);
        listed.await
    }
}

fn as_row(token: &TokenShape, now: Timestamp) -> Vec<String> {
    let end = token.life.expires.as_deref().and_then(Timestamp::parse);
    let left = end.filter(|end| token.life.days_left.is_some() && *end > now);
    let left = left.map_or_else(
        || "-".to_owned(),
        |end| duration::show(end.seconds_since(now)),
    );
    vec![
        token.id.clone(),
        token.tenant.clone(),
        token.name.clone(),
        token.scope.clone(),
        token.life.state.clone(),
        moment(Some(&token.life.created)),
        moment(token.life.expires.as_ref()),
        left,
        moment(token.life.last_used.as_ref()),
    ]
}
