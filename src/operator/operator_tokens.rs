//! Operator tokens of the management API: issuing, listing, rotating, revoking and authenticating them.

use crate::access::token::{self, FreshToken, TokenKind};
use crate::audit::{AuditAction, AuditEntry};
use crate::clock::Timestamp;
use crate::error::ScimError;
use crate::operator::admin::check_token_name;
use crate::operator::error::{OperatorError, Result};
use crate::operator::handle::Operator;
use crate::store::{NewOperatorToken, OperatorRole, OperatorScope, OperatorTokenInfo};
use secrecy::SecretString;
use serde_json::Value;

/// Resolution of the stored last use of a token, in seconds.
const LAST_USE: i64 = 60;

/// An operator token to be issued.
#[derive(Debug, Clone)]
pub struct OperatorTokenRequest {
    /// Name.
    pub name: String,
    /// Role.
    pub role: OperatorRole,
    /// The scopes to which it is limited; `None`: all of its role.
    pub scopes: Option<Vec<OperatorScope>>,
    /// Names of the tenants to which it is limited; `None`: all.
    pub tenants: Option<Vec<String>>,
    /// Validity in seconds; `None`: does not expire.
    pub seconds: Option<i64>,
}

/// A new operator token, which is shown once.
#[derive(Debug)]
pub struct IssuedOperatorToken {
    /// The token without its secret.
    pub(crate) info: OperatorTokenInfo,
    /// The complete token.
    pub text: SecretString,
    /// Public part of the token that it replaces.
    pub(crate) replaces: Option<String>,
}

/// Why a request with or without an operator token is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperatorRefusal {
    /// The request has no token after `Bearer`.
    #[error(
        "No operator token was sent: the Authorization header must be \"Bearer\", a blank and the token."
    )]
    Missing,
    /// The token is unknown.
    #[error("The operator token is unknown: copy the whole token, from \"scimdop_\" on.")]
    Unknown,
    /// The token belongs to a tenant.
    #[error(
        "This is a SCIM token of a tenant: the management API needs an operator token, which begins with \"scimdop_\"."
    )]
    TenantToken,
    /// The token has expired.
    #[error("The operator token has expired: issue a new one.")]
    Expired,
    /// The token was revoked.
    #[error("The operator token was revoked: issue a new one.")]
    Revoked,
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] ScimError),
}

impl Operator {
    /// Issues an operator token.
    ///
    /// # Errors
    /// For an invalid name, a scope that the role does not have, or an unknown tenant.
    pub async fn issue_operator_token(
        &self,
        request: &OperatorTokenRequest,
    ) -> Result<IssuedOperatorToken> {
        check_token_name(&request.name)?;
        let of_role = request.role.scopes();
        let missing = request.scopes.iter().flatten();
        if let Some(scope) = missing.into_iter().find(|scope| !of_role.contains(scope)) {
            return Err(OperatorError::ScopeOfRole {
                scope: scope.as_str(),
                role: request.role.as_str(),
            });
        }
        for tenant in request.tenants.iter().flatten() {
            self.tenant(tenant).await?;
        }
        let fresh = token::fresh(TokenKind::Operator)?;
        let created = self.clock.now();
        let new = NewOperatorToken {
            id: fresh.id.clone(),
            name: request.name.clone(),
            secret_digest: fresh.digest.clone(),
            role: request.role,
            scopes: request.scopes.clone(),
            tenants: request.tenants.clone(),
            created,
            expires: request.seconds.map(|seconds| created.plus_seconds(seconds)),
        };
        let act = self.act(entry(AuditAction::OperatorIssue, &new), None);
        self.store.add_operator_token(&act, &new).await?;
        Ok(issued(fresh, new, None))
    }

    /// Issues a successor with the same name, role, scopes, tenants and lifetime, and sets the old token to expire
    /// after an overlap, in seconds.
    ///
    /// # Errors
    /// If there is no valid token, or it has a successor.
    pub(crate) async fn rotate_operator_token(
        &self,
        id: &str,
        overlap: i64,
    ) -> Result<IssuedOperatorToken> {
        let id = token::public_part(id);
        let now = self.clock.now();
        let found = self.store.operator_token(id).await?.map(|(info, _)| info);
        let old = found
            .filter(|token| is_good(token, now))
            .ok_or_else(|| OperatorError::NoValidToken(id.to_owned()))?;
        if let Some(successor) = old.successor {
            return Err(OperatorError::TokenRotated {
                id: id.to_owned(),
                successor,
            });
        }
        let fresh = token::fresh(TokenKind::Operator)?;
        let life = old.expires.map(|end| end.seconds_since(old.created));
        let new = NewOperatorToken {
            id: fresh.id.clone(),
            name: old.name,
            secret_digest: fresh.digest.clone(),
            role: old.role,
            scopes: old.given_scopes,
            tenants: old.tenants,
            created: now,
            expires: life.map(|seconds| now.plus_seconds(seconds)),
        };
        let entry = AuditEntry::new(AuditAction::OperatorRotate).on(id);
        let act = self.act(
            entry.changing("successor", Value::Null, new.id.as_str()),
            None,
        );
        let end = now.plus_seconds(overlap);
        if !self
            .store
            .rotate_operator_token(&act, id, &new, end)
            .await?
        {
            return Err(OperatorError::NoValidToken(id.to_owned()));
        }
        Ok(issued(fresh, new, Some(id)))
    }

