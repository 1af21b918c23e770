//! The one writer of the embedded database. Requests that wait while it is at work share the
//! next commit, each within a savepoint of its own: a commit is what takes time. None waits long for its
//! turn: not for the batches of others, and not for another program that keeps the database locked.

use crate::store::db::engine::sqlite_args;
use crate::store::db::error::StoreError;
use crate::store::db::row::{Row, json_of};
use crate::store::db::sqlite_timeout::Limit;
use crate::store::db::statement::{Batch, Expanded, Returned};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Executor, Row as _};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};

/// Longest wait of a batch for its turn.
const TURN: Duration = Duration::from_secs(4);
/// How long one attempt to get the lock of the database lasts; after it those that have waited long
/// enough are refused.
pub(in crate::store) const ATTEMPT: Duration = Duration::from_millis(250);
/// Batches that share a commit, at most: a bound on how long the first of them waits.
const SHARED: usize = 64;
/// Batches that wait for the writer, at most.
const WAITING: usize = 1024;

type Outcome = Result<Vec<Row>, StoreError>;

#[derive(Debug)]
struct Job {
    batch: Batch,
    since: Instant,
    done: oneshot::Sender<Outcome>,
}

/// What the task is asked for.
#[derive(Debug)]
enum Message {
    Write(Job),
    Close(oneshot::Sender<Result<bool, StoreError>>),
}

/// The writing connection, and the time that is left to a batch.
struct Writing {
    connection: SqliteConnection,
    limit: Limit,
}

/// Handle of the task that owns the writing connection.
#[derive(Debug, Clone)]
pub(in crate::store) struct Writer(mpsc::Sender<Message>);

impl Writer {
    /// Starts the task. It ends when the last handle is gone.
    pub(in crate::store) fn start(connection: SqliteConnection, limit: Limit) -> Self {
        let (sender, jobs) = mpsc::channel(WAITING);
        tokio::spawn(work(Writing { connection, limit }, jobs));
        Self(sender)
    }

    /// Runs a batch; when this returns it is on the disk.
    pub(in crate::store) async fn write(&self, batch: Batch) -> Outcome {
        let (done, outcome) = oneshot::channel();
        let message = Message::Write(Job {
            batch,
            since: Instant::now(),
            done,
        });
        self.0
            .send_timeout(message, TURN)
            .await
            .map_err(|error| match error {
                SendTimeoutError::Timeout(_) => StoreError::Locked,
                SendTimeoutError::Closed(_) => StoreError::Stopped,
            })?;
        outcome.await.map_err(|_| StoreError::Stopped)?
    }

    /// Ends the task once what was asked for before is written, and leaves the database in its file
    /// alone; `false` if another connection is in the way of that.
    pub(in crate::store) async fn close(&self) -> Result<bool, StoreError> {
        let (done, outcome) = oneshot::channel();
        self.0
            .send(Message::Close(done))
            .await
            .map_err(|_| StoreError::Stopped)?;
        outcome.await.map_err(|_| StoreError::Stopped)?
    }
}

/// Batches in the order of their arrival, until the task is asked to close.
struct Inbox {
    messages: mpsc::Receiver<Message>,
    closing: Option<oneshot::Sender<Result<bool, StoreError>>>,
}

impl Inbox {
    /// The next batch; `None` once the task is to end.
    async fn next(&mut self) -> Option<Job> {
        if self.closing.is_some() {
            return None;
        }
        let message = self.messages.recv().await?;
        self.job(message)
    }

    /// The next batch, if one is there.
    fn next_that_waits(&mut self) -> Option<Job> {
        if self.closing.is_some() {
            return None;
        }
        let message = self.messages.try_recv().ok()?;
        self.job(message)
    }

    fn job(&mut self, message: Message) -> Option<Job> {
        match message {
            Message::Write(job) => Some(job),
            Message::Close(done) => {
                self.closing = Some(done);
                None
            }
        }
    }
}

async fn work(mut writing: Writing, messages: mpsc::Receiver<Message>) {
    let mut inbox = Inbox {
        messages,
        closing: None,
    };
    while let Some(first) = inbox.next().await {
        let mut group = vec![first];
        let begun = begin(&mut writing, &mut group, &mut inbox).await;
        match (begun, group.len()) {
            (_, 0) => {}
            (Ok(()), 1) => {
                for Job { batch, done, .. } in group {
                    let outcome = finish(&mut writing, &batch).await;
                    // The caller may have gone; the outcome stands all the same.
                    let _ = done.send(outcome);
                }
            }
            (Ok(()), _) => together(&mut writing, group).await,
            (Err(_), _) => each_alone(&mut writing, group).await,
        }
    }
    let closed = close(writing).await;
    if let Some(done) = inbox.closing {
        let _ = done.send(closed);
    }
}

