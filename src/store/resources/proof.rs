//! The proof that token and tenant of a caller are as they were when they were cached: a condition
//! within the first statement of a request, which thus needs no round trip of its own.
//!
//! A [`ScopeClaim`] says where a request may look, and what has to be proved for it. A statement that
//! carries the proof gives a [`ConfirmedScope`]; writes take nothing else.

use crate::clock::Timestamp;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Arg;
use crate::store::operator::tenant::Tenant;
use crate::store::operator::token::TokenInfo;
use crate::store::resources::ids::TypeLayout;
use crate::store::resources::write::{Author, Creating, Writing};
use crate::store::{Scope, Store, StoreError};
use std::ops::Deref;
use std::sync::Arc;

/// Token and tenant of a caller as they were read.
#[derive(Debug, Clone)]
pub struct CallerSnapshot {
    token: Arc<str>,
    token_scope: &'static str,
    expires: Option<Timestamp>,
    revision: i64,
}

impl CallerSnapshot {
    /// A snapshot of a good token and its tenant.
    pub fn of(tenant: &Tenant, token: &TokenInfo) -> Self {
        Self {
            token: token.id.as_str().into(),
            token_scope: token.scope.as_str(),
            expires: token.expires,
            revision: tenant.revision,
        }
    }

    /// A snapshot of the same token, with the tenant as it was read later.
    #[must_use]
    pub fn with_tenant(&self, tenant: &Tenant) -> Self {
        Self {
            revision: tenant.revision,
            ..self.clone()
        }
    }

    /// Until when the token is good; `None` if it has no end.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

/// The scope that a request claims, with what a statement has to prove for it.
#[derive(Debug, Clone)]
pub struct ScopeClaim {
    scope: Scope,
    /// `None` if the database has said it in this request.
    snapshot: Option<Arc<CallerSnapshot>>,
}

/// A scope of which the database has said in this request that the token and the tenant are good.
#[derive(Debug, Clone)]
pub struct ConfirmedScope(ScopeClaim);

impl ScopeClaim {
    /// The scope of a caller that was cached: a statement has to prove the snapshot.
    pub fn cached(scope: Scope, snapshot: Arc<CallerSnapshot>) -> Self {
        Self {
            scope,
            snapshot: Some(snapshot),
        }
    }

    /// What has to be proved; `None` if nothing has to be.
    pub fn snapshot(&self) -> Option<&Arc<CallerSnapshot>> {
        self.snapshot.as_ref()
    }

    /// Begins the creation of a resource, whose statement carries the proof.
    pub fn creating<'a>(&'a self, of_type: &'a TypeLayout, author: &'a Author) -> Creating<'a> {
        Creating::new(self, of_type, author)
    }

    /// The confirmed scope, if nothing has to be proved.
    fn as_confirmed(&self) -> Option<ConfirmedScope> {
        self.snapshot
            .is_none()
            .then(|| ConfirmedScope(self.clone()))
    }

    /// Whether a statement has to carry the proof.
    pub(in crate::store) fn needs_proof(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Adds a query that gives one row; none if it carries the proof and something has changed.
    pub(in crate::store) fn prove(&self, sql: &mut Sql) {
        let Some(snapshot) = &self.snapshot else {
            sql.raw("select 1 as stands");
            return;
        };
        sql.raw("select 1 as stands from token k join tenant t on t.tenant = k.tenant where k.tenant = ");
        sql.int(self.scope.tenant)
            .raw(" and k.id = ")
            .arg(Arg::Text(snapshot.token.as_ref().to_owned()));
        sql.raw(" and k.revoked is null and k.scope = ")
            .arg(snapshot.token_scope.into());
        sql.raw(" and coalesce(k.expires, 0) = ")
            .int(snapshot.expires.map_or(0, Timestamp::as_micros));
        sql.raw(" and t.revision = ").int(snapshot.revision);
    }

    /// The scope once a statement with the query of [`ScopeClaim::prove`] has run; `is_proved` says
    /// whether it gave its row.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if it did not.
    pub(in crate::store) fn proved(&self, is_proved: bool) -> Result<ConfirmedScope, StoreError> {
        if !is_proved && self.needs_proof() {
            return Err(StoreError::Outdated);
        }
        Ok(ConfirmedScope(Self {
            scope: self.scope.clone(),
            snapshot: None,
        }))
    }
}

impl ConfirmedScope {
    /// The scope of a tenant that was read from the database in this request, with the token if the
    /// request has one.
    pub fn just_read(scope: Scope) -> Self {
        Self(ScopeClaim {
            scope,
            snapshot: None,
        })
    }

    /// Begins the change of a resource.
    pub fn writing<'a>(&'a self, of_type: &'a TypeLayout, author: &'a Author) -> Writing<'a> {
        Writing::new(self, of_type, author)
    }
}

impl Deref for ScopeClaim {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

/// A confirmed scope is a claim for which nothing has to be proved.
impl Deref for ConfirmedScope {
    type Target = ScopeClaim;

    fn deref(&self) -> &ScopeClaim {
        &self.0
    }
}

impl Store {
    /// Confirms a claim by a statement of its own, if anything has to be proved.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if the token or the tenant is no longer as it was.
    pub async fn confirm(&self, claim: &ScopeClaim) -> Result<ConfirmedScope, StoreError> {
        if let Some(confirmed) = claim.as_confirmed() {
            return Ok(confirmed);
        }
        let mut sql = Sql::default();
        claim.prove(&mut sql);
        let rows = self.engine.read(&sql.finish()).await?;
        claim.proved(!rows.is_empty())
    }
}
