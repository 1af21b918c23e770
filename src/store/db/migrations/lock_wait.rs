//! How long a migration waits for tables that other transactions use, and which transactions these are.

use super::outcome::{has_code, is_lock_conflict};
use crate::store::db::error::StoreError;
use crate::store::db::session::Session;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use std::time::{Duration, Instant};

/// The wait of one step for its locks.
#[derive(Debug)]
pub(super) struct LockWait {
    limit: Duration,
    since: Option<Instant>,
}

impl LockWait {
    /// A wait with a limit, before it starts.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, since: None }
    }

    /// The limit.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether the wait is over after an attempt that began at a moment has failed with an error: the attempt did not get
    /// a lock, and others may not have before it.
    pub(super) fn is_over(&mut self, error: &sqlx::Error, begun: Instant) -> bool {
        if !is_lock_conflict(error) {
            return false;
        }
        // The time before a deadlock is not counted.
        let since = match has_code(error, &["55P03"]) {
            true => begun,
            false => Instant::now(),
        };
        self.since.get_or_insert(since).elapsed() >= self.limit
    }

    /// The wait is over: no transaction blocks the step.
    pub(super) fn end(&mut self) {
        self.since = None;
    }

    /// The error of a migration whose wait is over.
    ///
    /// # Errors
    /// If the database becomes unavailable.
    pub(super) async fn blocked(
        &self,
        connection: &mut PgConnection,
        session: &Session,
        migration: i64,
    ) -> Result<StoreError, sqlx::Error> {
        Ok(StoreError::Blocked {
            migration,
            seconds: self.limit.as_secs(),
            holders: holders(connection, session).await?,
        })
    }
}

/// A description of the oldest other transactions in this database, first those that lock a table of scimd.
///
/// # Errors
/// If the database becomes unavailable.
pub(super) async fn holders(
    connection: &mut PgConnection,
    session: &Session,
) -> Result<String, sqlx::Error> {
    // Within a transaction, which has the search path.
    connection
        .execute(AssertSqlSafe(session.begin_migrating()))
        .await?;
    let row = sqlx::raw_sql(HOLDERS).fetch_one(&mut *connection).await;
    connection.execute("rollback").await?;
    let found: Option<String> = row?.try_get(0)?;
    Ok(found.unwrap_or_else(|| "none is left".to_owned()))
}

/// The connection with the migration lock has an advisory lock, which blocks no other statement.
const HOLDERS: &str = "\
    with used as (select l.pid, string_agg(distinct cast(c.relname as text), ' and ') as tables from pg_locks l \
      join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace \
      where l.locktype = 'relation' and l.granted and c.relkind = 'r' and n.nspname = current_schema() \
      and l.database = (select oid from pg_database where datname = current_database()) group by l.pid), \
    other as (select u.tables is null as is_last, a.xact_start as since, \
      format('session %s (%s%s)%s%s', a.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown'), \
        ', ' || a.state, ' for ' || cast(extract(epoch from now() - a.xact_start) as bigint) || ' s', \
        ' on ' || u.tables) as text \
      from pg_stat_activity a left join used u on u.pid = a.pid \
      where a.datname = current_database() and a.pid <> pg_backend_pid() and a.backend_type = 'client backend' \
      and (a.xact_start is not null or u.tables is not null) \
      and not exists (select 1 from pg_locks l where l.pid = a.pid and l.locktype = 'advisory' and u.tables is null) \
      union all select true, p.prepared, format('prepared transaction %L', p.gid) from pg_prepared_xacts p \
      where p.database = current_database()) \
    select string_agg(text, '; ') from (select text from other order by is_last, since limit 3) as first";
