//! Tokens as JSON: one shape for commands and for the management API.

use crate::clock::Timestamp;
use crate::operator::admin::IssuedToken;
use crate::operator::operator_tokens::IssuedOperatorToken;
use crate::store::{OperatorTokenInfo, TokenInfo};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Properties that determine the state of a token of any kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenLife<'a> {
    expires: Option<Timestamp>,
    revoked: Option<Timestamp>,
    successor: Option<&'a str>,
}

impl<'a> From<&'a TokenInfo> for TokenLife<'a> {
    fn from(token: &'a TokenInfo) -> Self {
        Self {
            expires: token.expires,
            revoked: token.revoked,
            successor: token.successor.as_deref(),
        }
    }
}

impl<'a> From<&'a OperatorTokenInfo> for TokenLife<'a> {
    fn from(token: &'a OperatorTokenInfo) -> Self {
        Self {
            expires: token.expires,
            revoked: token.revoked,
            successor: token.successor.as_deref(),
        }
    }
}

impl TokenLife<'_> {
    /// Whether the token is valid at a time.
    pub(crate) fn is_valid(self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| end > now)
    }

    /// Remaining validity in seconds; `None` if the token is invalid or does not expire.
    pub(crate) fn left(self, now: Timestamp) -> Option<i64> {
        self.expires
            .filter(|_| self.is_valid(now))
            .map(|end| end.seconds_since(now))
    }

    /// The state of the token, a keyword. A token that expires within `warn_days` is expiring.
    pub(crate) fn state(self, now: Timestamp, warn_days: i64) -> &'static str {
        let soon = now.plus_seconds(warn_days * 86_400);
        match self {
            _ if self.revoked.is_some() => "revoked",
            _ if !self.is_valid(now) => "expired",
            _ if self.successor.is_some() => "rotated",
            _ if !self.is_valid(soon) => "expiring",
            _ => "active",
        }
    }
}

fn text(moment: Option<Timestamp>) -> Option<String> {
    moment.map(|moment| moment.to_string())
}

/// The state and expiry of a token of any kind, for JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LifeShape {
    /// The state of the token, a keyword.
    pub(crate) state: String,
    /// Time of issue.
    pub(crate) created: String,
    /// Expiry.
    pub(crate) expires: Option<String>,
    /// Remaining validity in whole days.
    pub(crate) days_left: Option<i64>,
    /// Last use.
    pub(crate) last_used: Option<String>,
    /// Time of revocation.
    pub(crate) revoked: Option<String>,
    /// Public part of its successor.
    pub(crate) successor: Option<String>,
}

impl LifeShape {
    /// The state and expiry of a token at a time; `used` are the times of its issue and last use.
    fn of(
        life: TokenLife<'_>,
        (state, now): (&str, Timestamp),
        used: (Timestamp, Option<Timestamp>),
    ) -> Self {
        Self {
            state: state.to_owned(),
            created: used.0.to_string(),
            expires: text(life.expires),
            days_left: life.left(now).map(|seconds| seconds / 86_400),
            last_used: text(used.1),
            revoked: text(life.revoked),
            successor: life.successor.map(str::to_owned),
        }
    }
}

/// The JSON form of a token of a tenant at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenShape {
    /// Public part.
    pub(crate) id: String,
    /// Name of its tenant.
    pub(crate) tenant: String,
    /// Name.
    pub(crate) name: String,
    /// Scope.
    pub(crate) scope: String,
    /// State and expiry.
    #[serde(flatten)]
    pub(crate) life: LifeShape,
    /// Name of the operator token that issued it.
    pub(crate) created_by: Option<String>,
}

impl TokenShape {
    /// The JSON form of a token in this state at a time.
    pub(crate) fn of(token: &TokenInfo, state: &str, now: Timestamp) -> Self {
        let used = (token.created, token.last_used);
        Self {
            id: token.id.clone(),
            tenant: token.tenant.clone(),
            name: token.name.clone(),
            scope: token.scope.as_str().to_owned(),
            life: LifeShape::of(token.into(), (state, now), used),
            created_by: token.created_by.clone(),
        }
    }
}

/// A token of a tenant as JSON, in this state at a time.
pub(crate) fn token_as_json(token: &TokenInfo, state: &str, now: Timestamp) -> Value {
    // Serializing texts and numbers cannot fail.
    serde_json::to_value(TokenShape::of(token, state, now)).unwrap_or_default()
}

/// A newly issued token of a tenant with its secret, as JSON.
pub(crate) fn issued_as_json(issued: &IssuedToken, warn_days: i64) -> Value {
    let info = TokenInfo {
        id: issued.id.clone(),
        tenant: issued.tenant.clone(),
        name: issued.name.clone(),
        scope: issued.scope,
        created: issued.created,
        expires: issued.expires,
        last_used: None,
        revoked: None,
        successor: None,
        created_by: issued.created_by.clone(),
    };
    let state = TokenLife::from(&info).state(issued.created, warn_days);
    let shown = token_as_json(&info, state, issued.created);
    with_secret(
        shown,
        issued.text.expose_secret(),
        issued.replaces.as_deref(),
    )
}

/// The JSON form of an operator token at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperatorTokenShape {
    /// Public part.
    pub(crate) id: String,
    /// User of the token.
    pub(crate) name: String,
    /// Role of the token.
    pub(crate) role: String,
    /// Scopes of its role.
    pub(crate) scopes: Vec<String>,
    /// Names of the tenants to which it is limited; `None`: all.
    pub(crate) tenants: Option<Vec<String>>,
    /// State and expiry.
    #[serde(flatten)]
    pub(crate) life: LifeShape,
}

/// An operator token as JSON at a time.
pub(crate) fn operator_token_as_json(
    token: &OperatorTokenInfo,
    now: Timestamp,
    warn_days: i64,
) -> Value {
    let life = TokenLife::from(token);
    let scopes = token.scopes().into_iter();
    let shape = OperatorTokenShape {
        id: token.id.clone(),
        name: token.name.clone(),
        role: token.role.as_str().to_owned(),
        scopes: scopes.map(|scope| scope.as_str().to_owned()).collect(),
        tenants: token.tenants.clone(),
        life: LifeShape::of(
            life,
            (life.state(now, warn_days), now),
            (token.created, token.last_used),
        ),
    };
    // Serializing texts and numbers cannot fail.
    serde_json::to_value(shape).unwrap_or_default()
}

/// A newly issued operator token with its secret, as JSON.
pub(crate) fn issued_operator_as_json(issued: &IssuedOperatorToken, warn_days: i64) -> Value {
    let shown = operator_token_as_json(&issued.info, issued.info.created, warn_days);
    with_secret(
        shown,
        issued.text.expose_secret(),
        issued.replaces.as_deref(),
    )
}

fn with_secret(mut shown: Value, secret: &str, replaces: Option<&str>) -> Value {
    if let Some(members) = shown.as_object_mut() {
        members.insert("token".to_owned(), secret.into());
        if let Some(old) = replaces {
            members.insert("replaces".to_owned(), old.into());
        }
    }
    shown
}
