//! Retries of writes after conflicts with other transactions.

use crate::metrics::RetryCause;
use crate::store::db::batch::Batch;
use crate::store::db::engine::Engine;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::Statement;
use std::time::Duration;

/// Maximum number of retries.
const RETRIES: u32 = 3;

impl Engine {
    /// Runs a batch, built again for each attempt, until no other transaction conflicts with it.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub(in crate::store) async fn write_retrying(
        &self,
        batch: impl Fn() -> Batch,
    ) -> Result<Vec<Row>, StoreError> {
        let mut attempt = 0;
        loop {
            match self.write(batch()).await {
                Err(StoreError::Busy(_) | StoreError::Reference(_)) if attempt < RETRIES => {
                    attempt += 1;
                    self.metrics().retries.note(RetryCause::Transaction);
                    tokio::time::sleep(pause(attempt)).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Runs a statement that writes.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub(in crate::store) async fn write_one(
        &self,
        statement: Statement,
    ) -> Result<Vec<Row>, StoreError> {
        self.write_retrying(|| Batch::one(statement.clone())).await
    }
}

/// The pause before an attempt: longer each time, with a random part, so that the same transactions do not conflict
/// again.
pub(in crate::store) fn pause(attempt: u32) -> Duration {
    let random = getrandom::u32().unwrap_or(0) % 20;
    Duration::from_millis(u64::from(attempt * 10 + random))
}
