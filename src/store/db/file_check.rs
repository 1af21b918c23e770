//! Reading the whole file of the embedded database for damage.

use crate::store::db::engine::{Database, Engine};
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use std::time::Duration;
use tokio::task::spawn_blocking;

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
        let connection = readers.open_separate().await?;
        if let Some(limit) = limit {
            connection.limit().begin_within(limit);
        }
        let check = Statement::named("file.check", CHECK, vec![]);
        let checking = spawn_blocking(move || connection.rows(&check));
        match checking.await.map_err(|_| sqlx::Error::WorkerCrashed)? {
            // The part that was read is intact.
            Err(StoreError::Slow(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(rows) => {
                let lines = rows.iter().map(|row| row.opt_text(0));
                let report: Vec<&str> = lines
                    .filter_map(Result::transpose)
                    .collect::<Result<_, _>>()?;
                let is_whole = report.iter().all(|line| *line == "ok");
                if is_whole {
                    Ok(())
                } else {
                    Err(StoreError::Damaged(report.join("; ").replace('\n', " ")))
                }
            }
        }
    }
}
