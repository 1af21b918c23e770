//! Removes index rows of deleted resources.

use crate::store::db::error::StoreError;
use crate::store::handle::Store;
use crate::store::resources::leftover;

/// Maximum number of resources whose rows one statement removes.
const SLICE: i64 = 200;

impl Store {
    /// Removes the remaining index rows of deleted resources of all tenants; returns the number of resources. Several
    /// instances can run this concurrently.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn remove_leftovers(&self) -> Result<u64, StoreError> {
        let mut count = 0;
        loop {
            let read = self.engine.read(&leftover::first(SLICE)).await?;
            for (tenant, left) in leftover::by_tenant(&read)? {
                let removal = || leftover::removal(tenant, &left);
                count += self.engine.write_retrying(removal).await?.len() as u64;
            }
            if read.is_empty() {
                return Ok(count);
            }
        }
    }
}
