//! Confirming a caller by a statement of its own.

use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;
use crate::store::resources::scope::Scope;
use std::sync::atomic::Ordering;

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
                let rows = self.engine.read(&sql.statement("caller.confirm")).await?;
                Ok(scope.confirmed(!rows.is_empty()).is_ok())
            }
        }
    }
}
