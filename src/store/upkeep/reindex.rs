//! Reindexes a tenant after a change of schemas: resources are unchanged, what is derived from them is
//! not. The server works meanwhile.

use crate::store::db::error::StoreError;
use crate::store::handle::Store;
use crate::store::resources::scope::Scope;
use crate::store::upkeep::restore::Restored;
use crate::store::upkeep::verify::Verification;

/// Passes over a tenant, at most: each later one repairs what was changed during the one before.
const PASSES: u32 = 8;

/// What became of the index of a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reindexed {
    /// Resources whose index was not what their schemas say.
    pub(crate) changed: u64,
    /// Resources with a value that must be unique and that another one has.
    pub(crate) taken: u64,
    /// Resources that were changed each time before they could be repaired.
    pub(crate) overtaken: u64,
}

impl Store {
    /// Makes the index of a tenant what its schemas say, once nobody writes any more under those
    /// before; `seen` is called for each resource.
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
            // What was taken may have been by a row that went later.
            if done.overtaken == 0 && done.taken == before {
                break;
            }
        }
        Ok(done)
    }

    /// Waits until no write is under way that began before this moment; `false` if one does not
    /// end.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn wait_for_older_transactions(&self) -> Result<bool, StoreError> {
        self.engine.wait_for_older_transactions().await
    }
}
