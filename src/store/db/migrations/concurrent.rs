//! Statements that must run outside of a transaction: they take no lock that blocks writes, and wait until all older
//! transactions have ended.
//!
//! On a direct connection, the session has no time limits. Behind a pooler in transaction mode a statement outside of a
//! transaction runs in any session of the pool, with the limits of the role. The limits of one session are therefore
//! removed, and the statement follows at once: PgBouncer assigns the session that was returned last. If another session
//! was assigned and its limit ended the statement, it is retried. Then the limits of the first session are restored.
//! Until then `deadline` limits the statements of requests in it.

use super::lock_wait::LockWait;
use super::outcome::{has_code, is_lock_conflict};
use crate::store::db::session::Session;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Pause between checks of an index that another session builds.
const AGAIN: Duration = Duration::from_millis(200);
/// Maximum number of attempts to get the session whose limits were removed, and the pause between them.
const BORROWED: usize = 100;
const BETWEEN: Duration = Duration::from_millis(50);

/// Settings of a session without time limits except for waits for other transactions.
pub(super) fn limits(lock: Duration) -> String {
    format!(
        "set statement_timeout = 0; set lock_timeout = {}; ",
        lock.as_millis()
    )
}

/// Builds an index unless it exists; an unfinished one is rebuilt.
///
/// # Errors
/// A lock conflict if the wait is over; any other if the database becomes unavailable or refuses a statement.
pub(super) async fn build(
    connection: &mut PgConnection,
    session: &Session,
    name: &str,
    text: &str,
    wait: &mut LockWait,
) -> Result<(), sqlx::Error> {
    loop {
        match state(connection, session, name).await? {
            State::Valid => return Ok(()),
            // The session of a terminated process continues until the index is built.
            State::Building => sleep(AGAIN).await,
            State::Invalid => {
                let text = format!("drop index concurrently if exists {{schema}}.{name}");
                run(connection, session, &text, wait).await?;
            }
            State::Missing => {
                let begun = Instant::now();
                match attempt(connection, session, text, wait).await {
                    Err(error) if wait.is_over(&error, begun) => return Err(error),
                    // The state after the attempt, or after another session, is checked again.
                    Err(error)
                        if has_code(&error, &["42P07"]) || may_be_repeated(&error, session) =>
                    {
                        sleep(AGAIN).await;
                    }
                    outcome => outcome?,
                }
            }
        }
    }
}

/// Runs a statement that may be repeated outside of a transaction.
///
/// # Errors
/// A lock conflict if the wait is over; any other if the database becomes unavailable or refuses the statement.
pub(super) async fn run(
    connection: &mut PgConnection,
    session: &Session,
    text: &str,
    wait: &mut LockWait,
) -> Result<(), sqlx::Error> {
    loop {
        let begun = Instant::now();
        match attempt(connection, session, text, wait).await {
            Err(error) if wait.is_over(&error, begun) => return Err(error),
            Err(error) if may_be_repeated(&error, session) => sleep(AGAIN).await,
            outcome => return outcome,
        }
    }
}

/// Whether a statement failed because of another transaction or, behind a pooler, because its session has limits of
/// time.
fn may_be_repeated(error: &sqlx::Error, session: &Session) -> bool {
    is_lock_conflict(error) || (session.is_pooled() && has_code(error, &["57014"]))
}

async fn attempt(
    connection: &mut PgConnection,
    session: &Session,
    text: &str,
    wait: &LockWait,
) -> Result<(), sqlx::Error> {
    let text = text.replace("{schema}", &schema(connection, session).await?);
    if !session.is_pooled() {
        connection.execute(AssertSqlSafe(text)).await?;
        return Ok(());
    }
    let lifted = borrow(connection, &limits(wait.limit())).await?;
    let outcome = connection.execute(AssertSqlSafe(text)).await;
    set_back(connection, lifted).await?;
    outcome.map(|_| ())
}

/// Runs statements in a session that a pooler assigns for them; returns the process id of the session.
async fn borrow(connection: &mut PgConnection, statements: &str) -> Result<i32, sqlx::Error> {
    // One message, which a pooler does not split.
    let text = format!("begin; {statements}select pg_backend_pid(); commit");
    sqlx::raw_sql(AssertSqlSafe(text))
        .fetch_one(connection)
        .await?
        .try_get(0)
}

/// Restores the limits of a session, when the pooler assigns it again.
async fn set_back(connection: &mut PgConnection, lifted: i32) -> Result<(), sqlx::Error> {
    for _ in 0..BORROWED {
        // In another session this changes nothing.
        if borrow(connection, RESET).await? == lifted {
            return Ok(());
        }
        sleep(BETWEEN).await;
    }
    tracing::warn!(
        session = lifted,
        "the pooler did not assign this session again: it has no time limits until the pooler closes it"
    );
    Ok(())
}

/// The schema of the tables, quoted.
async fn schema(connection: &mut PgConnection, session: &Session) -> Result<String, sqlx::Error> {
    in_schema(connection, session, "select quote_ident(current_schema())")
        .await?
        .ok_or(sqlx::Error::RowNotFound)?
        .try_get(0)
}

/// The state of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    /// Not finished, and a session builds it.
    Building,
    /// Not finished, and no session builds it.
    Invalid,
    Valid,
}

async fn state(
    connection: &mut PgConnection,
    session: &Session,
    name: &str,
) -> Result<State, sqlx::Error> {
    let text = format!("{STATE}'{name}'");
    let Some(row) = in_schema(connection, session, &text).await? else {
        return Ok(State::Missing);
    };
    Ok(match (row.try_get(0)?, row.try_get(1)?) {
        (true, _) => State::Valid,
        (false, true) => State::Building,
        (false, false) => State::Invalid,
    })
}

/// The row of a query that reads by the search path.
async fn in_schema(
    connection: &mut PgConnection,
    session: &Session,
    query: &str,
) -> Result<Option<PgRow>, sqlx::Error> {
    connection
        .execute(AssertSqlSafe(session.begin_migrating()))
        .await?;
    let row = sqlx::raw_sql(AssertSqlSafe(query.to_owned()))
        .fetch_optional(&mut *connection)
        .await;
    connection.execute("rollback").await?;
    row
}

const RESET: &str = "reset statement_timeout; reset lock_timeout; ";
const STATE: &str = "select i.indisvalid, exists (select 1 from pg_stat_progress_create_index p \
     where p.datname = current_database() and p.relid = i.indrelid) from pg_index i \
     join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = current_schema() and c.relname = ";
