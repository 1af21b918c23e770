//! The writer of the embedded database, a thread. Batches that wait while it works share the next commit, which takes
//! most of the time; each has a separate savepoint. They are served round robin by tenant, not in the order of their
//! arrival. The wait is limited, for batches of others and for another program that locks the database.

use crate::fair_queue::FairQueue;
use crate::metrics::{UnderWay, WriterMetrics};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::flow::{ActiveTenants, Flow};
use crate::store::db::row::Row;
use crate::store::db::sqlite_connection::SqliteConnection;
use crate::store::db::sqlite_returned::ReturnedRows;
use crate::store::db::statement::Statement;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Maximum time that a batch waits for its execution.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(4);
/// Duration of one attempt to acquire the lock of the database; after it, batches that have waited too long are
/// refused.
pub(in crate::store) const ATTEMPT: Duration = Duration::from_millis(250);
/// Longest wait for reads that still run when the database is closed. Reads of this process end within the time limit of
/// a statement.
const LAST_READERS: Duration = Duration::from_secs(5);
/// Maximum number of batches in one commit, which limits how long the first of them waits.
const SHARED: usize = 64;
/// Batches of one commit while several tenants are active: a batch also waits for the commit before its own.
const SHARED_BY_TENANTS: usize = 16;
/// Maximum number of waiting batches of one tenant.
const WAITING: usize = 1024;

type Outcome = Result<Vec<Row>, StoreError>;

#[derive(Debug)]
struct Job {
    batch: Batch,
    since: Instant,
    done: oneshot::Sender<Outcome>,
    _queued: UnderWay,
}

/// A message to the thread.
#[derive(Debug)]
enum Message {
    Write(Job),
    Close(Closing),
}

/// A request to close the connection.
#[derive(Debug)]
struct Closing {
    /// Longest wait for reads that still run.
    wait: Duration,
    done: oneshot::Sender<Result<bool, StoreError>>,
}

/// Handle of the thread that owns the writing connection. When the last handle is dropped, the thread closes the
/// connection, and the drop waits for that: a process that ends at once would leave changes in the log of writes.
#[derive(Debug, Clone)]
pub(in crate::store) struct Writer {
    thread: Arc<WriterThread>,
    metrics: WriterMetrics,
}

#[derive(Debug)]
struct WriterThread {
    messages: mpsc::UnboundedSender<Message>,
    handle: Option<thread::JoinHandle<()>>,
}

impl WriterThread {
    fn send(&self, message: Message) -> Result<(), StoreError> {
        self.messages.send(message).map_err(|_| StoreError::Stopped)
    }

    fn close(
        &self,
        wait: Duration,
    ) -> Result<oneshot::Receiver<Result<bool, StoreError>>, StoreError> {
        let (done, outcome) = oneshot::channel();
        self.send(Message::Close(Closing { wait, done }))?;
        Ok(outcome)
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        // Fails if the thread has ended, after which there is nothing to wait for.
        let _ = self.close(ATTEMPT);
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the operating system cannot start a thread.
    pub(in crate::store) fn start(
        connection: SqliteConnection,
        metrics: WriterMetrics,
    ) -> Result<Self, StoreError> {
        let (sender, messages) = mpsc::unbounded_channel();
        let noted = metrics.clone();
        let work = move || work(connection, &noted, messages);
        let thread = thread::Builder::new().name("scimd-writer".to_owned());
        let handle = thread.spawn(work).map_err(sqlx::Error::Io)?;
        let thread = WriterThread {
            messages: sender,
            handle: Some(handle),
        };
        Ok(Self {
            thread: Arc::new(thread),
            metrics,
        })
    }

    /// Runs a batch; when this returns, it is committed to disk.
    pub(in crate::store) async fn write(&self, batch: Batch) -> Outcome {
        let (done, outcome) = oneshot::channel();
        let message = Message::Write(Job {
            batch,
            since: Instant::now(),
            done,
            _queued: self.metrics.queue(),
        });
        self.thread.send(message)?;
        outcome.await.map_err(|_| StoreError::Stopped)?
    }

    /// Ends the thread after the batches that were sent before, and moves the content of the WAL into the file; `false`
    /// if another connection prevents that.
    pub(in crate::store) async fn close(&self) -> Result<bool, StoreError> {
        let outcome = self.thread.close(LAST_READERS)?;
        outcome.await.map_err(|_| StoreError::Stopped)?
    }
}

/// The waiting batches, until the thread closes.
struct Inbox {
    messages: mpsc::UnboundedReceiver<Message>,
    waiting: FairQueue<Flow, Job>,
    active: ActiveTenants,
    closing: Option<Closing>,
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

