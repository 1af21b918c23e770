//! Confirming a claim with a separate statement.

use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};

impl Store {
    /// Confirms a claim with a separate statement, if it is not confirmed.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if the token or the tenant has changed.
    pub(crate) async fn confirm(&self, claim: &ScopeClaim) -> Result<ConfirmedScope, StoreError> {
        if let Some(confirmed) = claim.as_confirmed() {
            return Ok(confirmed);
        }
        let mut sql = Sql::default();
        claim.prove(&mut sql);
        let rows = self.engine.read(&sql.statement("caller.confirm")).await?;
        claim.proved(!rows.is_empty())
    }
}
