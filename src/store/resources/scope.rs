//! What every statement about resources needs: the tenant, its types, and the caller that is still to be confirmed.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::resources::ids::CatalogIds;
use crate::store::resources::proof::CallerProof;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A tenant's number and the numbers of its types: what every statement about resources needs.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(in crate::store) tenant: i64,
    /// Of the schemas that the types come from.
    pub(in crate::store) schema_revision: i64,
    pub(in crate::store) layout: Arc<CatalogIds>,
    pub(in crate::store) stamp: Option<Arc<CallerProof>>,
}

impl Scope {
    /// The types and their numbers.
    pub fn layout(&self) -> &CatalogIds {
        &self.layout
    }
}

impl Scope {
    /// The same for a caller who is taken for what the stamp says until a statement confirms it.
    #[must_use]
    pub fn stamped(&self, stamp: CallerProof) -> Self {
        Self {
            stamp: Some(Arc::new(stamp)),
            ..self.clone()
        }
    }

    /// Whether the database has said during this request that token and tenant are as they were.
    pub fn is_confirmed(&self) -> bool {
        self.unconfirmed().is_none()
    }

    /// The proof that is still to be confirmed.
    pub(in crate::store) fn unconfirmed(&self) -> Option<&CallerProof> {
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
