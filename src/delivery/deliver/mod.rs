//! Sends events to endpoints. One instance at a time sends to an endpoint: the one that holds its lease.

mod attempt;
mod parts;
mod prepared;
mod sole;
mod start;
mod status;
mod unsaved;
mod worker;

pub(super) use attempt::{Attempt, send};
pub use parts::DelivererSettings;
pub(crate) use sole::SoleSender;

use crate::delivery::endpoints::Endpoints;
use crate::outbound::Outbound;
use crate::store::{Endpoint, StoreError};
use parts::Parts;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use worker::Worker;

/// Interval at which an instance checks for free and changed endpoints.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Interval at which leases are renewed.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(5);

/// Time without renewal after which leases are released: before other instances can acquire them.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum wait for workers when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends events to the endpoints whose leases this instance holds.
#[derive(Debug, Clone)]
pub struct Deliverer(Arc<Parts>);

/// The task that sends to an endpoint.
struct Running {
    task: JoinHandle<()>,
    revision: i64,
    /// Ends the task after running attempts.
    ending: CancellationToken,
    /// Signals that the lease was released.
    is_back: CancellationToken,
}

impl Running {
    fn has_ended(&self) -> bool {
        self.is_back.is_cancelled() || self.task.is_finished()
    }
}

impl Deliverer {
    /// Sends to the endpoints of a database, of which this process may be the sole sender.
    pub fn new(
        endpoints: Endpoints,
        outbound: Outbound,
        settings: DelivererSettings,
        sole: Option<SoleSender>,
    ) -> Self {
        Self(Arc::new(Parts {
            sole,
            endpoints,
            outbound,
            settings,
            owner: uuid::Uuid::now_v7().to_string(),
            ended: Notify::new(),
        }))
    }

    /// Sends until `stop` is cancelled; then running attempts have a short time to end, and all leases are released.
    pub async fn run(&self, stop: CancellationToken) {
        self.free_leases().await;
        let mut running = HashMap::new();
        let mut kept = Instant::now();
        let mut ticks = interval(CHECK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut head = self.0.endpoints.feed().newest();
        let mut some_rest = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
                () = self.0.ended.notified() => {}
                // The next event of an idle endpoint does not wait for the next check.
                Ok(()) = head.changed(), if some_rest => {}
            }
            head.mark_unchanged();
            running.retain(|_, worker: &mut Running| !worker.has_ended());
            if !running.is_empty() && kept.elapsed() >= RENEWAL_INTERVAL {
                self.keep(&mut running, &mut kept).await;
            }
            match self.look(&mut running, &mut kept).await {
                Ok(rest) => some_rest = rest,
                Err(error) => warn("endpoints cannot be listed", &error),
            }
        }
        for worker in running.values() {
            worker.ending.cancel();
        }
        let all = async {
            for worker in running.values_mut() {
                let _ = (&mut worker.task).await;
            }
        };
        let _ = timeout(STOP_TIMEOUT, all).await;
        running.values().for_each(|worker| worker.task.abort());
    }

    /// Ends the leases of processes that have ended, if this process is the only sender.
    async fn free_leases(&self) {
        if self.0.sole.is_some()
            && let Err(error) = self.0.endpoints.store().free_endpoints().await
        {
            warn(
                "the leases of an earlier process could not be ended",
                &error,
            );
        }
    }

    /// Starts workers for free endpoints with work, and ends workers whose endpoint was changed. Returns whether there
    /// are idle endpoints: free and without work.
    async fn look(
        &self,
        running: &mut HashMap<i64, Running>,
        kept: &mut Instant,
    ) -> Result<bool, StoreError> {
        let Parts {
            endpoints, owner, ..
        } = self.0.as_ref();
        let states = endpoints.store().endpoint_states(owner).await?;
        let revision = |number: i64| {
            let state = states.iter().find(|state| state.number == number);
            state.map(|state| state.revision)
        };
        for (number, worker) in running.iter() {
            if revision(*number) != Some(worker.revision) {
                worker.ending.cancel();
            }
        }
        let mut some_rest = false;
        for state in states {
            let number = state.number;
            if !state.is_free || running.contains_key(&number) {
                continue;
            }
            if !state.has_work {
                some_rest = true;
                continue;
            }
            let begun = Instant::now();
            if let Some(endpoint) = endpoints.store().take_endpoint(number, owner).await? {
                if running.is_empty() {
                    *kept = begun;
                }
                running.insert(number, self.start(endpoint));
            }
        }
        Ok(some_rest)
    }

    fn start(&self, endpoint: Endpoint) -> Running {
        let (ending, is_back) = (CancellationToken::new(), CancellationToken::new());
        let revision = endpoint.revision;
        let (parts, end, back) = (self.0.clone(), ending.clone(), is_back.clone());
        let task = tokio::spawn(async move {
            let number = endpoint.number;
            let name = endpoint.name.clone();
            match Worker::open(parts.clone(), endpoint).await {
                Ok(worker) => worker.run(end).await,
                Err(error) => {
                    warn(&format!("cannot send to {name}"), &error);
                    // Another instance may succeed, for example one with the key of secrets.
                    let _ = timeout(RENEWAL_INTERVAL, end.cancelled()).await;
                }
            }
            let store = parts.endpoints.store();
            let _ = store.release_endpoint(number, &parts.owner).await;
            back.cancel();
            parts.ended.notify_one();
        });
        Running {
            task,
            revision,
            ending,
            is_back,
        }
    }

    /// Renews the leases. Workers whose lease was lost, or may be lost, are aborted.
    async fn keep(&self, running: &mut HashMap<i64, Running>, kept: &mut Instant) {
        let begun = Instant::now();
        let store = self.0.endpoints.store();
        let left = RENEWAL_TIMEOUT.saturating_sub(kept.elapsed());
        let outcome = timeout(left, store.keep_endpoints(&self.0.owner)).await;
        match outcome {
            Ok(Ok(numbers)) => {
                *kept = begun;
                running.retain(|number, worker| {
                    let is_ours = numbers.contains(number);
                    if !is_ours {
                        worker.task.abort();
                    }
                    is_ours
                });
            }
            _ if kept.elapsed() >= RENEWAL_TIMEOUT => {
                tracing::warn!(
                    "leases of endpoints could not be renewed: nothing is sent at the moment"
                );
                running.drain().for_each(|(_, worker)| worker.task.abort());
            }
            Ok(Err(error)) => warn("leases of endpoints could not be renewed", &error),
            Err(_) => {}
        }
    }
}

/// Logs an error.
fn warn(what: &str, error: &dyn Display) {
    tracing::warn!(%error, "sending of events: {what}");
}
