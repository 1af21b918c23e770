//! Reading the whole file of the embedded database for damage.

use crate::store::db::engine::{Database, Engine};
use crate::store::db::error::StoreError;
use crate::store::db::sqlite_timeout::Limit;
use sqlx::Row as _;
use std::time::Duration;

/// Reports up to five problems.
const CHECK: &str = "pragma quick_check(5)";

impl Engine {
    /// Checks the file of the embedded database, up to a time limit if given; PostgreSQL has its own checksums.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the damage, or if the file cannot be read.
    pub(in crate::store) async fn check_file(
        &self,
        limit: Option<Duration>,
    ) -> Result<(), StoreError> {
        let Database::Sqlite { readers, .. } = &self.database else {
            return Ok(());
        };
        let mut connection = readers.apart().await?;
        if let Some(limit) = limit {
            Limit::on(&mut connection, limit).await?.begin();
        }
        match sqlx::query(CHECK)
            .fetch_all(&mut connection)
            .await
            .map_err(StoreError::from)
        {
            // The part that was read is intact.
            Err(StoreError::Slow(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(rows) => {
                let told: Vec<String> = rows
                    .iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()?;
                let is_whole = told.iter().all(|line| line == "ok");
                if is_whole {
                    Ok(())
                } else {
                    Err(StoreError::Damaged(told.join("; ").replace('\n', " ")))
                }
            }
        }
    }
}