    /// The next batch; `None` when the thread has to end.
    fn next(&mut self) -> Option<Job> {
        loop {
            if let Some(job) = self.next_that_waits() {
                return Some(job);
            }
            if self.closing.is_some() {
                return None;
            }
            let message = self.messages.blocking_recv()?;
            self.take(message);
        }
    }

    /// The next waiting batch, if any.
    fn next_that_waits(&mut self) -> Option<Job> {
        while self.closing.is_none()
            && let Ok(message) = self.messages.try_recv()
        {
            self.take(message);
        }
        self.waiting.pop(|_| true, |_| false).map(|(_, job)| job)
    }

    /// Maximum number of batches in the next commit.
    fn max(&self) -> usize {
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
                    // The caller may have been cancelled.
                    let _ = job.done.send(Err(StoreError::Locked));
                }
            }
            Message::Close(closing) => self.closing = Some(closing),
        }
    }
}

fn work(
    connection: SqliteConnection,
    metrics: &WriterMetrics,
    messages: mpsc::UnboundedReceiver<Message>,
) {
    let mut inbox = Inbox::new(messages);
    while let Some(first) = inbox.next() {
        let mut group = vec![first];
        let begun = begin(&connection, &mut group, &mut inbox);
        let waits = group.iter().map(|job| job.since.elapsed());
        metrics.note_commit(waits);
        match (begun, group.len()) {
            (_, 0) => {}
            (Ok(()), 1) => {
                for Job { batch, done, .. } in group {
                    let outcome = finish(&connection, &batch);
                    // The caller may have been cancelled; the outcome is valid nevertheless.
                    let _ = done.send(outcome);
                }
            }
            (Ok(()), _) => together(&connection, group),
            (Err(_), _) => each_alone(&connection, group),
        }
    }
    if let Some(Closing { wait, done }) = inbox.closing {
        // The caller may have been cancelled.
        let _ = done.send(close(connection, wait));
    }
}

/// Begins the transaction of a group; batches that arrive before it begins join the group. While another program locks
/// the database, batches that have waited too long are refused.
fn begin(
    connection: &SqliteConnection,
    group: &mut Vec<Job>,
    inbox: &mut Inbox,
) -> Result<(), StoreError> {
    loop {
        while group.len() < inbox.max() {
            let Some(next) = inbox.next_that_waits() else {
                break;
            };
            group.push(next);
            refuse_late(group);
        }
        refuse_late(group);
        if group.is_empty() {
            return Ok(());
        }
        match connection.command("begin immediate") {
            Err(StoreError::Busy(_)) => {}
            begun => return begun,
        }
    }
}

/// Moves what is in the log of writes into the file and empties the log, unless a reader needs it for longer than
/// `wait`.
fn close(connection: SqliteConnection, wait: Duration) -> Result<bool, StoreError> {
    connection.wait_for_lock(wait)?;
    connection.limit().begin();
    let checkpoint = Statement::named("checkpoint", "pragma wal_checkpoint(truncate)", vec![]);
    let rows = connection.rows(&checkpoint)?;
    let is_blocked = rows.first().map_or(Ok(None), |row| row.opt_int(0))? != Some(0);
    connection.close()?;
    Ok(!is_blocked)
}

fn refuse_late(group: &mut Vec<Job>) {
    for expired in group.extract_if(.., |job| job.since.elapsed() > QUEUE_TIMEOUT) {
        let _ = expired.done.send(Err(StoreError::Locked));
    }
}

fn alone(connection: &SqliteConnection, batch: &Batch) -> Outcome {
    connection.command("begin immediate")?;
    finish(connection, batch)
}

