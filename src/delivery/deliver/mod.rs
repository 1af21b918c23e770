//! Sends events to endpoints. Of the instances over a database one sends to an endpoint at a time: the one that holds
//! its lease.

mod attempt;
mod parts;
mod sole;
mod unsaved;
mod worker;

pub(super) use attempt::{Attempt, send};
pub use parts::DelivererSettings;
pub use sole::SoleSender;

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

/// How often an instance looks for what is free, and for what operators changed.
const LOOK: Duration = Duration::from_secs(1);

/// How often leases are prolonged.
const KEEP: Duration = Duration::from_secs(5);

/// Time without prolonging leases after which they are given up: before others may take them.
const UNSURE: Duration = Duration::from_secs(10);

/// Longest wait for workers when the server stops.
const STOPPING: Duration = Duration::from_secs(3);

/// Sends events to the endpoints that this instance takes.
#[derive(Debug, Clone)]
pub struct Deliverer(Arc<Parts>);

/// The task that sends to an endpoint.
struct Running {
    task: JoinHandle<()>,
    revision: i64,
    /// Ends the task when what is under way has ended.
    ending: CancellationToken,
    /// Tells that the endpoint was given back.
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

    /// Sends until it is told to stop; then what is under way has a moment to end, and all leases are given back.
    pub async fn run(&self, stop: CancellationToken) {
        self.free_leases().await;
        let mut running = HashMap::new();
        let mut kept = Instant::now();
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut head = self.0.endpoints.feed().newest();
        let mut some_rest = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
                () = self.0.ended.notified() => {}
                // The next event of an endpoint at rest does not wait for the next look.
                Ok(()) = head.changed(), if some_rest => {}
            }
            head.mark_unchanged();
            running.retain(|_, worker: &mut Running| !worker.has_ended());
            if !running.is_empty() && kept.elapsed() >= KEEP {
                self.keep(&mut running, &mut kept).await;
            }
            match self.look(&mut running, &mut kept).await {
                Ok(rest) => some_rest = rest,
                Err(error) => told("cannot look for endpoints", &error),
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
        let _ = timeout(STOPPING, all).await;
        running.values().for_each(|worker| worker.task.abort());
    }

    /// Ends the leases of processes that are gone, if it is known that they are.
    async fn free_leases(&self) {
        if self.0.sole.is_some()
            && let Err(error) = self.0.endpoints.store().free_endpoints().await
        {
            told("leases of a process that has ended are waited for", &error);
        }
    }

    /// Starts workers for endpoints that are free and have work, and ends those whose endpoint was changed. Gives whether
    /// endpoints are at rest: free and without work.
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
                    told(&format!("cannot send to {name}"), &error);
                    // Others may be able to, such as one that has the key of secrets.
                    let _ = timeout(KEEP, end.cancelled()).await;
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

    /// Prolongs the leases. What this instance lost, or cannot be sure to have, is cut off.
    async fn keep(&self, running: &mut HashMap<i64, Running>, kept: &mut Instant) {
        let begun = Instant::now();
        let store = self.0.endpoints.store();
        let left = UNSURE.saturating_sub(kept.elapsed());
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
            _ if kept.elapsed() >= UNSURE => {
                tracing::warn!(
                    "leases of endpoints could not be prolonged: nothing is sent for now"
                );
                running.drain().for_each(|(_, worker)| worker.task.abort());
            }
            Ok(Err(error)) => told("leases of endpoints could not be prolonged", &error),
            Err(_) => {}
        }
    }
}

fn told(what: &str, error: &dyn Display) {
    tracing::warn!(%error, "sending of events: {what}");
}
