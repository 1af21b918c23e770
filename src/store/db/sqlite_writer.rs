//! The one writer of the embedded database. Requests that wait while it works share the next commit, each
//! within a savepoint of its own: the commit is what takes time. They are taken round robin by tenant, not in
//! the order of their arrival. No request waits long: neither for the batches of others nor for another program
//! that keeps the database locked.

use crate::metrics::{UnderWay, WriterMetrics};
use crate::store::db::args::sqlite_args;
use crate::store::db::batch::{Batch, ReturnedRows};
use crate::store::db::error::StoreError;
use crate::store::db::fair_queue::{ActiveTenants, FairQueue};
use crate::store::db::row::{Row, json_of};
use crate::store::db::sqlite_timeout::Limit;
use crate::store::db::statement::Expanded;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Executor, Row as _};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Longest wait of a batch for its turn.
const TURN: Duration = Duration::from_secs(4);
/// How long one attempt to get the lock of the database lasts; after it those that have waited long
/// enough are refused.
pub(in crate::store) const ATTEMPT: Duration = Duration::from_millis(250);
/// Batches that share a commit, at most: a bound on how long the first of them waits.
const SHARED: usize = 64;
/// Batches of one commit while several tenants are active: a batch also waits for the commit before its own.
const SHARED_BY_TENANTS: usize = 16;
/// Batches of one tenant that wait for the writer, at most.
const WAITING: usize = 1024;

type Outcome = Result<Vec<Row>, StoreError>;

#[derive(Debug)]
struct Job {
    batch: Batch,
    since: Instant,
    done: oneshot::Sender<Outcome>,
    _queued: UnderWay,
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
    metrics: WriterMetrics,
}

/// Handle of the task that owns the writing connection.
#[derive(Debug, Clone)]
pub(in crate::store) struct Writer {
    messages: mpsc::UnboundedSender<Message>,
    metrics: WriterMetrics,
}

impl Writer {
    /// Starts the task. It ends when the last handle is gone.
    pub(in crate::store) fn start(
        connection: SqliteConnection,
        limit: Limit,
        metrics: WriterMetrics,
    ) -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        let writing = Writing {
            connection,
            limit,
            metrics: metrics.clone(),
        };
        tokio::spawn(work(writing, messages));
        Self {
            messages: sender,
            metrics,
        }
    }

    /// Runs a batch; when this returns it is on the disk.
    pub(in crate::store) async fn write(&self, batch: Batch) -> Outcome {
        let (done, outcome) = oneshot::channel();
        let message = Message::Write(Job {
            batch,
            since: Instant::now(),
            done,
            _queued: self.metrics.queue(),
        });
        self.messages
            .send(message)
            .map_err(|_| StoreError::Stopped)?;
        outcome.await.map_err(|_| StoreError::Stopped)?
    }

    /// Ends the task once what was asked for before is written, and leaves the database in its file
    /// alone; `false` if another connection is in the way of that.
    pub(in crate::store) async fn close(&self) -> Result<bool, StoreError> {
        let (done, outcome) = oneshot::channel();
        self.messages
            .send(Message::Close(done))
            .map_err(|_| StoreError::Stopped)?;
        outcome.await.map_err(|_| StoreError::Stopped)?
    }
}

/// Batches that wait, until the task is asked to close.
struct Inbox {
    messages: mpsc::UnboundedReceiver<Message>,
    waiting: FairQueue<Job>,
    active: ActiveTenants,
    closing: Option<oneshot::Sender<Result<bool, StoreError>>>,
}

impl Inbox {
    fn new(messages: mpsc::UnboundedReceiver<Message>) -> Self {
        Self {
            messages,
            waiting: FairQueue::default(),
            active: ActiveTenants::default(),
            closing: None,
        }
    }

    /// The next batch; `None` once the task is to end.
    async fn next(&mut self) -> Option<Job> {
        loop {
            if let Some(job) = self.next_that_waits() {
                return Some(job);
            }
            if self.closing.is_some() {
                return None;
            }
            let message = self.messages.recv().await?;
            self.take(message);
        }
    }

    /// The next batch, if one is there.
    fn next_that_waits(&mut self) -> Option<Job> {
        while self.closing.is_none()
            && let Ok(message) = self.messages.try_recv()
        {
            self.take(message);
        }
        self.waiting.pop(|_| true, |_| false).map(|(_, job)| job)
    }

