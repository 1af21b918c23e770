//! The proof that token and tenant of a cached caller are unchanged: a condition within the first statement of a
//! request, which saves a round trip.
//!
//! A [`ScopeClaim`] is the scope of a request with the snapshot to confirm. A statement with the proof returns a
//! [`ConfirmedScope`], which writes require.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::resources::scope::Scope;
use std::ops::Deref;
use std::sync::Arc;

/// A snapshot of token and tenant of a caller.
#[derive(Debug, Clone)]
pub(crate) struct CallerSnapshot {
    pub(in crate::store) token: Arc<str>,
    pub(in crate::store) token_scope: &'static str,
    pub(in crate::store) expires: Option<Timestamp>,
    pub(in crate::store) revision: i64,
}

impl CallerSnapshot {
    /// Expiry of the token; `None` if it does not expire.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

/// The claimed scope of a request, with the snapshot that a statement has to confirm.
#[derive(Debug, Clone)]
pub struct ScopeClaim {
    scope: Scope,
    /// `None` if the database has confirmed it in this request.
    snapshot: Option<Arc<CallerSnapshot>>,
}

/// A scope whose token and tenant the database has confirmed in this request.
#[derive(Debug, Clone)]
pub struct ConfirmedScope(ScopeClaim);

impl ScopeClaim {
    /// The scope of a cached caller: a statement has to confirm the snapshot.
    pub(crate) fn cached(scope: Scope, snapshot: Arc<CallerSnapshot>) -> Self {
        Self {
            scope,
            snapshot: Some(snapshot),
        }
    }

    /// The snapshot to confirm; `None` if it is confirmed.
    pub(crate) fn snapshot(&self) -> Option<&Arc<CallerSnapshot>> {
        self.snapshot.as_ref()
    }

    /// The confirmed scope, if it is confirmed.
    pub(in crate::store) fn as_confirmed(&self) -> Option<ConfirmedScope> {
        self.snapshot
            .is_none()
            .then(|| ConfirmedScope(self.clone()))
    }

    /// Whether a statement needs the proof.
    pub(in crate::store) fn needs_proof(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Appends a query that returns one row, or none if it contains the proof and the snapshot is out of date.
    pub(in crate::store) fn prove(&self, sql: &mut Sql) {
        let Some(snapshot) = &self.snapshot else {
            sql.raw("select 1 as stands");
            return;
        };
        sql.raw("select 1 as stands from token k join tenant t on t.tenant = k.tenant where k.tenant = ");
        sql.int(self.scope.tenant)
            .raw(" and k.id = ")
            .arg(Arg::Text(snapshot.token.as_ref().to_owned()));
        // Not `is null`: on an empty table the planner could then prefer the index on the expiry of tokens to the
        // primary key, and the plan would read all tokens later.
        sql.raw(" and coalesce(k.revoked, 0) = 0 and k.scope = ")
            .arg(snapshot.token_scope.into());
        sql.raw(" and coalesce(k.expires, 0) = ")
            .int(snapshot.expires.map_or(0, Timestamp::as_micros));
        sql.raw(" and t.revision = ").int(snapshot.revision);
    }

    /// The scope after a statement with the query of [`ScopeClaim::prove`]; `is_proved` is whether it returned its row.
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

/// A confirmed scope is a claim without a snapshot.
impl Deref for ConfirmedScope {
    type Target = ScopeClaim;

    fn deref(&self) -> &ScopeClaim {
        &self.0
    }
}
