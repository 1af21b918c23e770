//! New entries of the provisioning log: one task for each watched tenant, and one for the failures of all tenants, queries
//! the database once a second, regardless of the number of readers.

use crate::clock::Clock;
use crate::operator::error::{OperatorError, Result};
use crate::operator::request_shape::request_as_json;
use crate::store::{
    FailedRequest, LogPosition, LogQuery, LoggedRequest, Store, StoreError, TenantKey,
};
use crate::sync::locked;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

/// Interval of queries.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum delay in seconds between a request and its row.
pub(crate) const LATE: i64 = 15;
/// Maximum number of reads whose requests are queued for a reader; a slower one is ended and can reconnect.
const WAITING: usize = 16;
/// Maximum number of requests in one read.
const ARRIVING: i64 = 10_000;
/// Maximum number of readers of an instance, and of one caller.
const READERS: usize = 200;
const READERS_OF_CALLER: usize = 5;

/// A request of the log, which all its readers share.
#[derive(Debug)]
pub struct LogEntry {
    /// The position.
    pub position: LogPosition,
    /// Name of the tenant.
    pub(crate) tenant: Arc<str>,
    /// The request.
    pub request: LoggedRequest,
    json: OnceLock<String>,
}

/// The requests of one read.
pub(super) type Batch = Arc<Vec<Arc<LogEntry>>>;

/// The watched part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Watched {
    /// The requests of a tenant.
    Tenant(TenantKey),
    /// Refused and failed requests of all tenants.
    Failures,
}

impl LogEntry {
    /// A request of a tenant at a position.
    pub(super) fn new(
        tenant: &Arc<str>,
        (position, request): (LogPosition, LoggedRequest),
    ) -> Arc<Self> {
        Arc::new(Self {
            position,
            tenant: tenant.clone(),
            request,
            json: OnceLock::new(),
        })
    }

    /// The request as JSON without line breaks, serialized once for all readers.
    pub(crate) fn json(&self) -> &str {
        let json = || request_as_json(&self.tenant, &self.request).to_string();
        self.json.get_or_init(json)
    }
}

/// The watched logs of an instance; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct LogWatch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    watched: Mutex<HashMap<Watched, broadcast::Sender<Batch>>>,
    readers: Mutex<HashMap<String, usize>>,
    closed: watch::Sender<bool>,
}

/// A slot for a reader, released when the reader is dropped.
#[derive(Debug)]
pub(super) struct ReaderPlace {
    shared: Arc<Shared>,
    caller: String,
}

impl Drop for ReaderPlace {
    fn drop(&mut self) {
        let mut readers = locked(&self.shared.readers);
        if let Some(count) = readers.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.caller);
            }
        }
    }
}

impl LogWatch {
    /// A watch without followers.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            watched: Mutex::default(),
            readers: Mutex::default(),
            closed: watch::Sender::new(false),
        }))
    }

    /// Signals the end of all readers.
    pub(super) fn closed(&self) -> watch::Receiver<bool> {
        self.0.closed.subscribe()
    }

    /// Ends all current and later readers.
    pub(crate) fn close(&self) {
        self.0.closed.send_replace(true);
    }

    /// Acquires a slot for a reader.
    ///
    /// # Errors
    /// [`OperatorError::TooManyReaders`].
    pub(super) fn place(&self, caller: &str) -> Result<ReaderPlace> {
        let mut readers = locked(&self.0.readers);
        let all: usize = readers.values().sum();
        let own = readers.get(caller).copied().unwrap_or_default();
        if all >= READERS || own >= READERS_OF_CALLER {
            return Err(OperatorError::TooManyReaders);
        }
        readers.insert(caller.to_owned(), own + 1);
        Ok(ReaderPlace {
            shared: self.0.clone(),
            caller: caller.to_owned(),
        })
    }

    /// Subscribes to the requests of a part of the log; the first reader starts the task that queries them. `name` is the
    /// name of the tenant.
    pub(super) fn listen(
        &self,
        part: Watched,
        name: &Arc<str>,
        (store, clock): (&Store, &Clock),
    ) -> broadcast::Receiver<Batch> {
        let mut watched = locked(&self.0.watched);
        if let Some(sender) = watched.get(&part) {
            return sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(WAITING);
        watched.insert(part, sender.clone());
        let asking = Asking {
            shared: self.0.clone(),
            part,
            name: name.clone(),
            store: store.clone(),
            known: Known::since(clock),
        };
        tokio::spawn(asking.run(sender));
        receiver
    }
}

/// The task that queries the requests of a part of the log.
struct Asking {
    shared: Arc<Shared>,
    part: Watched,
    /// Name of the tenant.
    name: Arc<str>,
    store: Store,
    known: Known,
}

/// The progress of reading. Instances write at different times, so the last seconds are read again.
#[derive(Debug)]
struct Known {
    /// Start of reading: earlier entries are not new.
    begun: LogPosition,
    last: LogPosition,
    /// Tenants can have entries at the same position.
    seen: HashSet<(LogPosition, Arc<str>)>,
}

impl Known {
    fn since(clock: &Clock) -> Self {
        let begun = LogPosition::at(clock.now());
        Self {
            begun,
            last: begun,
            seen: HashSet::new(),
        }
    }

    /// Adds entries that were read; returns the new ones.
    fn take(&mut self, mut read: Vec<Arc<LogEntry>>) -> Vec<Arc<LogEntry>> {
        read.retain(|entry| self.seen.insert((entry.position, entry.tenant.clone())));
        let latest = read.iter().map(|entry| entry.position).max();
        self.last = latest.map_or(self.last, |latest| latest.max(self.last));
        let oldest = self.last.earlier(LATE);
        self.seen.retain(|(position, _)| *position > oldest);
        read.retain(|entry| entry.position >= self.begun);
        read
    }
}

impl Asking {
    async fn run(mut self, sender: broadcast::Sender<Batch>) {
        let mut ticks = interval(PAUSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closed = self.shared.closed.subscribe();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = closed.wait_for(|closed| *closed) => break,
            }
            {
                let mut watched = locked(&self.shared.watched);
                if sender.receiver_count() == 0 {
                    watched.remove(&self.part);
                    return;
                }
            }
            match self.read().await {
                Ok(read) => {
                    let new = self.known.take(read);
                    if !new.is_empty() {
                        // All receivers may have been dropped.
                        let _ = sender.send(Arc::new(new));
                    }
                }
                Err(error) => tracing::debug!(%error, "the provisioning log cannot be watched"),
            }
        }
        locked(&self.shared.watched).remove(&self.part);
    }

    /// The entries of the last seconds, in the order of the log.
    async fn read(&self) -> std::result::Result<Vec<Arc<LogEntry>>, StoreError> {
        let after = self.known.last.earlier(LATE);
        match self.part {
            Watched::Tenant(tenant) => {
                let known = self.known.seen.iter().map(|(position, _)| *position);
                let known: Vec<_> = known.collect();
                let read = self.store.requests_after(tenant, after, &known, ARRIVING);
                let read = read.await?.into_iter();
                Ok(read
                    .map(|logged| LogEntry::new(&self.name, logged))
                    .collect())
            }
            Watched::Failures => {
                let query = LogQuery {
                    failed: true,
                    after: Some(after),
                    limit: ARRIVING,
                    ..LogQuery::default()
                };
                let read = self.store.failures(&query).await?.into_iter();
                let entry = |failed: FailedRequest| {
                    let tenant = failed.tenant.into();
                    LogEntry::new(&tenant, (failed.entry, failed.request))
                };
                Ok(read.map(entry).collect())
            }
        }
    }
}
