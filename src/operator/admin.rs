//! What the operator asks of the server: tenants, tokens, and whether the store is sound.

use crate::access::token;
use crate::access::token::FreshToken;
use crate::clock::Timestamp;
use crate::operator::error::{OperatorError, Result};
use crate::operator::handle::Operator;
use crate::operator::tenants::COUNTED;
use crate::store::{
    ALL_TENANTS, NewToken, TenantChange, TenantInfo, TokenInfo, TokenScope, Verified,
};
use secrecy::SecretString;

/// A token at the one time that it is shown.
#[derive(Debug)]
pub struct IssuedToken {
    /// Public part.
    pub id: String,
    /// Name of its tenant.
    pub tenant: String,
    /// Name that the operator gave it.
    pub name: String,
    /// What it may do.
    pub scope: TokenScope,
    /// The whole token.
    pub text: SecretString,
    /// Until when it is good.
    pub expires: Option<Timestamp>,
    /// Public part of the token in whose place it was issued.
    pub replaces: Option<String>,
}

impl Operator {
    /// Creates a tenant with settings.
    ///
    /// # Errors
    /// 400 for a name that is none, 409 if there is one of that name.
    pub async fn create_tenant(&self, name: &str, change: &TenantChange) -> Result<TenantInfo> {
        let is_name = !name.is_empty()
            && name.len() <= 63
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !name.starts_with('-');
        if !is_name {
            return Err(OperatorError::TenantName(name.to_owned()));
        }
        if !self.store.create_tenant(name, self.clock.now()).await? {
            return Err(OperatorError::TenantExists(name.to_owned()));
        }
        self.change_tenant(name, change).await
    }