    /// Revokes an operator token, given by its id or completely, with effect from the next request; returns its id.
    ///
    /// # Errors
    /// If the token does not exist, or is revoked.
    pub async fn revoke_operator_token(&self, id: &str) -> Result<String> {
        let id = token::public_part(id);
        let act = self.act(AuditEntry::new(AuditAction::OperatorRevoke).on(id), None);
        if self.store.revoke_operator_token(&act, id).await? {
            Ok(id.to_owned())
        } else {
            Err(OperatorError::NoValidToken(id.to_owned()))
        }
    }

    /// A page of operator tokens in the order of issue, after the one with that public part.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn operator_tokens(
        &self,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<OperatorTokenInfo>> {
        Ok(self.store.operator_tokens(after, limit).await?)
    }

    /// The operator token in the value of an `Authorization` header, from the database.
    ///
    /// # Errors
    /// The problem with the token.
    pub(crate) async fn operator_by_token(
        &self,
        authorization: Option<&str>,
    ) -> std::result::Result<OperatorTokenInfo, OperatorRefusal> {
        let text = authorization.map(str::trim).unwrap_or_default();
        let (scheme, sent) = text.split_once(' ').unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("bearer") || sent.trim().is_empty() {
            return Err(OperatorRefusal::Missing);
        }
        let sent = sent.trim();
        let Some((id, secret)) = token::parse(TokenKind::Operator, sent) else {
            return Err(if token::parse(TokenKind::Tenant, sent).is_some() {
                OperatorRefusal::TenantToken
            } else {
                OperatorRefusal::Unknown
            });
        };
        let found = self.store.operator_token(id).await;
        let found = found.map_err(ScimError::from)?;
        // The digest is compared for unknown ids too, so that both cases take the same time.
        let expected = found.as_ref().map_or("", |(_, digest)| digest.as_str());
        let fits = token::fits(&secret, expected);
        let Some((info, _)) = found.filter(|_| fits) else {
            return Err(OperatorRefusal::Unknown);
        };
        let now = self.clock.now();
        if info.revoked.is_some() {
            return Err(OperatorRefusal::Revoked);
        }
        if !is_good(&info, now) {
            return Err(OperatorRefusal::Expired);
        }
        self.touch_operator(&info, now);
        Ok(info)
    }

    /// Writes the last use of an operator token in the background, at most once a minute.
    fn touch_operator(&self, info: &OperatorTokenInfo, now: Timestamp) {
        if info
            .last_used
            .is_some_and(|last| now.seconds_since(last) < LAST_USE)
        {
            return;
        }
        let (store, id) = (self.store.clone(), info.id.clone());
        self.service.access().tasks().spawn(async move {
            if let Err(error) = store.touch_operator_token(&id, now).await {
                tracing::warn!(token = id, %error, "the last use of a token could not be written");
            }
        });
    }
}

/// Whether a token is valid: neither revoked nor expired.
fn is_good(token: &OperatorTokenInfo, now: Timestamp) -> bool {
    token.revoked.is_none() && token.expires.is_none_or(|end| end > now)
}

fn entry(action: AuditAction, new: &NewOperatorToken) -> AuditEntry {
    let words = |scopes: &Vec<OperatorScope>| {
        let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        Value::from(words)
    };
    AuditEntry::new(action)
        .on(&new.id)
        .changing("name", Value::Null, new.name.as_str())
        .changing("role", Value::Null, new.role.as_str())
        .changing(
            "scopes",
            Value::Null,
            new.scopes.as_ref().map_or(Value::Null, words),
        )
        .changing("tenants", Value::Null, new.tenants.clone())
        .changing(
            "expires",
            Value::Null,
            new.expires.map(|end| end.to_string()),
        )
}

fn issued(fresh: FreshToken, new: NewOperatorToken, replaces: Option<&str>) -> IssuedOperatorToken {
    IssuedOperatorToken {
        info: OperatorTokenInfo {
            id: new.id,
            name: new.name,
            role: new.role,
            given_scopes: new.scopes,
            tenants: new.tenants,
            created: new.created,
            expires: new.expires,
            last_used: None,
            revoked: None,
            successor: None,
        },
        text: fresh.text,
        replaces: replaces.map(str::to_owned),
    }
}
