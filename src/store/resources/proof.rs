//! What a caller that was authenticated earlier is made of, and the proof that it still stands:
//! a condition within the first statement of a request, which so needs no round trip to ask who
//! calls.

use crate::clock::Timestamp;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Arg;
use crate::store::operator::tenant::Tenant;
use crate::store::operator::token::TokenInfo;
use crate::store::{Scope, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Token and tenant of a caller as they were read, for one request.
#[derive(Debug)]
pub struct Stamp {
    token: Arc<str>,
    token_scope: &'static str,
    expires: Option<Timestamp>,
    revision: i64,
    confirmed: AtomicBool,
    /// Whether a statement found that they are no longer so.
    refuted: AtomicBool,
}

impl Stamp {
    /// That of a good token and its tenant.
    pub fn of(tenant: &Tenant, token: &TokenInfo) -> Self {
        Self {
            token: token.id.as_str().into(),
            token_scope: token.scope.as_str(),
            expires: token.expires,
            revision: tenant.revision,
            confirmed: AtomicBool::new(false),
            refuted: AtomicBool::new(false),
        }
    }

    /// The same for another request: nothing has confirmed it.
    #[must_use]
    pub fn anew(&self) -> Self {
        let (confirmed, refuted) = (AtomicBool::new(false), AtomicBool::new(false));
        Self {
            token: self.token.clone(),
            confirmed,
            refuted,
            ..*self
        }
    }

    /// Until when the token was good.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

impl Store {
    /// Whether token and tenant of the caller are as they were: as a statement of this request found,
    /// else by a statement of its own.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn confirm(&self, scope: &Scope) -> Result<bool, StoreError> {
        match scope.unconfirmed() {
            None => Ok(true),
            Some(stamp) if stamp.refuted.load(Ordering::Relaxed) => Ok(false),
            Some(_) => {
                let mut sql = Sql::default();
                scope.confirm_by(&mut sql);
                let rows = self.engine.read(&sql.finish()).await?;
                Ok(scope.confirmed(!rows.is_empty()).is_ok())
            }
        }
    }
}

impl Scope {
    /// The same for a caller who is taken for what the stamp says until a statement confirms it.
    #[must_use]
    pub fn stamped(&self, stamp: Stamp) -> Self {
        Self {
            stamp: Some(Arc::new(stamp)),
            ..self.clone()
        }
    }

    /// Whether the database has said during this request that token and tenant are as they were.
    pub fn is_confirmed(&self) -> bool {
        self.unconfirmed().is_none()
    }

    fn unconfirmed(&self) -> Option<&Stamp> {
        self.stamp
            .as_deref()
            .filter(|stamp| !stamp.confirmed.load(Ordering::Relaxed))
    }

    /// Adds a query that gives one row; none if it is to confirm the caller and something has
    /// changed.
    pub(in crate::store) fn confirm_by(&self, sql: &mut Sql) {
        let Some(stamp) = self.unconfirmed() else {
            sql.raw("select 1 as stands");
            return;
        };
        sql.raw("select 1 as stands from token k join tenant t on t.tenant = k.tenant where k.tenant = ");
        sql.int(self.tenant)
            .raw(" and k.id = ")
            .arg(Arg::Text(stamp.token.as_ref().to_owned()));
        sql.raw(" and k.revoked is null and k.scope = ")
            .arg(stamp.token_scope.into());
        sql.raw(" and coalesce(k.expires, 0) = ")
            .int(stamp.expires.map_or(0, Timestamp::as_micros));
        sql.raw(" and t.revision = ").int(stamp.revision);
    }

    /// Takes note of whether the statement found what [`Scope::confirm_by`] asked for.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if it did not.
    pub(in crate::store) fn confirmed(&self, stands: bool) -> Result<(), StoreError> {
        let Some(stamp) = self.unconfirmed() else {
            return Ok(());
        };
        let found = if stands {
            &stamp.confirmed
        } else {
            &stamp.refuted
        };
        found.store(true, Ordering::Relaxed);
        if stands {
            Ok(())
        } else {
            Err(StoreError::Outdated)
        }
    }
}
