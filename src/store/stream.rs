//! Statements of the operator that read a whole tenant: they take as long as they take, and their
//! rows come one by one.

use super::engine::{Engine, postgres_args, sqlite_args};
use super::error::StoreError;
use super::row::Row;
use super::statement::{Expanded, Statement};
use futures_core::stream::BoxStream;
use sqlx::{AssertSqlSafe, Connection, Executor, Postgres, Sqlite};
use std::future::poll_fn;
use tokio::sync::mpsc;

/// Rows that wait for their reader, at most.
const WAITING: usize = 64;

type Sent = Result<Row, StoreError>;

impl Engine {
    /// Runs a statement that only reads, on a connection of its own. All rows are of one moment.
    pub(super) fn rows(&self, statement: Statement) -> mpsc::Receiver<Sent> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let engine = self.clone();
        tokio::spawn(async move {
            if let Err(error) = engine.send_rows(&statement, &sender).await {
                // A reader that is gone wants to know nothing.
                let _ = sender.send(Err(error)).await;
            }
        });
        receiver
    }

    async fn send_rows(&self, statement: &Statement, to: &mpsc::Sender<Sent>) -> Result<(), StoreError> {
        match self {
            Self::Postgres { connections, .. } => {
                let mut connection = connections.reading().await?;
                let Expanded { text, args } = statement.for_postgres();
                let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(text), postgres_args(args)).persistent(false);
                send(query.fetch(&mut connection), Row::Postgres, to).await?;
                connection.execute("commit").await?;
                connection.close().await?;
            }
            Self::Sqlite { readers, .. } => {
                let mut connection = readers.apart().await?;
                let Expanded { text, args } = statement.for_sqlite();
                let query = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(text), sqlite_args(args));
                send(query.fetch(&mut connection), Row::Sqlite, to).await?;
                connection.close().await?;
            }
        }
        Ok(())
    }
}

async fn send<R>(
    mut rows: BoxStream<'_, sqlx::Result<R>>,
    read: impl Fn(R) -> Row,
    to: &mpsc::Sender<Sent>,
) -> Result<(), StoreError> {
    while let Some(row) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
        if to.send(Ok(read(row?))).await.is_err() {
            break;
        }
    }
    Ok(())
}
