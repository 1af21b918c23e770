//! Removes the rows of the index that deleted resources have left.

use crate::store::db::error::StoreError;
use crate::store::handle::Store;
use crate::store::resources::leftover;

/// Resources whose rows are removed with one statement, at most.
const SLICE: i64 = 200;

impl Store {
    /// Removes the rows that deleted resources of all tenants have left in the index; gives how many resources there were.
    /// Several instances may do so at the same time.
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
