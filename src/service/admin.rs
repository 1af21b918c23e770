//! What the operator asks of the server: tenants, tokens, and whether the store is sound.

use super::tenants::COUNTED;
use super::{Service, token};
use crate::clock::Timestamp;
use crate::error::{Result, ScimError};
use crate::store::{NewToken, TenantChange, TenantInfo, TokenInfo, TokenScope, Verified};
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

    /// One tenant.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub async fn tenant(&self, name: &str) -> Result<TenantInfo> {
        self.store.tenant(name, COUNTED).await?.ok_or_else(|| no_tenant(name))
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
    /// 400 for a name that is none, 404 if there is no tenant of that name.
    pub async fn issue_token(
        &self,
        tenant: &str,
        name: &str,
        scope: TokenScope,
        seconds: Option<i64>,
    ) -> Result<IssuedToken> {
        let is_name = (1..=100).contains(&name.trim().chars().count()) && !name.contains(char::is_control);
        if !is_name {
            return Err(ScimError::invalid_value("A token needs a name, such as okta, of at most 100 characters."));
        }
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
        let (tenant, name) = (tenant.to_owned(), name.to_owned());
        Ok(IssuedToken { id: fresh.id, tenant, name, scope, text: fresh.text, expires })
    }

    /// Issues a successor with the same name, scope and length of life, and lets the old token
    /// end after an overlap of so many seconds. The old one is given by its id or as a whole.
    ///
    /// # Errors
    /// 404 if there is no such token that is good.
    pub async fn rotate_token(&self, id: &str, overlap: i64) -> Result<IssuedToken> {
        let id = token::public_part(id);
        let now = self.clock.now();
        let is_good = |token: &TokenInfo| token.revoked.is_none() && token.expires.is_none_or(|at| at > now);
        let found = self.store.token(id).await?.map(|(_, token, _)| token);
        let old = found.filter(is_good).ok_or_else(|| no_token(id))?;
        let life = old.expires.map(|expires| expires.seconds_since(old.created));
        let issued = self.issue_token(&old.tenant, &old.name, old.scope, life).await?;
        self.store.expire_token(id, now.plus_seconds(overlap)).await?;
        Ok(issued)
    }

    /// Revokes a token, given by its id or as a whole, from the next request on; gives its id.
    ///
    /// # Errors
    /// 404 if there is no such token, or it is revoked.
    pub async fn revoke_token(&self, id: &str) -> Result<String> {
        let id = token::public_part(id);
        if self.store.revoke_token(id, self.clock.now()).await? { Ok(id.to_owned()) } else { Err(no_token(id)) }
    }

    /// Holds every derived row against its source, of all tenants; a line for each finding. A
    /// repair rewrites what differs.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn verify(&self, repair: bool) -> Result<Vec<String>> {
        Ok(self.verify_telling(repair, &mut || ()).await?.findings)
    }

    /// The same; `compared` is called for every resource.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn verify_telling(&self, repair: bool, compared: &mut (dyn FnMut() + Send)) -> Result<Verified> {
        self.store.check_file(None).await?;
        let mut all = Verified::default();
        let mut tenants = self.each_tenant();
        while let Some(tenant) = tenants.next().await? {
            let scope = tenant.scope(self.catalogs.of(&self.store, &tenant).await?.layout.clone());
            let Verified { findings, unrepaired } = self.store.verify(&scope, &tenant.name, repair, compared).await?;
            all.findings.extend(findings);
            all.unrepaired += unrepaired;
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