    /// How many batches may share the next commit.
    fn most(&self) -> usize {
        if self.active.are_several(Instant::now()) {
            SHARED_BY_TENANTS
        } else {
            SHARED
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Write(job) => {
                let flow = job.batch.flow();
                self.active.note(flow, job.since);
                if self.waiting.len_of(flow) < WAITING {
                    self.waiting.push(flow, job);
                } else {
                    // The caller may have gone.
                    let _ = job.done.send(Err(StoreError::Locked));
                }
            }
            Message::Close(done) => self.closing = Some(done),
        }
    }
}

async fn work(mut writing: Writing, messages: mpsc::UnboundedReceiver<Message>) {
    let mut inbox = Inbox::new(messages);
    while let Some(first) = inbox.next().await {
        let mut group = vec![first];
        let begun = begin(&mut writing, &mut group, &mut inbox).await;
        let waits = group.iter().map(|job| job.since.elapsed());
        writing.metrics.note_commit(waits);
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
        while group.len() < inbox.most() {
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
    let Writing {
        connection, limit, ..
    } = writing;
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
    let mut returned = ReturnedRows::default();
    let mut last = Vec::new();
    for (name, step) in batch.steps() {
        let Expanded { text, args } = step.body().expand_sqlite(&returned, batch.name())?;
        last = sqlx::query_with(AssertSqlSafe(text), sqlite_args(args))
            .fetch_all(&mut writing.connection)
            .await?;
        if !step.returns().is_empty() {
            debug_assert!(
                last.first()
                    .is_none_or(|row| names(row).eq(step.returns().iter().copied())),
                "{}: step {name} returns other columns",
                batch.name()
            );
            returned.keep(name, (step.returns(), as_json(&last)?));
        }
    }
    Ok(last.into_iter().map(Row::Sqlite).collect())
}

fn names(row: &SqliteRow) -> impl Iterator<Item = &str> {
    row.columns().iter().map(sqlx::Column::name)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::store::db::args::Arg;
    use crate::store::db::statement::Statement;

    type Answers = Vec<oneshot::Receiver<Outcome>>;

    fn send(sender: &mpsc::UnboundedSender<Message>, tenants: &[i64]) -> Answers {
        let send = |tenant: &i64| {
            let (done, answer) = oneshot::channel();
            let statement = Statement::named("test", "select $1", vec![Arg::Int(*tenant)]);
            let job = Job {
                batch: Batch::one(statement),
                since: Instant::now(),
                done,
                _queued: Metrics::default().writer.queue(),
            };
            sender.send(Message::Write(job)).unwrap();
            answer
        };
        tenants.iter().map(send).collect()
    }

    fn tenant(job: &Job) -> i64 {
        let (_, step) = &job.batch.steps()[0];
        match step.body().args() {
            [Arg::Int(tenant)] => *tenant,
            _ => 0,
        }
    }

    #[tokio::test]
    async fn batches_are_taken_round_robin_by_tenant() {
        let (sender, messages) = mpsc::unbounded_channel();
        let mut inbox = Inbox::new(messages);
        let _first = send(&sender, &[1, 1, 1, 1]);
        assert_eq!(inbox.next().await.as_ref().map(tenant), Some(1));
        assert_eq!(inbox.most(), SHARED);
        let _second = send(&sender, &[2, 3, 2]);
        let rest: Vec<_> = std::iter::from_fn(|| inbox.next_that_waits())
            .map(|job| tenant(&job))
            .collect();
        assert_eq!(rest, [1, 2, 3, 1, 2, 1]);
        assert_eq!(inbox.most(), SHARED_BY_TENANTS);
    }

    #[tokio::test]
    async fn a_full_queue_of_one_tenant_refuses_that_tenant_alone() {
        let (sender, messages) = mpsc::unbounded_channel();
        let mut inbox = Inbox::new(messages);
        let mut noisy = send(&sender, &vec![1; WAITING + 2]);
        let mut quiet = send(&sender, &[2]);
        let (close, _closed) = oneshot::channel();
        sender.send(Message::Close(close)).unwrap();
        // What comes after the request to close is not taken.
        let mut late = send(&sender, &[3]);
        let mut taken = 0;
        while inbox.next().await.is_some() {
            taken += 1;
        }
        assert_eq!(taken, WAITING + 1);
        drop(inbox);
        let refused = |answer: &mut oneshot::Receiver<Outcome>| {
            matches!(answer.try_recv(), Ok(Err(StoreError::Locked)))
        };
        let refusals = noisy.iter_mut().map(|one| usize::from(refused(one)));
        assert_eq!(refusals.sum::<usize>(), 2);
        assert!(!refused(&mut quiet[0]) && !refused(&mut late[0]));
    }
}
