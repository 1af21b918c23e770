//! `scimd token`.

use super::arguments::{Span, keyword, span_or_never};
use super::failure::Failure;
use super::issued::{Rotate, print_new};
use super::listing::{Columns, Paging};
use super::management::{ApiRequest, Management, Place, members};
use super::output::moment;
use super::revoke::{Revoke, hinted};
use crate::access::token::public_part;
use crate::clock::{Clock, Timestamp};
use crate::config::duration;
use crate::operator::TokenShape;
use crate::store::TokenScope;
use clap::{Args, Subcommand};
use serde_json::json;
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

impl Token {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Issue(issue) => issue.run(place, out).await,
            Self::List(list) => list.run(&place.open().await?, out).await,
            Self::Rotate(old) => rotate(old, &place.open().await?, out).await,
            Self::Revoke(revoke) => revoke.run(place, out).await,
        }
    }
}

impl Issue {
    async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        let life = self.expires.map(|Span(seconds)| life(seconds).into());
        let name = ("name", Some(self.name.as_str().into()));
        let (request, body) = if self.all_tenants {
            if self.scope != TokenScope::Feed {
                return Err(Failure::Failed(
                    "--all-tenants is for the change feed: add --scope feed".to_owned(),
                ));
            }
            let body = members([name, ("expiresIn", life)]);
            (ApiRequest::post(&["feed-tokens"]), body)
        } else {
            let scope = ("scope", Some(self.scope.as_str().into()));
            let body = members([name, scope, ("expiresIn", life)]);
            let request = ApiRequest::post(&["tenants", &self.tenant, "tokens"]);
            (request, body)
        };
        let request = request.carrying(body.into()).once();
        let issued = place.open().await?.call(&request).await?;
        print_new("token", issued, self.json, out)
    }
}

/// A lifetime in the format of the management API.
fn life(seconds: Option<i64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds}s"))
}

async fn rotate(
    old: &Rotate,
    management: &Management<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    // The secret of a token must not be in a URL.
    let request = ApiRequest::post(&["tokens", public_part(&old.id), "rotate"]);
    let body = json!({"overlap": format!("{}s", old.overlap)});
    let rotated = management.call(&request.carrying(body).once()).await;
    old.print("token", rotated.map_err(hinted)?, out)
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
