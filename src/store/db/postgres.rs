//! Connections to PostgreSQL. The driver's own pool checks a connection after each use, which is an extra round trip
//! for each statement; here a failed connection is not reused, and an idle one is checked first.
//!
//! The driver gives no access to its sockets, so TCP keepalive cannot be set on this side: the deadline of each
//! statement and the check after a pause replace it.

use crate::metrics;
use crate::store::db::args::postgres_args;
use crate::store::db::deadline::Deadline;
use crate::store::db::error::StoreError;
use crate::store::db::fair_queue::Flow;
use crate::store::db::fair_semaphore::{FairSemaphore, Permit, Shares};
use crate::store::db::hosts::{Hosts, is_starting};
use crate::store::db::notices::without_warnings;
use crate::store::db::probe::{ProbeReport, probe};
use crate::store::db::row::Row;
use crate::store::db::session::Session;
use crate::store::db::settings::{PoolSettings, READING_WAIT};
use crate::store::db::suspicion::{Probing, Purpose, Suspicion};
use crate::store::db::postgres_texts::Prepared;
use deadpool::Runtime;
use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, WeakPool,
};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout, timeout_at};
use tracing::dispatcher::{Dispatch, with_default};

/// How long a connection is used at most: balancers and failed hosts are turned to again.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Maximum idle time of a connection.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// Idle time after which a connection is checked, and the time limit of the check.
const PAUSE: Duration = Duration::from_secs(1);
const ASKED: Duration = Duration::from_millis(500);
/// Pause between attempts to connect to an unavailable server, while a request waits.
const RETRY: Duration = Duration::from_millis(50);
/// Interval of checks for a returned connection, while PostgreSQL allows no more of them.
const LOOK: Duration = Duration::from_millis(10);
/// Divisor for the share of connections of a tenant with slow statements while others are active.
const SLOW_SHARE: usize = 16;
/// Divisor for the share of connections for long reads.
const READINGS: usize = 4;
/// Pause before a new connection after PostgreSQL has refused one for lack of connections.
const NO_MORE: Duration = Duration::from_millis(250);

/// Handle of the connections.
#[derive(Debug, Clone)]
pub(in crate::store) struct Connections {
    pool: Pool<Opener>,
    permits: FairSemaphore,
    /// A permit for each connection for long reads.
    readings: FairSemaphore,
    common: Arc<Common>,
}

/// The shared state of all connections.
#[derive(Debug)]
struct Common {
    hosts: Hosts,
    session: Session,
    /// Longest wait for a connection.
    acquire: Duration,
    deadline: Deadline,
    suspicion: Arc<Suspicion>,
    /// Where new connections go.
    target: Mutex<PgConnectOptions>,
    /// Incremented when one of the connections has failed: the others are checked before they are reused.
    generation: AtomicU64,
    /// Connections of an earlier generation are not used again.
    oldest: AtomicU64,
    /// Until when PostgreSQL allows no more connections.
    no_more: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Opener(Arc<Common>);

/// A connection, and whether it can still be busy, because its request was cancelled or it has failed. It is then not
/// reused.
#[derive(Debug)]
struct Link {
    connection: PgConnection,
    is_at_work: bool,
    /// When it was known last that it works.
    generation: u64,
    answered: Instant,
}

/// A connection in use. When this is dropped the connection is free for others, or closed if it may
/// still be at work.
#[derive(Debug)]
pub(in crate::store) struct Lease {
    /// `Some` until it is dropped or taken.
    link: Option<Object<Opener>>,
    connections: Connections,
    /// Given back after the connection.
    permit: Permit,
}

impl Common {
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn target(&self) -> PgConnectOptions {
        self.session.options(lock(&self.target).clone())
    }

