//! Reindexes a tenant after a schema change: the resources are unchanged, their derived data changes. The server can
//! run meanwhile.

use crate::store::db::error::StoreError;
use crate::store::handle::Store;
use crate::store::resources::scope::Scope;
use crate::store::upkeep::restore::Restored;
use crate::store::upkeep::verify::Verification;

/// Maximum number of passes over a tenant: each repairs resources that changed during the previous one.
const PASSES: u32 = 8;

/// The result of reindexing a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reindexed {
    /// Number of resources whose index was out of date.
    pub(crate) changed: u64,
    /// Number of resources with a unique value that another resource has.
    pub(crate) taken: u64,
    /// Number of resources that were changed during every attempt.
    pub(crate) overtaken: u64,
}

impl Store {
    /// Updates the index of a tenant to its schemas, after all writes under the former schemas have ended; `seen` is
    /// called for each resource.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn reindex(
        &self,
        scope: &Scope,
        tenant: &str,
        seen: &mut (dyn FnMut() + Send),
    ) -> Result<Reindexed, StoreError> {
        let mut done = Reindexed::default();
        for _ in 0..PASSES {
            let mut pass = Verification::new(self, scope, tenant, true);
            pass.resources(seen).await?;
            done.changed += pass.count(Restored::Done);
            let before = done.taken;
            done.taken = pass.count(Restored::Taken);
            done.overtaken = pass.count(Restored::Overtaken);
            // The conflicting row may have been deleted later.
            if done.overtaken == 0 && done.taken == before {
                break;
            }
        }
        Ok(done)
    }

    /// Waits for all writes that started before now; `false` if one does not end.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn wait_for_older_transactions(&self) -> Result<bool, StoreError> {
        self.engine.wait_for_older_transactions().await
    }
}
