//! One instance migrates at a time.
//!
//! The lock belongs to a transaction that stays open on a separate connection: a pooler in transaction mode supports no
//! longer lock, and PostgreSQL releases it when the process ends. Other instances poll, and never wait inside a
//! statement: a concurrent index build waits for all older statements, so a statement that waits for the lock would
//! never end.

use crate::store::db::error::StoreError;
use crate::store::db::session::Session;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, Row};
use std::time::Duration;
use tokio::time::sleep;

/// The key of the advisory lock. It differs from the one for which scimd 0.1.0 waits inside a statement.
const KEY: i64 = 0x7363_696d_645f_6d67;
/// Pause between attempts to get the lock.
const AGAIN: Duration = Duration::from_millis(200);

/// The right to migrate. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Guard(PgConnection);

impl Guard {
    /// Waits until no other instance migrates.
    ///
    /// # Errors
    /// If PostgreSQL cannot be reached.
    pub(super) async fn take(
        options: &PgConnectOptions,
        session: &Session,
    ) -> Result<Self, StoreError> {
        let mut connection = options.connect().await?;
        let mut is_logged = false;
        loop {
            connection
                .execute(AssertSqlSafe(session.begin_migrating()))
                .await?;
            let attempt = format!("select pg_try_advisory_xact_lock({KEY})");
            let row = sqlx::raw_sql(AssertSqlSafe(attempt))
                .fetch_one(&mut connection)
                .await?;
            if row.try_get(0)? {
                return Ok(Self(connection));
            }
            connection.execute("rollback").await?;
            if !is_logged {
                tracing::info!("another instance migrates the tables; waiting for it");
                is_logged = true;
            }
            sleep(AGAIN).await;
        }
    }

    /// Checks that the lock is still held.
    ///
    /// # Errors
    /// If the connection is lost, and with it the lock.
    pub(super) async fn check(&mut self) -> Result<(), StoreError> {
        self.0.execute("select 1").await?;
        Ok(())
    }

    /// Releases the lock.
    ///
    /// # Errors
    /// If the connection is lost.
    pub(super) async fn release(mut self) -> Result<(), StoreError> {
        self.0.execute("rollback").await?;
        self.0.close().await?;
        Ok(())
    }
}
