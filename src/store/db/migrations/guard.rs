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
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The key of the advisory lock. It differs from the one for which scimd 0.1.0 waits inside a statement.
const KEY: i64 = 0x7363_696d_645f_6d67;
/// Pause between attempts to acquire the lock.
const AGAIN: Duration = Duration::from_millis(200);
/// Attempts between two lines of the log: ten seconds.
const LOGGED: u32 = 50;

/// The right to migrate. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Guard(PgConnection);

impl Guard {
    /// Waits until no other instance migrates, for at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Migrating`] if another one still does then; any other if PostgreSQL cannot be reached.
    pub(super) async fn take(
        options: &PgConnectOptions,
        session: &Session,
        limit: Duration,
    ) -> Result<Self, StoreError> {
        let mut connection = options.connect().await?;
        let begun = Instant::now();
        let mut attempts = 0_u32;
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
            let is_over = begun.elapsed() >= limit;
            if is_over || attempts.is_multiple_of(LOGGED) {
                let holder = holder(&mut connection).await?;
                if is_over {
                    let seconds = limit.as_secs();
                    return Err(StoreError::Migrating { seconds, holder });
                }
                tracing::info!("another instance migrates the tables; waiting for it: {holder}");
            }
            connection.execute("rollback").await?;
            attempts = attempts.wrapping_add(1);
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

/// A description of the session that holds the lock.
async fn holder(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let [high, low] = [KEY >> 32, KEY & 0xffff_ffff];
    let text = format!("{HOLDER} and l.classid = {high} and l.objid = {low}");
    let row = sqlx::raw_sql(AssertSqlSafe(text))
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => row.try_get(0),
        None => Ok("it has just finished".to_owned()),
    }
}

/// The transaction of the lock holder started with the migration. For sessions of other roles only the session number
/// is visible.
const HOLDER: &str = "\
    select format('session %s%s%s', l.pid, ' from ' || host(a.client_addr), \
      ', since ' || cast(extract(epoch from now() - a.xact_start) as bigint) || ' s') \
    from pg_locks l left join pg_stat_activity a on a.pid = l.pid \
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1 \
    and l.database = (select oid from pg_database where datname = current_database())";
