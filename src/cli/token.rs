//! `scimd token`.

use super::arguments::{Span, keyword, span, span_or_never};
use super::failure::Failure;
use super::listing::{Paging, Shape};
use super::open;
use super::output::{self, moment, say};
use super::revoke::Revoke;
use crate::clock::Timestamp;
use crate::config::{Config, duration};
use crate::service::{
    IssuedToken, TokenInfo, TokenLife, TokenQuery, TokenScope, issued_as_json, token_as_json,
};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use std::io::Write;

/// Commands of `scimd token`.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Issues a token and prints it on standard output, this one time
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
    /// What the token is for, such as okta
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
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Issue(issue) => issue.run(config, out).await,
            Self::List(list) => list.run(config, out).await,
            Self::Rotate(rotate) => rotate.run(config, out).await,
            Self::Revoke(revoke) => revoke.run(config, out).await,
        }
    }
}

impl Issue {
    async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let expires = self
            .expires
            .map_or(config.tokens.expires, |Span(seconds)| seconds);
        let operator = open::existing(config).await?;
        let token = match (self.all_tenants, self.scope) {
            (true, TokenScope::Feed) => {
                operator.issue_feed_token(&self.name, expires, None).await?
            }
            (true, _) => {
                return Err(Failure::Failed(
                    "--all-tenants is for the change feed: add --scope feed".to_owned(),
                ));
            }
            (false, scope) => {
                operator
                    .issue_token(&self.tenant, &self.name, scope, expires)
                    .await?
            }
        };
        if self.json {
            return output::json(out, &issued_as_json(&token, config.tokens.warn_days));
        }
        print(&token, out)
    }
}

impl Rotate {
    async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let token = operator.rotate_token(&self.id, self.overlap).await?;
        if self.json {
            return output::json(out, &issued_as_json(&token, config.tokens.warn_days));
        }
        if let Some(old) = &token.replaces {
            say(&format!(
                "Token {old} stays valid for {} at most.",
                duration::show(self.overlap)
            ));
        }
        print(&token, out)
    }
}

/// The token alone on standard output, so that `$(scimd token issue …)` works.
fn print(token: &IssuedToken, out: &mut dyn Write) -> Result<(), Failure> {
    let end = token.expires.map_or("does not expire".to_owned(), |end| {
        format!("expires {}", moment(Some(end)))
    });
    say(&format!(
        "Issued token {}, which {end}. It is shown only now:",
        token.id
    ));
    writeln!(out, "{}", token.text.expose_secret())?;
    Ok(())
}

impl List {
    async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let now = operator.clock().now();
        let state = |token: &TokenInfo| TokenLife::from(token).state(now, config.tokens.warn_days);
        let tenant = &self.tenant;
        let read = async |after, limit| {
            operator
                .tokens(&TokenQuery {
                    tenant: tenant.clone(),
                    after,
                    limit,
                })
                .await
        };
        let shape = Shape {
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
            row: &|token| as_row(token, state(token), now),
            json: &|token| token_as_json(token, state(token), now),
            key: &|token| token.id.clone(),
        };
        self.paging.print(&shape, read, out).await
    }
}

fn as_row(token: &TokenInfo, state: &str, now: Timestamp) -> Vec<String> {
    let left = TokenLife::from(token)
        .left(now)
        .map_or_else(|| "-".to_owned(), duration::show);
    let texts = [
        &token.id,
        &token.tenant,
        &token.name,
        token.scope.as_str(),
        state,
    ];
    let rest = [
        moment(Some(token.created)),
        moment(token.expires),
        left,
        moment(token.last_used),
    ];
    texts.into_iter().map(str::to_owned).chain(rest).collect()
}