    /// One tenant.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub async fn tenant(&self, name: &str) -> Result<TenantInfo> {
        self.store
            .tenant(name, COUNTED, self.health_time())
            .await?
            .ok_or_else(|| no_tenant(name))
    }

    /// Changes settings of a tenant.
    ///
    /// # Errors
    /// 400 for settings that cannot be, 404 if there is no tenant of that name.
    pub async fn change_tenant(&self, name: &str, change: &TenantChange) -> Result<TenantInfo> {
        if change.seats.flatten().is_some_and(|seats| seats < 0) {
            return Err(OperatorError::NegativeSeats);
        }
        if let Some(unique) = change.unique_group_names {
            self.claim_group_names(name, unique).await?;
        }
        if !self
            .store
            .change_tenant(name, change, self.clock.now())
            .await?
        {
            return Err(no_tenant(name));
        }
        self.tenant(name).await
    }

    /// Deletes a tenant with all that it has.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub async fn delete_tenant(&self, name: &str) -> Result<()> {
        if self.store.delete_tenant(name, self.clock.now()).await? {
            Ok(())
        } else {
            Err(no_tenant(name))
        }
    }

    /// Issues a token that is valid for this number of seconds.
    ///
    /// # Errors
    /// 400 for a name that is none, 404 if there is no tenant of that name.
    pub async fn issue_token(
        &self,
        tenant: &str,
        name: &str,
        scope: TokenScope,
        seconds: Option<i64>,
    ) -> Result<IssuedToken> {
        check_token_name(name)?;
        let fresh = token::fresh()?;
        let kept = self.new_token(&fresh, name, scope, seconds);
        if !self.store.add_token(tenant, &kept).await? {
            return Err(no_tenant(tenant));
        }
        Ok(issued(fresh, tenant, kept, None))
    }

    /// Issues a token that reads the change feed of all tenants and is valid for this number of seconds.
    ///
    /// # Errors
    /// 400 for a name that is none.
    pub async fn issue_feed_token(&self, name: &str, seconds: Option<i64>) -> Result<IssuedToken> {
        check_token_name(name)?;
        let fresh = token::fresh()?;
        let kept = self.new_token(&fresh, name, TokenScope::Feed, seconds);
        self.store.add_token_of_all(&kept).await?;
        Ok(issued(fresh, ALL_TENANTS, kept, None))
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
        }
    }

    /// Issues a successor with the same name, scope and length of life, and lets the old token
    /// end after an overlap, in seconds. The old one is given by its id or as a whole.
    ///
    /// # Errors
    /// 404 if there is no such token that is good; 409 if it has a successor, which would live only
    /// as long as the overlap.
    pub async fn rotate_token(&self, id: &str, overlap: i64) -> Result<IssuedToken> {
        let id = token::public_part(id);
        let now = self.clock.now();
        let is_good =
            |token: &TokenInfo| token.revoked.is_none() && token.expires.is_none_or(|at| at > now);
        let found = self.store.token(id).await?.map(|(_, token, _)| token);
        let old = found.filter(is_good).ok_or_else(|| no_token(id))?;
        if let Some(successor) = &old.successor {
            return Err(rotated(id, successor));
        }
        let life = old
            .expires
            .map(|expires| expires.seconds_since(old.created));
        let fresh = token::fresh()?;
        let kept = self.new_token(&fresh, &old.name, old.scope, life);
        if !self
            .store
            .rotate_token(id, &kept, (now, now.plus_seconds(overlap)))
            .await?
        {
            let found = self
                .store
                .token(id)
                .await?
                .and_then(|(_, token, _)| token.successor);
            return Err(found.map_or_else(|| no_token(id), |successor| rotated(id, &successor)));
        }
        Ok(issued(fresh, &old.tenant, kept, Some(id)))
    }

    /// Revokes a token, given by its id or as a whole, from the next request on; gives its id.
    ///
    /// # Errors
    /// 404 if there is no such token, or it is revoked.
    pub async fn revoke_token(&self, id: &str) -> Result<String> {
        let id = token::public_part(id);
        if self.store.revoke_token(id, self.clock.now()).await? {
            Ok(id.to_owned())
        } else {
            Err(no_token(id))
        }
    }

    /// Holds every derived row against its source, of all tenants; a line for each finding. A
    /// repair rewrites what differs.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn verify(&self, repair: bool) -> Result<Vec<String>> {
        Ok(self.verify_telling(repair, &mut || ()).await?.findings)
    }

    /// Verifies as [`Operator::verify`] does, and calls `compared` for every resource.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn verify_telling(
        &self,
        repair: bool,
        compared: &mut (dyn FnMut() + Send),
    ) -> Result<Verified> {
        self.store.check_file(None).await?;
        let mut all = Verified::default();
        let mut tenants = self.each_tenant();
        while let Some(tenant) = tenants.next().await? {
            let scope = tenant.scope(self.catalogs.of(&self.store, &tenant).await?.layout.clone());
            let Verified {
                findings,
                unrepaired,
            } = self
                .store
                .verify(&scope, &tenant.name, repair, (self.clock.now(), compared))
                .await?;
            all.findings.extend(findings);
            all.unrepaired += unrepaired;
            let activity = self
                .store
                .verify_activity(tenant.number(), &tenant.name, repair)
                .await?;
            all.findings.extend(activity.findings);
        }
        if repair {
            self.index_follows().await?;
        }
        Ok(all)
    }

    /// Claims the names of groups, or gives them free.
    async fn claim_group_names(&self, tenant: &str, unique: bool) -> Result<()> {
        let settings = self.tenant(tenant).await?.settings;
        let numbered = self.catalogs.made_of(&self.store, &settings, true).await?;
        for resource_type in numbered
            .catalog
            .resource_types()
            .iter()
            .filter(|resource_type| resource_type.members().is_some())
        {
            let Some(of_type) = numbered.layout.of_type(resource_type) else {
                continue;
            };
            self.store
                .claim_display(tenant, of_type, unique)
                .await
                .map_err(OperatorError::SharedGroupNames)?;
        }
        Ok(())
    }
}

fn no_tenant(name: &str) -> OperatorError {
    OperatorError::NoTenant(name.to_owned())
}

/// A fresh token of a tenant as it is shown, with the one that it replaces.
fn issued(fresh: FreshToken, tenant: &str, kept: NewToken, replaces: Option<&str>) -> IssuedToken {
    IssuedToken {
        id: fresh.id,
        tenant: tenant.to_owned(),
        name: kept.name,
        scope: kept.scope,
        text: fresh.text,
        expires: kept.expires,
        replaces: replaces.map(str::to_owned),
    }
}

fn check_token_name(name: &str) -> Result<()> {
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