    /// Marks the connections of a generation to be checked before reuse; `false` if they are already marked.
    fn doubt(&self, generation: u64) -> bool {
        let next = generation.wrapping_add(1);
        self.generation
            .compare_exchange(generation, next, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Discards the connections of all generations until now.
    fn give_up(&self) {
        let next = self
            .generation
            .fetch_add(1, Ordering::AcqRel)
            .wrapping_add(1);
        self.oldest.fetch_max(next, Ordering::AcqRel);
    }

    async fn open(&self) -> Result<PgConnection, StoreError> {
        if lock(&self.no_more).is_some_and(|until| Instant::now() < until) {
            return Err(StoreError::NoMoreConnections);
        }
        let opening = async {
            loop {
                match self.target().connect().await {
                    Err(error) if is_starting(&error) => sleep(RETRY).await,
                    outcome => return outcome,
                }
            }
        };
        // Shorter than the wait for a connection, so that a waiting request gets this error.
        let time = self.acquire * 3 / 4;
        // Boxed: the future that waits for a connection should not contain the one that opens it.
        let opened = timeout(time, Box::pin(opening))
            .await
            .map_err(|_| StoreError::Silent(time))?;
        let opened = opened.map_err(StoreError::from);
        if matches!(opened, Err(StoreError::NoMoreConnections)) {
            *lock(&self.no_more) = Some(Instant::now() + NO_MORE);
        }
        opened
    }
}

/// Shares of a tenant in a number of connections while others are active: few concurrent slow statements, because the
/// cores of PostgreSQL are not divided among tenants.
fn shares(connections: usize) -> Shares {
    Shares {
        short: connections / 2,
        slow: connections / SLOW_SHARE,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Manager for Opener {
    type Type = Link;
    type Error = StoreError;

    async fn create(&self) -> Result<Link, StoreError> {
        let generation = self.0.generation();
        let connection = self.0.open().await?;
        Ok(Link {
            connection,
            is_at_work: false,
            generation,
            answered: Instant::now(),
        })
    }

    async fn recycle(&self, link: &mut Link, metrics: &Metrics) -> RecycleResult<StoreError> {
        let (pause, generation) = (link.answered.elapsed(), self.0.generation());
        if metrics.age() > LIFETIME || pause > IDLE || link.is_useless(&self.0) {
            return Err(RecycleError::message("not to be used again"));
        }
        if pause > PAUSE || link.generation != generation {
            if !matches!(timeout(ASKED, link.connection.ping()).await, Ok(Ok(()))) {
                // The others are as old: checking each would take too long.
                self.0.give_up();
                return Err(RecycleError::message("it does not respond"));
            }
            (link.answered, link.generation) = (Instant::now(), generation);
        }
        Ok(())
    }
}

impl Link {
    fn is_useless(&self, common: &Common) -> bool {
        self.is_at_work || self.generation < common.oldest.load(Ordering::Acquire)
    }
}

impl Connections {
    /// Connections to the hosts of a database; first to `primary`, which accepts writes.
    ///
    /// # Errors
    /// If the first one cannot be opened.
    pub(in crate::store) async fn open(
        hosts: Hosts,
        primary: PgConnectOptions,
        session: Session,
        settings: &PoolSettings,
        metrics: &metrics::Metrics,
    ) -> Result<Self, StoreError> {
        let common = Arc::new(Common {
            hosts,
            session,
            acquire: settings.acquire,
            deadline: Deadline::after(settings.statement),
            suspicion: Arc::default(),
            target: Mutex::new(primary),
            generation: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            no_more: Mutex::default(),
        });
        // While one connection is used for a long read, its reader writes on another.
        let most = usize::try_from(settings.max_connections.max(2)).unwrap_or(2);
        let pool = Pool::builder(Opener(common.clone()))
            .max_size(most)
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build();
        let connections = Self {
            pool: pool.map_err(|error| sqlx::Error::Configuration(error.into()))?,
            permits: FairSemaphore::new(most, shares(most), metrics.pool.clone()),
            readings: FairSemaphore::new(
                most / READINGS,
                shares(most / READINGS),
                metrics.readings.clone(),
            ),
            common,
        };
        drop(connections.lease(Flow::Server, Purpose::Read).await?);
        Ok(connections)
    }

    /// The deadline for the response to a statement.
    pub(in crate::store) fn deadline(&self) -> Deadline {
        self.common.deadline
    }

    /// Whether writes are refused because PostgreSQL does not respond or does not confirm commits.
    pub(in crate::store) fn refuses_writes(&self) -> bool {
        self.common.suspicion.refuses(Purpose::Write)
    }

    /// A free connection, or a new one, when the flow gets its turn.
    ///
    /// # Errors
    /// If none becomes free in time, or none can be opened; at once while PostgreSQL does not respond.
    pub(in crate::store) async fn lease(
        &self,
        flow: Flow,
        purpose: Purpose,
    ) -> Result<Lease, StoreError> {
        // Pinned here: passed by value, it would be in the future twice, and be copied with it.
        let leasing = pin!(self.free_or_new(flow));
        self.common.suspicion.unless_refused(purpose, leasing).await
    }

    async fn free_or_new(&self, flow: Flow) -> Result<Lease, StoreError> {
        let end = tokio::time::Instant::now() + self.common.acquire;
        let permit = timeout_at(end, self.permits.acquire(flow))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        loop {
            match timeout_at(end, self.pool.get()).await {
                // Opened while its host was replaced by another one.
                Ok(Ok(link)) if link.is_useless(&self.common) => drop(Object::take(link)),
                Ok(Ok(link)) => {
                    return Ok(Lease {
                        link: Some(link),
                        connections: self.clone(),
                        permit,
                    });
                }
                // The existing ones are in use, and will be returned.
                Ok(Err(PoolError::Backend(error @ StoreError::NoMoreConnections))) => {
                    if timeout_at(end, sleep(LOOK)).await.is_err() {
                        return Err(error);
                    }
                }
                Ok(Err(PoolError::Backend(error))) => {
                    let is_reached = matches!(error, StoreError::Away(sqlx::Error::Database(_)));
                    if !is_reached && matches!(error, StoreError::Silent(_) | StoreError::Away(_)) {
                        self.probe(self.common.suspicion.raise());
                    }
                    return Err(error);
                }
                Ok(Err(_)) | Err(_) => return Err(sqlx::Error::PoolTimedOut.into()),
            }
        }
    }

    /// A connection within a reading transaction without a time limit. Only a part of the connections is used for these
    /// transactions, so that slow clients do not occupy all of them.
    ///
    /// # Errors
    /// The errors of [`Connections::lease`], and of a transaction that cannot begin.
    pub(in crate::store) async fn reading(&self, flow: Flow) -> Result<Reading, StoreError> {
        let permit = timeout(READING_WAIT, self.readings.acquire(flow))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        let mut lease = self.lease(flow, Purpose::Read).await?;
        let link = lease.link()?;
        link.is_at_work = true;
        let begin = AssertSqlSafe(self.common.session.begin_reading());
        self.common
            .deadline
            .on(link.connection.execute(begin))
            .await?;
        Ok(Reading {
            lease,
            _permit: permit,
        })
    }

    /// Runs a statement that only reads.
    ///
    /// # Errors
    /// The errors of [`Connections::lease`] and of the statement.
    pub(in crate::store) async fn rows(&self, statement: Prepared) -> Result<Vec<Row>, StoreError> {
        let flow = Flow::of(&statement.args);
        if self.common.session.is_pooled() {
            return self.transaction(flow, Purpose::Read, vec![statement]).await;
        }
        self.lease(flow, Purpose::Read).await?.rows(statement).await
    }

    /// Runs writing statements atomically; returns the rows of the last one.
    ///
    /// # Errors
    /// The errors of [`Connections::lease`] and of a step; then none takes effect, unless the error means that the
    /// outcome is unknown.
    pub(in crate::store) async fn write(
        &self,
        flow: Flow,
        mut statements: Vec<Prepared>,
    ) -> Result<Vec<Row>, StoreError> {
        if !self.common.session.is_pooled()
            && statements.len() == 1
            && let Some(statement) = statements.pop()
        {
            let mut lease = self.lease(flow, Purpose::Write).await?;
            return lease.write(statement).await;
        }
        self.transaction(flow, Purpose::Write, statements).await
    }

    /// Runs statements in one transaction; returns the rows of the last one. It runs in a separate task that cannot be
    /// cancelled: a connection whose `BEGIN` was cancelled loses later writes.
    async fn transaction(
        &self,
        flow: Flow,
        purpose: Purpose,
        statements: Vec<Prepared>,
    ) -> Result<Vec<Row>, StoreError> {
        let connections = self.clone();
        let work = async move {
            let mut lease = connections.lease(flow, purpose).await?;
            lease.transaction(purpose, statements).await
        };
        tokio::spawn(work)
            .await
            .unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }

    /// Reacts to the failure of a connection of a generation: the others are checked before reuse, and after a missed
    /// deadline, or with several hosts, the host that accepts writes is searched.
    fn doubt(&self, generation: u64, is_silent: bool) {
        if !self.common.doubt(generation) {
            return;
        }
        if is_silent {
            self.probe(self.common.suspicion.raise());
        } else if self.common.hosts.are_several() {
            self.probe(self.common.suspicion.probe());
        }
    }

    fn probe(&self, probing: Option<Probing>) {
        if let Some(probing) = probing {
            tokio::spawn(search(self.pool.weak(), self.common.clone(), probing));
        }
    }
}

/// Probes the hosts until one is usable; new connections are opened to it.
async fn search(pool: WeakPool<Opener>, common: Arc<Common>, probing: Probing) {
    let mut place = None;
    let report = |finding: ProbeReport<'_>| match finding {
        ProbeReport::Answers(options) => {
            let now = Some((options.get_host().to_owned(), options.get_port()));
            if place == now {
                return;
            }
            place = now;
            *lock(&common.target) = options.clone();
            // It may be another host.
            if common.hosts.are_several() {
                common.give_up();
            }
            if let Some(pool) = pool.upgrade() {
                pool.retain(|link, _| !link.is_useless(&common));
            }
        }
        ProbeReport::ReadsOnly => probing.reads_answer(),
    };
    let is_wanted = || pool.upgrade().is_some();
    let patience = common.deadline.duration();
    probe(&common.hosts, patience, is_wanted, report).await;
    drop(probing);
}

impl Lease {
    /// Whether the connection can be kept for another statement: it works as far as known, and no request waits for
    /// one.
    pub(in crate::store) fn may_be_kept(&self) -> bool {
        let generation = self.connections.common.generation();
        let is_usable = self
            .link
            .as_ref()
            .is_some_and(|link| !link.is_at_work && link.generation == generation);
        is_usable && !self.connections.permits.is_contended()
    }

    fn link(&mut self) -> Result<&mut Link, StoreError> {
        self.link
            .as_deref_mut()
            .ok_or(StoreError::Away(sqlx::Error::PoolClosed))
    }

    /// Runs a reading statement; in a separate transaction, if the session is pooled.
    ///
    /// # Errors
    /// If it fails, or is not answered in time.
    pub(in crate::store) async fn rows(
        &mut self,
        statement: Prepared,
    ) -> Result<Vec<Row>, StoreError> {
        let common = self.connections.common.clone();
        if common.session.is_pooled() {
            return self.transaction(Purpose::Read, vec![statement]).await;
        }
        let _measuring = self.permit.measure();
        let link = self.link()?;
        link.is_at_work = true;
        let answer = rows(&mut link.connection, statement, true);
        let outcome = common.deadline.on(answer).await;
        self.learn(outcome, true)
    }

    /// Runs a statement that writes.
    ///
    /// # Errors
    /// If it fails, or is not answered in time. Then its outcome is unknown.
    async fn write(&mut self, statement: Prepared) -> Result<Vec<Row>, StoreError> {
        let deadline = self.connections.common.deadline;
        let link = self.link()?;
        link.is_at_work = true;
        let answer = without_warnings(rows(&mut link.connection, statement, true));
        let outcome = deadline.on(answer).await;
        self.learn(outcome, true)
    }

    async fn transaction(
        &mut self,
        purpose: Purpose,
        statements: Vec<Prepared>,
    ) -> Result<Vec<Row>, StoreError> {
        let common = self.connections.common.clone();
        let _measuring = (purpose == Purpose::Read).then(|| self.permit.measure());
        let link = self.link()?;
        link.is_at_work = true;
        let mut has_ended = false;
        let transaction = Transaction {
            common: &common,
            purpose,
            has_ended: &mut has_ended,
        };
        let outcome = transaction.run(&mut link.connection, statements).await;
        self.learn(outcome, has_ended)
    }

    /// Updates the state of the connections by an outcome. A connection whose transaction `has_ended` is reused, unless
    /// it has failed.
    fn learn<T>(
        &mut self,
        outcome: Result<T, StoreError>,
        has_ended: bool,
    ) -> Result<T, StoreError> {
        let link = self.link()?;
        link.answered = Instant::now();
        let has_failed = matches!(outcome, Err(StoreError::Away(_) | StoreError::Silent(_)));
        link.is_at_work = has_failed || !has_ended;
        let generation = link.generation;
        match outcome {
            Err(StoreError::Silent(_)) => self.connections.doubt(generation, true),
            Err(StoreError::Away(_)) => self.connections.doubt(generation, false),
            _ => {}
        }
        outcome
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(link) = self.link.take()
            && link.is_useless(&self.connections.common)
        {
            // Closed now, not later in the pool.
            drop(Object::take(link));
        }
    }
}

/// A connection within a transaction that only reads. If it is dropped before its end, the connection is closed, which
/// ends the statement that runs on it.
#[derive(Debug)]
pub(in crate::store) struct Reading {
    lease: Lease,
    _permit: Permit,
}

impl Reading {
    /// The connection.
    ///
    /// # Errors
    /// If it was given back.
    pub(in crate::store) fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        Ok(&mut self.lease.link()?.connection)
    }

    /// Ends the transaction; the connection is free for others.
    ///
    /// # Errors
    /// If PostgreSQL does not confirm that.
    pub(in crate::store) async fn end(mut self) -> Result<(), StoreError> {
        let deadline = self.lease.connections.common.deadline;
        let link = self.lease.link()?;
        deadline.on(link.connection.execute("commit")).await?;
        (link.is_at_work, link.answered) = (false, Instant::now());
        Ok(())
    }
}

/// Statements that are executed atomically.
struct Transaction<'a> {
    common: &'a Common,
    purpose: Purpose,
    /// Whether the session has no transaction any more.
    has_ended: &'a mut bool,
}

impl Transaction<'_> {
    async fn run(
        self,
        connection: &mut PgConnection,
        statements: Vec<Prepared>,
    ) -> Result<Vec<Row>, StoreError> {
        let deadline = self.common.deadline;
        let is_named = !self.common.session.is_pooled();
        let begin = AssertSqlSafe(self.common.session.begin());
        #[expect(
            clippy::disallowed_methods,
            reason = "only this function begins a transaction"
        )]
        let mut transaction = deadline.on(connection.begin_with(begin)).await?;
        let mut outcome = Ok(Vec::new());
        for statement in statements {
            outcome = deadline
                .on(rows(&mut transaction, statement, is_named))
                .await;
            if outcome.is_err() {
                break;
            }
        }
        match &outcome {
            Ok(_) if self.purpose == Purpose::Write => {
                deadline.on(without_warnings(transaction.commit())).await?;
            }
            Ok(_) => deadline.on(transaction.commit()).await?,
            // A failed connection is not reused; the server rolls back by itself.
            Err(StoreError::Away(_) | StoreError::Silent(_)) => return outcome,
            Err(_) => deadline.on(transaction.rollback()).await?,
        }
        *self.has_ended = true;
        outcome
    }
}

/// `is_named`: whether the statement stays prepared under a name, for the next time.
async fn rows(
    connection: &mut PgConnection,
    statement: Prepared,
    is_named: bool,
) -> sqlx::Result<Vec<Row>> {
    let Prepared { text, args, .. } = statement;
    let query = sqlx::query_with(AssertSqlSafe(text), postgres_args(args)).persistent(is_named);
    // The driver enters the span in which a stream is created for each row that it reads.
    let mut rows = with_default(&Dispatch::none(), || query.fetch(connection));
    let mut read = Vec::new();
    while let Some(row) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
        read.push(Row::Postgres(row?));
    }
    Ok(read)
}
