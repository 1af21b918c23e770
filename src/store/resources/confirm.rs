//! Confirming a claim by a statement of its own.

use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};

impl Store {
    /// Confirms a claim by a statement of its own, if anything has to be proved.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if the token or the tenant is no longer as it was.
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
