//! The handle by which requests are authenticated and confirmed.

use super::caller_cache::CallerCache;
use super::catalogs::Catalogs;
use super::claim::{Caller, Claim, Confirmed, Identity, TokenIdentity};
use super::last_uses::LastUses;
use super::unproved::UnprovedRequests;
use crate::clock::Clock;
use crate::error::{Result, ScimError};
use crate::reason::Reason;
use crate::request_log::RequestContext;
use crate::store::{ConfirmedScope, ScopeClaim, Store, StoreError, Tenant, TokenScope};
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// Authenticates requests over one database. Clones share the cache of callers.
#[derive(Debug, Clone)]
pub struct Access {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) catalogs: Arc<Catalogs>,
    pub(super) public_url: Arc<str>,
    pub(super) cache: Arc<CallerCache>,
    pub(super) last_uses: Arc<LastUses>,
    pub(super) unproved: Arc<UnprovedRequests>,
    /// Background tasks that requests have started.
    pub(super) tasks: TaskTracker,
}

impl Access {
    /// Access to a database, without cached callers.
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        catalogs: Arc<Catalogs>,
        public_url: &str,
    ) -> Self {
        let cache = Arc::new(CallerCache::new(store.metrics().caches.callers.clone()));
        Self {
            store,
            clock,
            catalogs,
            public_url: public_url.into(),
            cache,
            last_uses: Arc::default(),
            unproved: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// The public base URL of the server.
    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The database.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Background tasks that requests have started.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// The clock of the server.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The caller of a claim. A claim that was already confirmed in this request needs no query.
    ///
    /// # Errors
    /// 401 if the token or the tenant has changed; 503 if the database cannot be reached.
    pub(crate) async fn confirm(&self, claim: &Claim) -> Result<Caller> {
        let scope = self.store.confirm(&claim.scope).await?;
        Ok(claim.confirmed(scope))
    }

    /// The outcome for the client of an operation under a claim; `None` if the token or the tenant has changed since it
    /// was cached, so that the request has to be authenticated and executed again. A refusal before the confirmation of
    /// the claim is confirmed here, with one query. A server error is returned without confirmation.
    pub(crate) async fn settle<T>(
        &self,
        claim: &Claim,
        outcome: Confirmed<T>,
    ) -> Option<Result<T>> {
        match outcome {
            Ok((_, outcome)) => Some(outcome),
            Err(error) if error.status() >= 500 => Some(Err(error)),
            Err(refusal) => match self.store.confirm(&claim.scope).await {
                Ok(_) => Some(Err(refusal)),
                Err(StoreError::Outdated) => None,
                Err(error) => Some(Err(error.into())),
            },
        }
    }

    /// The operator as a caller of the protocol's operations in a tenant that was just read.
    ///
    /// # Errors
    /// 503 if the schemas of the tenant cannot be read.
    pub(crate) async fn operator(&self, tenant: Tenant) -> Result<Caller> {
        let token = TokenIdentity {
            name: "operator".into(),
            id: "".into(),
            scope: TokenScope::ReadWrite,
        };
        self.caller(tenant, token, Arc::default()).await
    }

    /// The claim with the current settings and schemas of its tenant.
    ///
    /// # Errors
    /// 401 if the tenant was deleted.
    pub(crate) async fn renewed(&self, claim: &Claim) -> Result<Claim> {
        let tenant = self.store.tenant_now(claim.settings.number()).await?;
        let tenant = tenant.ok_or_else(|| {
            ScimError::unauthorized("The tenant of this token was deleted.")
                .because(Reason::TokenUnknown)
        })?;
        let numbered = self.catalogs.of(&self.store, &tenant).await?;
        let scope = tenant.scope(numbered.layout.clone());
        let scope = match claim.scope.snapshot() {
            Some(snapshot) => ScopeClaim::cached(scope, snapshot.with_tenant(&tenant).into()),
            None => ScopeClaim::clone(&ConfirmedScope::just_read(scope)),
        };
        let identity = Identity {
            catalog: numbered.catalog.clone(),
            settings: tenant.into(),
            ..Identity::clone(claim)
        };
        Ok(Claim {
            identity: identity.into(),
            scope,
            context: claim.context.clone(),
            operation: claim.operation,
        })
    }

    /// The caller of a token and a tenant that were just read.
    pub(super) async fn caller(
        &self,
        tenant: Tenant,
        token: TokenIdentity,
        context: Arc<RequestContext>,
    ) -> Result<Caller> {
        let numbered = self.catalogs.of(&self.store, &tenant).await?;
        let scope = ConfirmedScope::just_read(tenant.scope(numbered.layout.clone()));
        let base_url = tenant.base_url.as_deref().map(Arc::from);
        let identity = Identity {
            tenant: tenant.name.as_str().into(),
            token_name: token.name,
            token_id: token.id,
            base_url: base_url.unwrap_or_else(|| self.public_url.clone()),
            catalog: numbered.catalog.clone(),
            token_scope: token.scope,
            settings: tenant.into(),
            audit: None,
        };
        let claim = Claim {
            identity: identity.into(),
            scope: ScopeClaim::clone(&scope),
            context,
            operation: None,
        };
        Ok(Caller { claim, scope })
    }
}
