//! Clients that write and read continuously, and record the responses.

use crate::harness::{Server, user};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// Interval between requests of all clients: their rate does not grow with the number of clients, so that a busy
/// machine can handle them.
const PACE: Duration = Duration::from_millis(10);
/// Interval of the measurement of wake-up delays, and the number of waits in one request.
const TICK: Duration = Duration::from_millis(10);
const WAITS: u32 = 10;

/// CPU time that a build without optimization takes to open all connections again.
const WORK: Duration = Duration::from_secs(1);
/// Longer than any expected wait, even on a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A response: 200, 201, or 503 with `Retry-After`.
#[derive(Debug, Clone)]
pub(super) struct Met {
    pub(super) wrote: bool,
    pub(super) is_refused: bool,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    client: usize,
    id: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    met: Vec<Met>,
    is_over: bool,
}

/// Delay with which the machine, which also runs other tests, wakes a waiting task.
#[derive(Debug)]
pub(super) struct Lateness {
    longest: Arc<AtomicU64>,
    looking: JoinHandle<()>,
}

impl Lateness {
    /// Starts measuring.
    pub(super) fn look() -> Self {
        let longest = Arc::new(AtomicU64::new(0));
        Self {
            longest: longest.clone(),
            looking: tokio::spawn(look(longest)),
        }
    }

    /// Additional time allowed for a request compared with an idle machine, including [`WORK`] for delays that late
    /// timers do not show.
    pub(super) fn allowed(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed)) * WAITS + WORK
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn look(longest: Arc<AtomicU64>) {
    loop {
        let began = Instant::now();
        sleep(TICK).await;
        let late = began.elapsed().saturating_sub(TICK);
        longest.fetch_max(late.as_micros().try_into().unwrap(), Ordering::Relaxed);
    }
}

pub(super) struct Crowd {
    server: Arc<Server>,
    state: Arc<watch::Sender<State>>,
    clients: JoinSet<()>,
    count: usize,
    lateness: Lateness,
}

impl Crowd {
    /// The given number of writers, and one reader for every four writers.
    pub(super) async fn start(server: &Arc<Server>, writers: usize) -> Self {
        let known = server.post("/Users", user("known")).await.expect(201).id();
        let state = Arc::new(watch::Sender::new(State::default()));
        let mut clients = JoinSet::new();
        let count = writers + writers.div_ceil(4);
        for client in 0..count {
            let read = (client >= writers).then(|| known.clone());
            let pause = PACE * u32::try_from(count).unwrap();
            clients.spawn(work(server.clone(), state.clone(), client, read, pause));
        }
        let crowd = Self {
            server: server.clone(),
            state,
            clients,
            count,
            lateness: Lateness::look(),
        };
        crowd.goes_on(Instant::now()).await;
        crowd
    }

    /// Waits until the responses meet a condition.
    pub(super) async fn until(&self, condition: impl Fn(&[Met]) -> bool) {
        let mut changes = self.state.subscribe();
        let waited = timeout(TIME_LIMIT, changes.wait_for(|state| condition(&state.met))).await;
        assert!(waited.is_ok(), "the clients do not come so far");
    }

    /// Waits until a write and a read that began after a time have succeeded; returns the time of success.
    pub(super) async fn goes_on(&self, since: Instant) -> Instant {
        let good = |met: &Met, wrote| met.wrote == wrote && !met.is_refused && met.began >= since;
        self.until(|met| {
            [true, false]
                .iter()
                .all(|wrote| met.iter().any(|one| good(one, *wrote)))
        })
        .await;
        Instant::now()
    }

    /// Waits until every client was refused, or served, after a time; returns the time of the last response.
    pub(super) async fn all_met(&self, since: Instant, is_refused: bool) -> Instant {
        let is_it = |one: &&Met| one.is_refused == is_refused && one.ended >= since;
        let clients = |met: &[Met]| {
            met.iter()
                .filter(is_it)
                .map(|one| one.client)
                .collect::<BTreeSet<_>>()
                .len()
        };
        self.until(|met| clients(met) == self.count).await;
        Instant::now()
    }

    /// Additional time allowed because the machine is busy with other tests.
    pub(super) fn lateness(&self) -> Duration {
        self.lateness.allowed()
    }

    /// Stops the clients, and checks that no acknowledged change is lost; returns all responses.
    pub(super) async fn end(mut self) -> Vec<Met> {
        self.state.send_modify(|state| state.is_over = true);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        let met = self.state.borrow().met.clone();
        let there = ids(&self.server).await;
        let lost = met
            .iter()
            .filter_map(|one| one.id.as_ref())
            .filter(|id| !there.contains(*id))
            .count();
        assert_eq!(lost, 0, "acknowledged users are lost");
        met
    }
}

/// Creates users, or reads one, until it is stopped.
async fn work(
    server: Arc<Server>,
    state: Arc<watch::Sender<State>>,
    client: usize,
    read: Option<String>,
    pause: Duration,
) {
    for turn in 0.. {
        if state.borrow().is_over {
            return;
        }
        let began = Instant::now();
        let answer = match &read {
            Some(id) => server.get(&format!("/Users/{id}")).await,
            None => {
                server
                    .post("/Users", user(&format!("u{client}.{turn}")))
                    .await
            }
        };
        let (ended, is_refused) = (Instant::now(), !matches!(answer.status, 200 | 201));
        let id = (answer.status == 201).then(|| answer.id());
        let met = Met {
            wrote: read.is_none(),
            is_refused,
            began,
            ended,
            client,
            id,
        };
        if is_refused {
            let answer = answer.refused(503, "");
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..60).contains(&wait));
        }
        state.send_modify(|state| state.met.push(met));
        sleep(pause).await;
    }
}

/// Ids of all users.
async fn ids(server: &Server) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    loop {
        let path = format!(
            "/Users?attributes=id&count=1000&startIndex={}",
            ids.len() + 1
        );
        let page = server.get(&path).await.expect(200).body;
        let listed = page["Resources"].as_array().cloned().unwrap_or_default();
        if listed.is_empty() {
            return ids;
        }
        ids.extend(
            listed
                .iter()
                .map(|user| user["id"].as_str().unwrap().to_owned()),
        );
    }
}
