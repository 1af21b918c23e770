//! Issuing, rotating and revoking tokens of tenants; verification of derived data.

use crate::access::token;
use crate::access::token::{FreshToken, TokenKind};
use crate::audit::{AuditAction, AuditEntry};
use crate::clock::Timestamp;
use crate::operator::acting::{Once, moment};
use crate::operator::error::{OperatorError, Result};
use crate::operator::handle::Operator;
use crate::operator::tenant_acts::no_tenant;
use crate::store::{
    ALL_TENANTS, Finding, NewToken, TokenInfo, TokenScope, Verified, VerifyRequest,
};
use secrecy::SecretString;
use serde_json::Value;

/// A new token, which is shown once.
#[derive(Debug)]
pub struct IssuedToken {
    /// Public part.
    pub id: String,
    /// Name of its tenant.
    pub(crate) tenant: String,
    /// Name.
    pub(crate) name: String,
    /// Scope.
    pub(crate) scope: TokenScope,
    /// The complete token.
    pub text: SecretString,
    /// Time of issue.
    pub(crate) created: Timestamp,
    /// Expiry.
    pub(crate) expires: Option<Timestamp>,
    /// Name of the operator token that issued it; `None` for a command.
    pub(crate) created_by: Option<String>,
    /// Public part of the token that it replaces.
    pub(crate) replaces: Option<String>,
}

/// A token to issue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenRequest<'a> {
    /// Name of its tenant.
    pub(crate) tenant: &'a str,
    /// The purpose of the token.
    pub(crate) name: &'a str,
    /// Scope.
    pub(crate) scope: TokenScope,
    /// Validity in seconds; `None`: does not expire.
    pub(crate) seconds: Option<i64>,
}

impl Operator {
    /// Issues a token that is valid for this number of seconds.
    ///
    /// # Errors
    /// 400 for an invalid name, 404 for an unknown tenant.
    pub async fn issue_token(
        &self,
        tenant: &str,
        name: &str,
        scope: TokenScope,
        seconds: Option<i64>,
    ) -> Result<IssuedToken> {
        let request = TokenRequest {
            tenant,
            name,
            scope,
            seconds,
        };
        self.issue_token_once(&request, None).await
    }

    /// Issues a token; the response of `once` is stored for repetitions of the request.
    ///
    /// # Errors
    /// For an invalid name, and an unknown tenant.
    pub(crate) async fn issue_token_once(
        &self,
        request: &TokenRequest<'_>,
        once: Option<Once<'_, IssuedToken>>,
    ) -> Result<IssuedToken> {
        check_token_name(request.name)?;
        let fresh = token::fresh(TokenKind::Tenant)?;
        let kept = self.new_token(&fresh, request.name, request.scope, request.seconds);
        let entry = entry(AuditAction::TokenIssue, request.tenant, &kept);
        let issued = issued(fresh, request.tenant, kept.clone(), None);
        let answer = self.kept(once, &issued)?;
        let act = self.act(entry, answer.as_ref());
        if !self.store.add_token(&act, request.tenant, &kept).await? {
            return Err(no_tenant(request.tenant));
        }
        Ok(issued)
    }

    /// Issues a token that reads the change feed of all tenants and is valid for this number of seconds; the response
    /// of `once` is stored for repetitions of the request.
    ///
    /// # Errors
    /// 400 for an invalid name.
    pub async fn issue_feed_token(
        &self,
        name: &str,
        seconds: Option<i64>,
        once: Option<Once<'_, IssuedToken>>,
    ) -> Result<IssuedToken> {
        check_token_name(name)?;
        let fresh = token::fresh(TokenKind::Tenant)?;
        let kept = self.new_token(&fresh, name, TokenScope::Feed, seconds);
        let entry = entry(AuditAction::TokenIssue, ALL_TENANTS, &kept);
        let issued = issued(fresh, ALL_TENANTS, kept.clone(), None);
        let answer = self.kept(once, &issued)?;
        let act = self.act(entry, answer.as_ref());
        self.store.add_token_of_all(&act, &kept).await?;
        Ok(issued)
    }

    /// The stored form of a new token that is valid for this number of seconds.
    fn new_token(
        &self,
        fresh: &FreshToken,
        name: &str,
        scope: TokenScope,
        seconds: Option<i64>,
    ) -> NewToken {
        let created = self.clock.now();
        NewToken {
            id: fresh.id.clone(),
            name: name.to_owned(),
            secret_digest: fresh.digest.clone(),
            scope,
            created,
            expires: seconds.map(|seconds| created.plus_seconds(seconds)),
            created_by: self.operator_name(),
        }
    }

    /// Issues a successor with the same name, scope and lifetime, and sets the old token to expire after an overlap, in
    /// seconds. The old one is given by its id or completely.
    ///
    /// # Errors
    /// 404 if there is no valid token; 409 if it has a successor, because the new token would be valid only for the
    /// overlap.
    pub async fn rotate_token(&self, id: &str, overlap: i64) -> Result<IssuedToken> {
        self.rotate_token_once(id, overlap, None).await
    }

