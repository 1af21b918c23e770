//! Failed attempts.

use crate::clock::Timestamp;
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// End of the attempt.
    pub(crate) at: Timestamp,
    /// Id of the event.
    pub(crate) event: String,
    /// HTTP status; `None` without a response.
    pub status: Option<i64>,
    /// The response or the error.
    pub error: String,
    /// Number of the attempt for the event, from 1.
    pub(crate) attempt: i64,
}

/// A query for failed attempts of an endpoint.
#[derive(Debug, Clone, Default)]
pub struct AttemptQuery {
    /// Only attempts that ended at this time or later.
    pub since: Option<Timestamp>,
    /// Only attempts after the one with this time and event, in the order of the list.
    pub after: Option<(Timestamp, String)>,
    /// Only the last attempts of failed events.
    pub given_up: bool,
    /// Maximum number of attempts.
    pub limit: i64,
}

/// The columns of attempts; 0 represents no status.
pub(in crate::store) fn attempts_table(attempts: &[FailedAttempt]) -> Table {
    let ints = |of: fn(&FailedAttempt) -> i64| Column::Ints(attempts.iter().map(of).collect());
    let texts = |of: fn(&FailedAttempt) -> String| {
        Column::Texts(attempts.iter().map(|attempt| Some(of(attempt))).collect())
    };
    vec![
        ("at", ints(|attempt| attempt.at.as_micros())),
        ("event", texts(|attempt| attempt.event.clone())),
        ("status", ints(|attempt| attempt.status.unwrap_or(0))),
        ("error", texts(|attempt| attempt.error.clone())),
        ("attempt", ints(|attempt| attempt.attempt)),
    ]
}

impl Store {
    /// Failed attempts of an endpoint, newest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn failed_attempts(
        &self,
        endpoint: i64,
        query: &AttemptQuery,
    ) -> Result<Vec<FailedAttempt>, StoreError> {
        let mut sql = Sql::default();
        sql.raw("select at, event, status, error, attempt from failed_attempt where endpoint = ");
        sql.int(endpoint);
        if let Some(since) = query.since {
            sql.raw(" and at >= ").int(since.as_micros());
        }
        if let Some((at, event)) = &query.after {
            sql.raw(" and (at, event) < (").int(at.as_micros());
            sql.raw(", ").arg(event.as_str().into()).raw(")");
        }
        if query.given_up {
            sql.raw(" and (event, attempt) in (select event, attempts from held_event where endpoint = ");
            sql.int(endpoint).raw(" and failed is not null)");
        }
        sql.raw(" order by at desc, event desc {limit}")
            .int(query.limit);
        let rows = self.engine.read(&sql.statement("attempt.list")).await?;
        let read = |row: &Row| {
            Ok(FailedAttempt {
                at: Timestamp::from_micros(row.int(0)?),
                event: row.text(1)?.to_owned(),
                status: row.opt_int(2)?,
                error: row.text(3)?.to_owned(),
                attempt: row.int(4)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Stores failed attempts.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn add_failed_attempts(
        &self,
        endpoint: i64,
        attempts: &[FailedAttempt],
    ) -> Result<(), StoreError> {
        let statement = Statement::named("attempt.add", ADD, vec![Arg::Int(endpoint)]);
        let statement = statement.with_rows(attempts_table(attempts));
        self.engine.write_one(statement).await.map(|_| ())
    }

    /// Deletes failed events and failed attempts before a time; returns the number of rows.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn forget_failures(&self, before: Timestamp) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        for text in [FORGET_ATTEMPTS, FORGET_HELD] {
            loop {
                let args = vec![Arg::Int(before.as_micros())];
                let slice = Statement::named("attempt.forget", text, args);
                let rows = self.engine.write_one(slice).await?.len();
                forgotten += rows;
                if rows < 1_000 {
                    break;
                }
            }
        }
        Ok(forgotten)
    }
}

const ADD: &str = "insert into failed_attempt (endpoint, at, event, status, error, attempt) \
     select $1, at, event, nullif(status, 0), error, attempt from {rows} where true on conflict do nothing";
const FORGET_ATTEMPTS: &str = "delete from failed_attempt where (endpoint, at, event) in \
     (select endpoint, at, event from failed_attempt where at < $1 limit 1000) returning endpoint";
const FORGET_HELD: &str = "delete from held_event where (endpoint, position, part) in \
     (select endpoint, position, part from held_event where failed < $1 limit 1000) returning endpoint";
