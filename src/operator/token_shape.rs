//! Tokens as JSON: one shape for commands and for the management API.

use crate::clock::Timestamp;
use crate::operator::admin::IssuedToken;
use crate::operator::operator_tokens::IssuedOperatorToken;
use crate::store::{OperatorTokenInfo, TokenInfo};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// What says whether a token works, of whatever kind the token is.
#[derive(Debug, Clone, Copy)]
pub struct TokenLife<'a> {
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
    /// Whether the token is good at a moment.
    pub fn is_valid(self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| end > now)
    }

    /// Seconds that the token is still good; `None` if it is not, or has no end.
    pub fn left(self, now: Timestamp) -> Option<i64> {
        self.expires
            .filter(|_| self.is_valid(now))
            .map(|end| end.seconds_since(now))
    }

    /// Whether the token works, in a word. One that ends within `warn_days` is expiring.
    pub fn state(self, now: Timestamp, warn_days: i64) -> &'static str {
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

/// A token of a tenant, in this state at a moment.
pub fn token_as_json(token: &TokenInfo, state: &str, now: Timestamp) -> Value {
    json!({
        "id": token.id,
        "tenant": token.tenant,
        "name": token.name,
        "scope": token.scope.as_str(),
        "state": state,
        "created": token.created.to_string(),
        "expires": text(token.expires),
        "daysLeft": TokenLife::from(token).left(now).map(|seconds| seconds / 86_400),
        "lastUsed": text(token.last_used),
        "revoked": text(token.revoked),
        "successor": token.successor,
        "createdBy": token.created_by,
    })
}

/// A token of a tenant that has just been issued, with its secret.
pub fn issued_as_json(issued: &IssuedToken, warn_days: i64) -> Value {
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

/// An operator token, at a moment.
pub fn operator_token_as_json(token: &OperatorTokenInfo, now: Timestamp, warn_days: i64) -> Value {
    let life = TokenLife::from(token);
    let scopes: Vec<_> = token.scopes().iter().map(|scope| scope.as_str()).collect();
    json!({
        "id": token.id,
        "name": token.name,
        "role": token.role.as_str(),
        "scopes": scopes,
        "tenants": token.tenants,
        "state": life.state(now, warn_days),
        "created": token.created.to_string(),
        "expires": text(token.expires),
        "daysLeft": life.left(now).map(|seconds| seconds / 86_400),
        "lastUsed": text(token.last_used),
        "revoked": text(token.revoked),
        "successor": token.successor,
    })
}

/// An operator token that has just been issued, with its secret.
pub fn issued_operator_as_json(issued: &IssuedOperatorToken, warn_days: i64) -> Value {
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