/// Runs a batch in the open transaction, and ends the transaction.
fn finish(connection: &SqliteConnection, batch: &Batch) -> Outcome {
    let outcome = match run(connection, batch) {
        Ok(rows) => connection.command("commit").map(|()| rows),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        roll_back(connection);
    }
    outcome
}

fn each_alone(connection: &SqliteConnection, group: Vec<Job>) {
    for Job { batch, done, .. } in group {
        let outcome = alone(connection, &batch);
        let _ = done.send(match outcome {
            // Another wait would take too long.
            Err(StoreError::Busy(_)) => Err(StoreError::Locked),
            outcome => outcome,
        });
    }
}

/// Runs a group of batches in its transaction, with one commit. If the group fails, each batch runs alone, so that the error of
/// one request does not affect the others.
fn together(connection: &SqliteConnection, group: Vec<Job>) {
    match attempt(connection, &group) {
        Ok(outcomes) => {
            for (job, outcome) in group.into_iter().zip(outcomes) {
                let _ = job.done.send(outcome);
            }
        }
        Err(_) => {
            roll_back(connection);
            each_alone(connection, group);
        }
    }
}

fn attempt(connection: &SqliteConnection, group: &[Job]) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes = Vec::with_capacity(group.len());
    for job in group {
        connection.command("savepoint request")?;
        let outcome = run(connection, &job.batch);
        if outcome.is_err() {
            connection.command("rollback to request")?;
        }
        connection.command("release request")?;
        outcomes.push(outcome);
    }
    connection.command("commit")?;
    Ok(outcomes)
}

fn roll_back(connection: &SqliteConnection) {
    // Fails if SQLite has already rolled back.
    let _ = connection.command("rollback");
}

fn run(connection: &SqliteConnection, batch: &Batch) -> Outcome {
    connection.limit().begin();
    let mut returned = ReturnedRows::default();
    let last = batch.steps().len().saturating_sub(1);
    for (i, (name, step)) in batch.steps().iter().enumerate() {
        let rows = connection.step(step.body(), &returned, batch.name())?;
        if i == last {
            return Ok(rows.into_iter().map(Row::Sqlite).collect());
        }
        if !step.returns().is_empty() {
            returned.keep(name, step.returns(), rows)?;
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::store::db::args::Arg;

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

    #[test]
    fn batches_are_taken_round_robin_by_tenant() {
        let (sender, messages) = mpsc::unbounded_channel();
        let mut inbox = Inbox::new(messages);
        let _first = send(&sender, &[1, 1, 1, 1]);
        assert_eq!(inbox.next().as_ref().map(tenant), Some(1));
        assert_eq!(inbox.max(), SHARED);
        let _second = send(&sender, &[2, 3, 2]);
        let rest: Vec<_> = std::iter::from_fn(|| inbox.next_that_waits())
            .map(|job| tenant(&job))
            .collect();
        assert_eq!(rest, [1, 2, 3, 1, 2, 1]);
        assert_eq!(inbox.max(), SHARED_BY_TENANTS);
    }

    #[test]
    fn a_full_queue_of_one_tenant_refuses_that_tenant_alone() {
        let (sender, messages) = mpsc::unbounded_channel();
        let mut inbox = Inbox::new(messages);
        let mut noisy = send(&sender, &vec![1; WAITING + 2]);
        let mut quiet = send(&sender, &[2]);
        let (done, _closed) = oneshot::channel();
        let wait = Duration::ZERO;
        sender.send(Message::Close(Closing { wait, done })).unwrap();
        // Batches after the request to close are refused.
        let mut expired = send(&sender, &[3]);
        let mut taken = 0;
        while inbox.next().is_some() {
            taken += 1;
        }
        assert_eq!(taken, WAITING + 1);
        drop(inbox);
        let refused = |answer: &mut oneshot::Receiver<Outcome>| {
            matches!(answer.try_recv(), Ok(Err(StoreError::Locked)))
        };
        let refusals = noisy.iter_mut().map(|one| usize::from(refused(one)));
        assert_eq!(refusals.sum::<usize>(), 2);
        assert!(!refused(&mut quiet[0]) && !refused(&mut expired[0]));
    }
}
