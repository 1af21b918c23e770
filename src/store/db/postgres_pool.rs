//! The pool of connections to PostgreSQL: opening, checking and discarding them. The driver's own pool checks a
//! connection after each use, which is an extra round trip for each statement; here a failed connection is not reused,
//! and an idle one is checked first.
//!
//! The driver gives no access to its sockets, so TCP keepalive cannot be set on this side: the deadline of each
//! statement and the check after a pause replace it.

use crate::metrics;
use crate::store::db::deadline::Deadline;
use crate::store::db::error::StoreError;
use crate::store::db::fair_semaphore::{FairSemaphore, Shares};
use crate::store::db::hosts::{Hosts, is_starting};
use crate::store::db::probe::{ProbeReport, probe};
use crate::store::db::session::Session;
use crate::store::db::settings::PoolSettings;
use crate::store::db::suspicion::{Probing, Suspicion};
use crate::sync::locked;
use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Pool, QueueMode, RecycleError, RecycleResult, WeakPool};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// Maximum age of a connection, so that clients of a balancer are distributed again.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Maximum idle time of a connection.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// Idle time after which a connection is checked.
const PAUSE: Duration = Duration::from_secs(1);
/// Time limit of the check.
const PING: Duration = Duration::from_millis(500);
/// Pause between attempts to connect to an unavailable server, while a request waits.
const RETRY: Duration = Duration::from_millis(50);
/// Pause before a new connection after PostgreSQL has refused one for lack of connections.
const NO_MORE: Duration = Duration::from_millis(250);
/// Divisor for the share of connections of a tenant with slow statements while others are active.
const SLOW_SHARE: usize = 16;

/// Handle of the pool.
#[derive(Debug, Clone)]
pub(in crate::store) struct PostgresPool {
    pub(super) pool: Pool<Opener>,
    /// A permit for each connection.
    pub(super) permits: FairSemaphore,
    pub(super) common: Arc<Common>,
}

/// The shared state of all connections.
#[derive(Debug)]
pub(super) struct Common {
    hosts: Hosts,
    pub(super) session: Session,
    /// Maximum wait for a connection.
    pub(super) acquire: Duration,
    pub(super) deadline: Deadline,
    pub(super) suspicion: Arc<Suspicion>,
    /// The host of new connections.
    target: Mutex<PgConnectOptions>,
    /// Incremented when one of the connections has failed: the others are checked before they are reused.
    generation: AtomicU64,
    /// Connections of an earlier generation are not used again.
    oldest: AtomicU64,
    /// Until when PostgreSQL allows no more connections.
    no_more: Mutex<Option<Instant>>,
}

/// Opens and checks connections.
#[derive(Debug)]
pub(super) struct Opener(Arc<Common>);

/// A connection, and whether it can still be busy, because its request was cancelled or it has failed. It is then not
/// reused.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: PgConnection,
    pub(super) is_at_work: bool,
    /// The generation in which it was last known to work.
    pub(super) generation: u64,
    pub(super) answered: Instant,
}

impl Common {
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn target(&self) -> PgConnectOptions {
        self.session.options(locked(&self.target).clone())
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
        if locked(&self.no_more).is_some_and(|until| Instant::now() < until) {
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
        // Boxed, so that the future that waits for a connection does not contain the one that opens it.
        let opened = timeout(time, Box::pin(opening))
            .await
            .map_err(|_| StoreError::Silent(time))?;
        let opened = opened.map_err(StoreError::from);
        if matches!(opened, Err(StoreError::NoMoreConnections)) {
            *locked(&self.no_more) = Some(Instant::now() + NO_MORE);
        }
        opened
    }
}

/// A tenant's share of the connections while others are active. It can run few slow statements concurrently, because
/// PostgreSQL does not divide its cores among tenants.
pub(super) fn shares(connections: usize) -> Shares {
    Shares {
        short: connections / 2,
        slow: connections / SLOW_SHARE,
    }
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
            if !matches!(timeout(PING, link.connection.ping()).await, Ok(Ok(()))) {
                // The other connections are equally old, and checking each would take too long.
                self.0.give_up();
                return Err(RecycleError::message("it does not respond"));
            }
            (link.answered, link.generation) = (Instant::now(), generation);
        }
        Ok(())
    }
}

impl Link {
    pub(super) fn is_useless(&self, common: &Common) -> bool {
        self.is_at_work || self.generation < common.oldest.load(Ordering::Acquire)
    }
}

impl PostgresPool {
    /// A pool of connections to the hosts of a database; first to `primary`, which accepts writes.
    ///
    /// # Errors
    /// If the settings are not possible.
    pub(super) fn new(
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
        let size = usize::try_from(settings.max_connections.max(2)).unwrap_or(2);
        let permits = FairSemaphore::new(size, shares(size), metrics.pool.clone());
        let pool = Pool::builder(Opener(common.clone()))
            .max_size(size)
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build();
        Ok(Self {
            pool: pool.map_err(|error| sqlx::Error::Configuration(error.into()))?,
            permits,
            common,
        })
    }

    /// Maximum number of connections.
    pub(super) fn capacity(&self) -> usize {
        self.pool.status().max_size
    }

    /// Reacts to the failure of a connection of a generation: the others are checked before reuse, and after a missed
    /// deadline, or with several hosts, a search for the host that accepts writes starts.
    pub(super) fn doubt(&self, generation: u64, is_silent: bool) {
        if !self.common.doubt(generation) {
            return;
        }
        if is_silent {
            self.probe(self.common.suspicion.raise());
        } else if self.common.hosts.are_several() {
            self.probe(self.common.suspicion.probe());
        }
    }

    pub(super) fn probe(&self, probing: Option<Probing>) {
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
            *locked(&common.target) = options.clone();
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
    let commit_timeout = common.deadline.duration();
    probe(&common.hosts, commit_timeout, is_wanted, report).await;
    drop(probing);
}
