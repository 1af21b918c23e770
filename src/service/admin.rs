//! What the operator asks of the server: tenants, tokens, and whether the store is sound.

use super::{Service, token};
use crate::clock::Timestamp;
use crate::error::{Result, ScimError};
use crate::store::{NewToken, TenantChange, TenantInfo, TokenInfo, TokenScope};
use secrecy::SecretString;

/// A token at the one time that it is shown.
#[derive(Debug)]
pub struct IssuedToken {
    /// Public part.
    pub id: String,
    /// The whole token.
    pub text: SecretString,
    /// Until when it is good.
    pub expires: Option<Timestamp>,
}

impl Service {
    /// Creates a tenant with settings.
    ///
    /// # Errors
    /// 400 for a name that is none, 409 if there is one of that name.
    pub async fn create_tenant(&self, name: &str, change: &TenantChange) -> Result<TenantInfo> {
        let is_name = !name.is_empty()
            && name.len() <= 63
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !name.starts_with('-');
        if !is_name {
            return Err(ScimError::invalid_value(format!(
                "\"{name}\" is no tenant name: use lower-case letters, digits and hyphens, at most 63."
            )));
        }
        if !self.store.create_tenant(name, self.clock.now()).await? {
            return Err(ScimError::uniqueness(format!("There is a tenant \"{name}\" already.")));
        }
        self.change_tenant(name, change).await
    }

    /// All tenants.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tenants(&self) -> Result<Vec<TenantInfo>> {
        Ok(self.store.tenants(None, "User", "Group").await?)
    }

    /// One tenant.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub async fn tenant(&self, name: &str) -> Result<TenantInfo> {
        let found = self.store.tenants(Some(name), "User", "Group").await?;
        found.into_iter().next().ok_or_else(|| no_tenant(name))
    }

    /// Changes settings of a tenant.
    ///
    /// # Errors
    /// 400 for settings that cannot be, 404 if there is no tenant of that name.
    pub async fn change_tenant(&self, name: &str, change: &TenantChange) -> Result<TenantInfo> {
        if change.seats.flatten().is_some_and(|seats| seats < 0) {
            return Err(ScimError::invalid_value("The number of seats cannot be negative."));
        }
        if let Some(unique) = change.unique_group_names {
            self.claim_group_names(name, unique).await?;
        }
        if !self.store.change_tenant(name, change).await? {
            return Err(no_tenant(name));
        }
        self.tenant(name).await
    }

    /// Deletes a tenant with all that it has.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub async fn delete_tenant(&self, name: &str) -> Result<()> {
        if self.store.delete_tenant(name).await? { Ok(()) } else { Err(no_tenant(name)) }
    }

    /// Issues a token, good for so many seconds.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name.
    pub async fn issue_token(
        &self,
        tenant: &str,
        name: &str,
        scope: TokenScope,
        seconds: Option<i64>,
    ) -> Result<IssuedToken> {
        let fresh = token::fresh()?;
        let created = self.clock.now();
        let expires = seconds.map(|seconds| created.plus_seconds(seconds));
        let kept = NewToken {
            id: fresh.id.clone(),
            name: name.to_owned(),
            secret_digest: fresh.digest,
            scope,
            created,
            expires,
        };
        if !self.store.add_token(tenant, &kept).await? {
            return Err(no_tenant(tenant));
        }
        Ok(IssuedToken { id: fresh.id, text: fresh.text, expires })
    }

    /// All tokens, or those of a tenant.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name.
    pub async fn tokens(&self, tenant: Option<&str>) -> Result<Vec<TokenInfo>> {
        if let Some(name) = tenant {
            self.tenant(name).await?;
        }
        Ok(self.store.tokens(tenant).await?)
    }

    /// Issues a successor with the same name, scope and length of life, and lets the old token
    /// end after an overlap of so many seconds.
    ///
    /// # Errors
    /// 404 if there is no such token that is good.
    pub async fn rotate_token(&self, id: &str, overlap: i64) -> Result<IssuedToken> {
        let now = self.clock.now();
        let tokens = self.store.tokens(None).await?;
        let is_good = |token: &TokenInfo| token.revoked.is_none() && token.expires.is_none_or(|at| at > now);
        let old = tokens.iter().find(|token| token.id == id && is_good(token)).ok_or_else(|| no_token(id))?;
        let life = old.expires.map(|expires| expires.seconds_since(old.created));
        let issued = self.issue_token(&old.tenant, &old.name, old.scope, life).await?;
        self.store.expire_token(id, now.plus_seconds(overlap)).await?;
        Ok(issued)
    }

    /// Revokes a token, from the next request on.
    ///
    /// # Errors
    /// 404 if there is no such token, or it is revoked.
    pub async fn revoke_token(&self, id: &str) -> Result<()> {
        if self.store.revoke_token(id, self.clock.now()).await? { Ok(()) } else { Err(no_token(id)) }
    }

    /// Holds every derived row against its source, of all tenants; a line for each finding. A
    /// repair rewrites what differs.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn verify(&self, repair: bool) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        for tenant in self.tenants().await? {
            let layout = self.catalogs.of(&self.store, &tenant.settings).await?.layout.clone();
            let scope = tenant.settings.scope(layout);
            findings.extend(self.store.verify(&scope, &tenant.settings.name, repair).await?);
        }
        if repair {
            self.index_follows().await?;
        }
        Ok(findings)
    }

    /// Claims the names of groups, or gives them free.
    async fn claim_group_names(&self, tenant: &str, unique: bool) -> Result<()> {
        let settings = self.tenant(tenant).await?.settings;
        let numbered = self.catalogs.made_of(&self.store, &settings, true).await?;
        for kind in numbered.catalog.resource_types().iter().filter(|kind| kind.members().is_some()) {
            let Some(of_type) = numbered.layout.of_type(kind) else { continue };
            self.store.claim_display(tenant, of_type, unique).await.map_err(|error| {
                ScimError::uniqueness("Some groups of this tenant have one name; rename them first.").caused_by(error)
            })?;
        }
        Ok(())
    }
}

fn no_tenant(name: &str) -> ScimError {
    ScimError::not_found(format!("There is no tenant \"{name}\"."))
}

fn no_token(id: &str) -> ScimError {
    ScimError::not_found(format!("There is no token \"{id}\" that is good; `scimd token list` shows all."))
}
