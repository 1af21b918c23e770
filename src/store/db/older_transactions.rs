//! Waits until older transactions have ended, on all instances.

use crate::store::db::args::Arg;
use crate::store::db::engine::Engine;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use std::time::{Duration, Instant};

impl Engine {
    /// Waits until every statement that began before this call has ended, on all instances: later statements see
    /// everything committed before it. `false` if one exceeds every time limit. On SQLite there is nothing to wait for:
    /// its writer executes statements one after the other.
    pub(in crate::store) async fn wait_for_older_transactions(&self) -> Result<bool, StoreError> {
        if !self.is_postgres() {
            return Ok(true);
        }
        let moment = self
            .read(&Statement::named("writers.moment", MOMENT, vec![]))
            .await?;
        let since = moment.first().map_or(Ok(0), |row| row.int(0))?;
        let end = Instant::now() + MAX_TRANSACTION_TIME;
        while !self
            .read(&Statement::named(
                "writers.older",
                OLDER,
                vec![Arg::Int(since)],
            ))
            .await?
            .is_empty()
        {
            if Instant::now() > end {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(true)
    }
}

/// Longer than the limits of a statement and of an idle transaction together.
const MAX_TRANSACTION_TIME: Duration = Duration::from_secs(20);
const MOMENT: &str = "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)";
const OLDER: &str = "select pid from pg_stat_activity where datname = current_database() and application_name = 'scimd' \
     and pid <> pg_backend_pid() and extract(epoch from xact_start) * 1000000 <= $1";
