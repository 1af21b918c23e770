//! Failed attempts.

use crate::clock::Timestamp;
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
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
    /// The last failed attempts of an endpoint since a time, oldest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn failed_attempts(
        &self,
        endpoint: i64,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<FailedAttempt>, StoreError> {
        let args = [endpoint, since.as_micros(), limit].map(Arg::Int).to_vec();
        let statement = Statement::named("attempt.list", LIST, args);
        let rows = self.engine.read(&statement).await?;
        let read = |row: &Row| {
            Ok(FailedAttempt {
                at: Timestamp::from_micros(row.int(0)?),
                event: row.text(1)?.to_owned(),
                status: row.opt_int(2)?,
                error: row.text(3)?.to_owned(),
                attempt: row.int(4)?,
            })
        };
        let attempts: Result<Vec<_>, StoreError> = rows.iter().rev().map(read).collect();
        attempts
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
const LIST: &str = "select at, event, status, error, attempt from failed_attempt where endpoint = $1 and at >= $2 \
     order by at desc, event desc {limit}$3";
const FORGET_ATTEMPTS: &str = "delete from failed_attempt where (endpoint, at, event) in \
     (select endpoint, at, event from failed_attempt where at < $1 limit 1000) returning endpoint";
const FORGET_HELD: &str = "delete from held_event where (endpoint, position, part) in \
     (select endpoint, position, part from held_event where failed < $1 limit 1000) returning endpoint";
