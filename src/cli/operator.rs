//! `scimd operator`: tokens of the management API.

use super::arguments::{Span, keyword, span_or_never};
use super::failure::Failure;
use super::issued::{Rotate, print_new};
use super::listing::{Columns, Paging};
use super::management::{ApiRequest, Management, Place};
use super::open;
use super::output::{self, moment, print_message};
use crate::config::Config;
use crate::operator::{OperatorTokenRequest, OperatorTokenShape, issued_operator_as_json};
use crate::store::{OperatorRole, OperatorScope};
use clap::{Args, Subcommand};
use serde_json::json;
use std::io::Write;

/// Commands of `scimd operator`.
#[derive(Debug, Subcommand)]
pub(super) enum Operators {
    /// Issues an operator token and prints it on standard output, once
    Issue(Issue),
    /// Lists operator tokens, without their secrets
    List(List),
    /// Issues a successor of an operator token; the old token stays valid for a period
    Rotate(Rotate),
    /// Revokes an operator token, at once
    Revoke(Revoke),
}

/// Arguments of `scimd operator issue`.
#[derive(Debug, Args)]
pub(super) struct Issue {
    /// User of the token, such as backend
    #[arg(long)]
    name: String,
    /// Permissions: admin everything; backend tenants, tokens and schemas; support reading; viewer tenants and logs
    #[arg(long, value_parser = keyword(OperatorRole::KEYWORDS, OperatorRole::from_keyword))]
    role: OperatorRole,
    /// Only these scopes of the role, separated by commas
    #[arg(long, value_name = "SCOPE,SCOPE", value_delimiter = ',',
          value_parser = keyword(OperatorScope::KEYWORDS, OperatorScope::from_keyword))]
    scope: Option<Vec<OperatorScope>>,
    /// Only this tenant; may be repeated
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<String>,
    /// Lifetime of the token, such as 90d, 12h or never
    #[arg(long, value_name = "SPAN", default_value = "never", value_parser = span_or_never)]
    expires: Span,
    /// Prints JSON, with the token in it
    #[arg(long)]
    json: bool,
}

/// Arguments of `scimd operator list`.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    paging: Paging,
}

/// Arguments of `scimd operator revoke`.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Id of the token, as `scimd operator list` shows it, or the token
    id: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Operators {
    /// Runs the command. Operator tokens can be listed on any place; they are issued and changed only on the database.
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Issue(issue) => issue.run(place.config("scimd operator issue")?, out).await,
            Self::List(list) => list.run(&place.open().await?, out).await,
            Self::Rotate(old) => rotate(old, place.config("scimd operator rotate")?, out).await,
            Self::Revoke(revoke) => {
                revoke
                    .run(place.config("scimd operator revoke")?, out)
                    .await
            }
        }
    }
}

impl Issue {
    async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let Span(seconds) = self.expires;
        let request = OperatorTokenRequest {
            name: self.name.clone(),
            role: self.role,
            scopes: self.scope.clone(),
            tenants: Some(self.tenants.clone()).filter(|tenants| !tenants.is_empty()),
            seconds,
        };
        let operator = open::existing(config).await?;
        let issued = operator.issue_operator_token(&request).await?;
        let issued = issued_operator_as_json(&issued, config.tokens.warn_days);
        print_new("operator token", issued, self.json, out)
    }
}

async fn rotate(old: &Rotate, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    let operator = open::existing(config).await?;
    let rotated = operator.rotate_operator_token(&old.id, old.overlap).await?;
    let rotated = issued_operator_as_json(&rotated, config.tokens.warn_days);
    old.print("operator token", rotated, out)
}

impl List {
    async fn run(&self, management: &Management<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let columns = Columns {
            headings: &[
                "ID",
                "NAME",
                "ROLE",
                "SCOPES",
                "TENANTS",
                "STATE",
                "CREATED",
                "EXPIRES",
                "LAST USED",
            ],
            row: &as_row,
            key: &|token| token.id.clone(),
        };
        let request = ApiRequest::get(&["operators"]);
        let listed = self.paging.print(&columns, (management, &request), out);
        listed.await
    }
}

fn as_row(token: &OperatorTokenShape) -> Vec<String> {
    let role = OperatorRole::from_keyword(&token.role);
    let of_role = role.map(|role| role.scopes().iter().map(|scope| scope.as_str()).collect());
    let scopes = if of_role.is_some_and(|of_role: Vec<_>| of_role == token.scopes) {
        "of role".to_owned()
    } else {
        token.scopes.join(",")
    };
    let tenants = match &token.tenants {
        None => "all".to_owned(),
        Some(tenants) if tenants.is_empty() => "none".to_owned(),
        Some(tenants) => tenants.join(","),
    };
    vec![
        token.id.clone(),
        token.name.clone(),
        token.role.clone(),
        scopes,
        tenants,
        token.life.state.clone(),
        moment(Some(&token.life.created)),
        moment(token.life.expires.as_ref()),
        moment(token.life.last_used.as_ref()),
    ]
}

impl Revoke {
    async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let id = operator.revoke_operator_token(&self.id).await?;
        if self.json {
            output::json(out, &json!({"revoked": id}))?;
        }
        print_message(&format!("Revoked operator token {id}."));
        Ok(())
    }
}
