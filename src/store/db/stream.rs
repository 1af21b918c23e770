//! Statements of the operator that read a whole tenant: they have no time limit, and their rows are streamed.

use crate::store::db::args::postgres_args;
use crate::store::db::deadline::Deadline;
use crate::store::db::engine::{Database, Engine};
use crate::store::db::error::StoreError;
use crate::store::db::flow::Flow;
use crate::store::db::postgres_text::Expanded;
use crate::store::db::row::Row;
use crate::store::db::sqlite_connection::SqliteConnection;
use crate::store::db::statement::Statement;
use crate::trace;
use futures_core::stream::BoxStream;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Postgres};
use std::future::poll_fn;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tracing::{Instrument, Span};

/// Maximum wait for a row of an operator's statement: PostgreSQL may sort a whole tenant.
const FOR_OPERATOR: Deadline = Deadline::after(Duration::from_secs(600));
/// Maximum number of buffered rows.
const WAITING: usize = 64;

type Sent = Result<Row, StoreError>;

impl Engine {
    /// Runs a reading statement that holds a connection until the last row was read. All rows are from one snapshot.
    pub(in crate::store) fn rows(&self, statement: Statement) -> mpsc::Receiver<Sent> {
        let span = trace::statement_of_request(statement.name(), self.system());
        self.rows_each_within(FOR_OPERATOR, statement, span)
    }

    /// Streams rows like [`Engine::rows`], for a client that waits for each row.
    pub(in crate::store) fn rows_for_client(&self, statement: Statement) -> mpsc::Receiver<Sent> {
        let each = if let Database::Postgres { connections, .. } = &self.database {
            connections.deadline()
        } else {
            FOR_OPERATOR
        };
        let span = trace::statement(statement.name(), self.system());
        self.rows_each_within(each, statement, span)
    }

    fn rows_each_within(
        &self,
        each: Deadline,
        statement: Statement,
        span: Span,
    ) -> mpsc::Receiver<Sent> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let engine = self.clone();
        let work = async move {
            let (began, mut rows) = (Instant::now(), 0);
            let outcome = engine.send_rows(&statement, each, &mut rows, &sender).await;
            let rows = outcome.is_ok().then_some(rows);
            trace::end_statement(&Span::current(), rows);
            engine
                .metrics()
                .statements
                .note(statement.name(), began.elapsed(), rows);
            if let Err(error) = outcome {
                // The reader may have been dropped.
                let _ = sender.send(Err(error)).await;
            }
        };
        tokio::spawn(work.instrument(span));
        receiver
    }

    async fn send_rows(
        &self,
        statement: &Statement,
        each: Deadline,
        count: &mut usize,
        to: &mpsc::Sender<Sent>,
    ) -> Result<(), StoreError> {
        match &self.database {
            Database::Postgres { connections, .. } => {
                let Expanded { text, args, .. } = statement.for_postgres()?;
                let mut reading = connections.read_transaction(Flow::of(&args)).await?;
                let query =
                    sqlx::query_with::<Postgres, _>(AssertSqlSafe(text), postgres_args(args))
                        .persistent(false);
                let rows = query.fetch(reading.connection()?);
                send(rows, each, count, to).await?;
                if to.is_closed() {
                    // Ending the transaction would require reading the remaining rows; closing the connection ends
                    // both.
                    return Ok(());
                }
                reading.end().await?;
            }
            Database::Sqlite { readers, .. } => {
                let flow = Flow::of(statement.body().args());
                let (_permit, connection) = readers.reading(flow).await?;
                let (statement, to) = (statement.clone(), to.clone());
                let reading = spawn_blocking(move || send_here(&connection, &statement, &to));
                *count += reading.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
            }
        }
        Ok(())
    }
}

/// Sends the rows of SQLite, on a thread that can wait for the reader; returns their number.
fn send_here(
    connection: &SqliteConnection,
    statement: &Statement,
    to: &mpsc::Sender<Sent>,
) -> Result<usize, StoreError> {
    let mut count = 0;
    connection.each(statement, |row| {
        count += 1;
        to.blocking_send(Ok(Row::Sqlite(row))).is_ok()
    })?;
    Ok(count)
}

async fn send(
    mut rows: BoxStream<'_, sqlx::Result<PgRow>>,
    each: Deadline,
    count: &mut usize,
    to: &mpsc::Sender<Sent>,
) -> Result<(), StoreError> {
    while let Some(row) = each
        .on(poll_fn(|context| {
            rows.as_mut().poll_next(context).map(Option::transpose)
        }))
        .await?
    {
        *count += 1;
        if to.send(Ok(Row::Postgres(row))).await.is_err() {
            break;
        }
    }
    Ok(())
}