    /// Rotates a token as [`Operator::rotate_token`] does; the response of `once` is stored for repetitions of the
    /// request.
    ///
    /// # Errors
    /// If there is no valid token, or it has a successor.
    pub(crate) async fn rotate_token_once(
        &self,
        id: &str,
        overlap: i64,
        once: Option<Once<'_, IssuedToken>>,
    ) -> Result<IssuedToken> {
        let id = token::public_part(id);
        let now = self.clock.now();
        let is_good =
            |token: &TokenInfo| token.revoked.is_none() && token.expires.is_none_or(|at| at > now);
        let found = self.store.any_token(id).await?.map(|found| found.info);
        let old = found.filter(is_good).ok_or_else(|| no_token(id))?;
        if let Some(successor) = &old.successor {
            return Err(rotated(id, successor));
        }
        let life = old
            .expires
            .map(|expires| expires.seconds_since(old.created));
        let fresh = token::fresh(TokenKind::Tenant)?;
        let kept = self.new_token(&fresh, &old.name, old.scope, life);
        let entry = AuditEntry::new(AuditAction::TokenRotate)
            .in_tenant(&old.tenant)
            .on(id)
            .changing("successor", Value::Null, kept.id.as_str());
        let issued = issued(fresh, &old.tenant, kept.clone(), Some(id));
        let answer = self.kept(once, &issued)?;
        let act = self.act(entry, answer.as_ref());
        let end = now.plus_seconds(overlap);
        if !self.store.rotate_token(&act, id, &kept, end).await? {
            let found = self
                .store
                .any_token(id)
                .await?
                .and_then(|found| found.info.successor);
            return Err(found.map_or_else(|| no_token(id), |successor| rotated(id, &successor)));
        }
        Ok(issued)
    }

    /// Revokes a token, given by its id or completely, with effect from the next request; returns its id.
    ///
    /// # Errors
    /// 404 if the token does not exist, or is revoked.
    pub async fn revoke_token(&self, id: &str) -> Result<String> {
        let id = token::public_part(id);
        let found = self.store.any_token(id).await?.map(|found| found.info);
        let found = found.ok_or_else(|| no_token(id))?;
        let entry = AuditEntry::new(AuditAction::TokenRevoke)
            .in_tenant(&found.tenant)
            .on(id)
            .changing("name", found.name, Value::Null);
        if self.store.revoke_token(&self.act(entry, None), id).await? {
            Ok(id.to_owned())
        } else {
            Err(no_token(id))
        }
    }

    /// The token of a tenant with that public part.
    ///
    /// # Errors
    /// If the tenant has no such token.
    pub(crate) async fn token(&self, tenant: &str, id: &str) -> Result<TokenInfo> {
        let found = self.store.token(id).await?.map(|found| found.info);
        found
            .filter(|token| token.tenant == tenant)
            .ok_or_else(|| OperatorError::NoToken(id.to_owned()))
    }

    /// The token with that public part, of any tenant.
    ///
    /// # Errors
    /// If there is no such token.
    pub(crate) async fn token_by_id(&self, id: &str) -> Result<TokenInfo> {
        let found = self.store.any_token(id).await?.map(|found| found.info);
        found.ok_or_else(|| OperatorError::NoToken(id.to_owned()))
    }

    /// The feed token, of one tenant or all, with that public part.
    ///
    /// # Errors
    /// If there is no such token.
    pub(crate) async fn feed_token(&self, id: &str) -> Result<TokenInfo> {
        let found = self.store.any_token(id).await?.map(|found| found.info);
        found
            .filter(|token| token.scope == TokenScope::Feed)
            .ok_or_else(|| OperatorError::NoToken(id.to_owned()))
    }

    /// Compares every derived row of all tenants with its source. A repair rewrites differing rows.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub async fn verify(&self, repair: bool) -> Result<Vec<Finding>> {
        Ok(self
            .verify_with_progress(repair, &mut || ())
            .await?
            .findings)
    }

    /// Verifies as [`Operator::verify`] does, and calls `compared` for every resource.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn verify_with_progress(
        &self,
        repair: bool,
        compared: &mut (dyn FnMut() + Send),
    ) -> Result<Verified> {
        self.store.check_file(None).await?;
        let mut all = Verified::default();
        let mut tenants = self.each_tenant();
        while let Some(tenant) = tenants.next().await? {
            let scope = tenant.scope(self.catalogs.of(&self.store, &tenant).await?.layout.clone());
            let request = VerifyRequest {
                repair,
                now: self.clock.now(),
                compared: &mut *compared,
            };
            all.extend(self.store.verify(&scope, &tenant.name, request).await?);
            let activity = self
                .store
                .verify_activity(tenant.number(), &tenant.name, repair)
                .await?;
            all.extend(activity);
        }
        if repair {
            self.index_follows().await?;
        }
        Ok(all)
    }
}

fn entry(action: AuditAction, tenant: &str, kept: &NewToken) -> AuditEntry {
    AuditEntry::new(action)
        .in_tenant(tenant)
        .on(&kept.id)
        .changing("name", Value::Null, kept.name.as_str())
        .changing("scope", Value::Null, kept.scope.as_str())
        .changing("expires", Value::Null, moment(kept.expires))
}

/// A new token of a tenant, with the one that it replaces.
fn issued(fresh: FreshToken, tenant: &str, kept: NewToken, replaces: Option<&str>) -> IssuedToken {
    IssuedToken {
        id: fresh.id,
        tenant: tenant.to_owned(),
        name: kept.name,
        scope: kept.scope,
        text: fresh.text,
        created: kept.created,
        expires: kept.expires,
        created_by: kept.created_by,
        replaces: replaces.map(str::to_owned),
    }
}

pub(super) fn check_token_name(name: &str) -> Result<()> {
    if name.contains(char::is_control) {
        return Err(OperatorError::TokenNameControl);
    }
    if !(1..=100).contains(&name.trim().chars().count()) {
        return Err(OperatorError::TokenNameLength);
    }
    Ok(())
}

fn rotated(id: &str, successor: &str) -> OperatorError {
    OperatorError::TokenRotated {
        id: id.to_owned(),
        successor: successor.to_owned(),
    }
}

fn no_token(id: &str) -> OperatorError {
    OperatorError::NoValidToken(id.to_owned())
}