/// Begins the transaction of a group, which others join until then. While another program keeps the
/// database locked, those that have waited long enough are refused.
async fn begin(
    writing: &mut Writing,
    group: &mut Vec<Job>,
    inbox: &mut Inbox,
) -> Result<(), StoreError> {
    loop {
        while group.len() < SHARED {
            let Some(next) = inbox.next_that_waits() else {
                break;
            };
            group.push(next);
            refuse_late(group);
        }
        refuse_late(group);
        // Each command is a word with the connection's thread, so they come together where they can.
        let text = match group.len() {
            0 => return Ok(()),
            1 => "begin immediate",
            _ => "begin immediate; savepoint request",
        };
        match command(writing, text).await {
            Err(StoreError::Busy(_)) => {}
            begun => return begun,
        }
    }
}

/// Moves what is in the log of writes into the file and empties the log, unless a reader needs it.
async fn close(mut writing: Writing) -> Result<bool, StoreError> {
    writing.limit.begin();
    let row = writing
        .connection
        .fetch_one("pragma wal_checkpoint(truncate)")
        .await?;
    let is_blocked = row.try_get::<i64, _>(0)? != 0;
    let Writing { connection, limit } = writing;
    drop(limit);
    connection.close().await?;
    Ok(!is_blocked)
}

fn refuse_late(group: &mut Vec<Job>) {
    for late in group.extract_if(.., |job| job.since.elapsed() > TURN) {
        let _ = late.done.send(Err(StoreError::Locked));
    }
}

async fn alone(writing: &mut Writing, batch: &Batch) -> Outcome {
    command(writing, "begin immediate").await?;
    finish(writing, batch).await
}

/// Runs a batch in the transaction that was begun for it, and ends that.
async fn finish(writing: &mut Writing, batch: &Batch) -> Outcome {
    let outcome = match run(writing, batch).await {
        Ok(rows) => command(writing, "commit").await.map(|()| rows),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        roll_back(writing).await;
    }
    outcome
}

async fn each_alone(writing: &mut Writing, group: Vec<Job>) {
    for Job { batch, done, .. } in group {
        let outcome = alone(writing, &batch).await;
        let _ = done.send(match outcome {
            // To wait again would take too long.
            Err(StoreError::Busy(_)) => Err(StoreError::Locked),
            outcome => outcome,
        });
    }
}

/// Runs a group in the transaction that was begun for it, under one commit. If that cannot be had, each runs by itself, so that one
/// request's trouble is not the others'.
async fn together(writing: &mut Writing, group: Vec<Job>) {
    match attempt(writing, &group).await {
        Ok(outcomes) => {
            for (job, outcome) in group.into_iter().zip(outcomes) {
                let _ = job.done.send(outcome);
            }
        }
        Err(_) => {
            roll_back(writing).await;
            each_alone(writing, group).await;
        }
    }
}

async fn attempt(writing: &mut Writing, group: &[Job]) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes = Vec::with_capacity(group.len());
    for (i, job) in group.iter().enumerate() {
        if i > 0 {
            command(writing, "release request; savepoint request").await?;
        }
        let outcome = run(writing, &job.batch).await;
        if outcome.is_err() {
            command(writing, "rollback to request").await?;
        }
        outcomes.push(outcome);
    }
    command(writing, "release request; commit").await?;
    Ok(outcomes)
}

async fn command(writing: &mut Writing, text: &'static str) -> Result<(), StoreError> {
    writing.connection.execute(text).await?;
    Ok(())
}

async fn roll_back(writing: &mut Writing) {
    // Fails if the database has rolled back by itself, which is what is wanted.
    let _ = writing.connection.execute("rollback").await;
}

async fn run(writing: &mut Writing, batch: &Batch) -> Outcome {
    writing.limit.begin();
    let mut returned: Vec<(&'static str, Returned)> = Vec::new();
    let mut last = Vec::new();
    for (name, statement) in batch.statements() {
        let earlier = |name: &str| {
            returned
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, rows)| rows.clone())
        };
        let Expanded { text, args } = statement.expand_sqlite(&earlier);
        last = sqlx::query_with(AssertSqlSafe(text), sqlite_args(args))
            .fetch_all(&mut writing.connection)
            .await?;
        returned.push((name, (statement.returned_columns(), as_json(&last)?)));
    }
    Ok(last.into_iter().map(Row::Sqlite).collect())
}

fn as_json(rows: &[SqliteRow]) -> Result<String, StoreError> {
    let row = |row: &SqliteRow| {
        (0..row.len())
            .map(|i| json_of(row, i))
            .collect::<Result<serde_json::Value, _>>()
    };
    Ok(rows
        .iter()
        .map(row)
        .collect::<Result<serde_json::Value, _>>()?
        .to_string())
}
