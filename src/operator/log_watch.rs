//! New entries of the provisioning log: one task for each watched tenant queries the database once a second, regardless
//! of the number of readers.

use crate::clock::Clock;
use crate::operator::error::{OperatorError, Result};
use crate::store::{LogPosition, LoggedRequest, Store, TenantKey};
use crate::sync::locked;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

/// Interval of queries.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum delay in seconds between a request and its row.
pub(crate) const LATE: i64 = 15;
/// Maximum number of queued requests for a reader; a slower one is ended and can reconnect.
const WAITING: usize = 1024;
/// Maximum number of requests in one read.
const ARRIVING: i64 = 10_000;
/// Maximum number of readers of an instance, and of one caller.
const READERS: usize = 200;
const READERS_OF_CALLER: usize = 5;

/// A request with its position.
pub(super) type Logged = Arc<(LogPosition, LoggedRequest)>;

/// The watched logs of an instance; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct LogWatch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    watched: Mutex<HashMap<TenantKey, broadcast::Sender<Logged>>>,
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

    /// Subscribes to the requests of a tenant; the first reader starts the task that queries them.
    pub(super) fn listen(
        &self,
        tenant: TenantKey,
        store: &Store,
        clock: &Clock,
    ) -> broadcast::Receiver<Logged> {
        let mut watched = locked(&self.0.watched);
        if let Some(sender) = watched.get(&tenant) {
            return sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(WAITING);
        watched.insert(tenant, sender.clone());
        let asking = Asking {
            shared: self.0.clone(),
            tenant,
            store: store.clone(),
            known: Known::since(clock),
        };
        tokio::spawn(asking.run(sender));
        receiver
    }
}

/// The task that queries the requests of a tenant.
struct Asking {
    shared: Arc<Shared>,
    tenant: TenantKey,
    store: Store,
    known: Known,
}

/// The progress of reading. Instances write at different times, so the last seconds are read again.
#[derive(Debug)]
struct Known {
    /// Start of reading: earlier entries are not new.
    begun: LogPosition,
    last: LogPosition,
    seen: HashSet<LogPosition>,
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
    fn take(
        &mut self,
        read: Vec<(LogPosition, LoggedRequest)>,
    ) -> Vec<(LogPosition, LoggedRequest)> {
        for (entry, _) in &read {
            self.last = self.last.max(*entry);
            self.seen.insert(*entry);
        }
        let oldest = self.last.earlier(LATE);
        self.seen.retain(|entry| *entry > oldest);
        read.into_iter()
            .filter(|(entry, _)| *entry >= self.begun)
            .collect()
    }
}

impl Asking {
    async fn run(mut self, sender: broadcast::Sender<Logged>) {
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
                    watched.remove(&self.tenant);
                    return;
                }
            }
            let known: Vec<LogPosition> = self.known.seen.iter().copied().collect();
            let after = self.known.last.earlier(LATE);
            let read = self
                .store
                .requests_after(self.tenant, after, &known, ARRIVING);
            match read.await {
                Ok(read) => {
                    for logged in self.known.take(read) {
                        // All receivers may have been dropped.
                        let _ = sender.send(Arc::new(logged));
                    }
                }
                Err(error) => tracing::debug!(%error, "the provisioning log cannot be watched"),
            }
        }
        locked(&self.shared.watched).remove(&self.tenant);
    }
}
