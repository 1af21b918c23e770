//! The proof that token and tenant of a caller are as they were when they were cached: a condition
//! within the first statement of a request, which thus needs no round trip of its own.
//!
//! A [`ScopeClaim`] says where a request may look, and what has to be proved for it. A statement that
//! carries the proof gives a [`ConfirmedScope`]; writes take nothing else.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::resources::scope::Scope;
use std::ops::Deref;
use std::sync::Arc;

/// Token and tenant of a caller as they were read.
#[derive(Debug, Clone)]
pub(crate) struct CallerSnapshot {
    pub(in crate::store) token: Arc<str>,
    pub(in crate::store) token_scope: &'static str,
    pub(in crate::store) expires: Option<Timestamp>,
    pub(in crate::store) revision: i64,
}

impl CallerSnapshot {
    /// Until when the token is good; `None` if it has no end.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
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
    pub(crate) fn cached(scope: Scope, snapshot: Arc<CallerSnapshot>) -> Self {
        Self {
            scope,
            snapshot: Some(snapshot),
        }
    }

    /// What has to be proved; `None` if nothing has to be.
    pub(crate) fn snapshot(&self) -> Option<&Arc<CallerSnapshot>> {
        self.snapshot.as_ref()
    }

    /// The confirmed scope, if nothing has to be proved.
    pub(in crate::store) fn as_confirmed(&self) -> Option<ConfirmedScope> {
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
        Ok(ConfirmedScope::just_read(self.scope.clone()))
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
