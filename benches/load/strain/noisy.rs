//! A tenant whose many clients send slow filters: response times of another tenant.

use super::{Common, Server};
use crate::client::{Address, Client};
use crate::cluster::Cluster;
use crate::in_runtime;
use crate::population::Population;
use crate::tally::Tally;
use clap::Args;
use hyper::Method;
use serde_json::json;
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, spawn_blocking, spawn_local};
use tokio::time::{MissedTickBehavior, interval};

/// Maximum ratio of the other tenant's response times with and without the load.
const TARGET: f64 = 3.0;

/// Connections of the other tenant, and the pause between two requests of one.
const CONNECTIONS: usize = 4;
const PACE: Duration = Duration::from_millis(20);

/// Pauses before the other tenant is measured with and without the load.
const LEAD: Duration = Duration::from_secs(2);

/// Arguments of `noisy`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Noisy {
    #[command(flatten)]
    common: Common,
    /// Over PostgreSQL; otherwise over SQLite
    #[arg(long)]
    postgres: bool,
    /// PostgreSQL server to use instead of one that is started for the run
    #[arg(long, value_name = "URL", requires = "postgres")]
    database_url: Option<String>,
    /// Clients of the noisy tenant
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// Users in the noisy tenant
    #[arg(long, default_value_t = 20_000)]
    users: u64,
    /// Number of rounds without and with the load
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of a measurement
    #[arg(long, default_value_t = 8)]
    seconds: u64,
}

/// The times of the other tenant.
#[derive(Debug, Default)]
struct Times {
    reads: Tally,
    creates: Tally,
}

impl Noisy {
    pub(crate) async fn run(mut self) -> Result<u64, String> {
        self.common
            .set
            .extend(["requests_per_second", "burst"].map(|key| format!("limits.{key}=1000000")));
        let population = Population::of_users(self.users);
        let cluster = self.cluster()?;
        let server = match &cluster {
            Some(cluster) => Server::on_postgres(&self.common, cluster, &population)?,
            None => Server::start(&self.common, &population)?,
        };
        let quiet = &server.neighbour;
        let [mut alone, mut beside] = [Times::default(), Times::default()];
        // The first requests open connections and fill caches.
        watch(quiet, 0, Duration::from_secs(1)).await?;
        for round in 0..self.rounds {
            let time = Duration::from_secs(self.seconds);
            alone.add(watch(quiet, 2 * round + 1, time).await?);
            let noise = Noise::start(self.clients, &server.tenant);
            tokio::time::sleep(LEAD).await;
            beside.add(watch(quiet, 2 * round + 2, time).await?);
            let answers = noise.stop().await;
            println!("round {}: the noisy tenant got {answers}", round + 1);
            tokio::time::sleep(LEAD).await;
        }
        Ok(show(&alone, &beside))
    }

    fn cluster(&self) -> Result<Option<Cluster>, String> {
        match (self.postgres, &self.database_url) {
            (false, _) => Ok(None),
            (true, Some(url)) => Cluster::at(url).map(Some),
            (true, None) => Cluster::start(&self.common.folder.join("postgres")).map(Some),
        }
    }
}

/// Prints the times and their ratios; returns the number of wrong responses.
fn show(alone: &Times, beside: &Times) -> u64 {
    let pairs = [
        ("reads", &alone.reads, &beside.reads),
        ("creates", &alone.creates, &beside.creates),
    ];
    for (what, alone, beside) in pairs {
        for (when, tally) in [("alone", alone), ("beside noise", beside)] {
            println!(
                "{what:<8} {when:<13} {:>6} responses {:>4} wrong   p50 {:>8.2} ms   p99 {:>8.2} ms   max {:>8.2} ms",
                tally.micros.len(),
                tally.wrong,
                tally.within(0.5),
                tally.within(0.99),
                tally.within(1.0),
            );
        }
        let ratio = beside.within(0.99) / alone.within(0.99).max(0.001);
        let met = if ratio <= TARGET { "met" } else { "not met" };
        println!("{what}: p99 is {ratio:.2} times as long (target {TARGET}: {met})");
    }
    let wrong = |times: &Times| times.reads.wrong + times.creates.wrong;
    wrong(alone) + wrong(beside)
}

impl Times {
    fn add(&mut self, other: Self) {
        for (all, one) in [
            (&mut self.reads, other.reads),
            (&mut self.creates, other.creates),
        ] {
            all.micros.extend(one.micros);
            all.wrong += one.wrong;
            if let Some(why) = one.first_wrong {
                println!("    first wrong response: {why}");
            }
        }
    }
}

/// Sends requests of the other tenant for a time, in a separate thread, so that the cost of generating load is not
/// included.
async fn watch(address: &Address, round: usize, time: Duration) -> Result<Times, String> {
    let address = address.clone();
    let watching = move || {
        let mut times = Times::default();
        in_runtime(async {
            let until = Instant::now() + time;
            let asking: Vec<_> = (0..CONNECTIONS)
                .map(|number| spawn_local(ask(address.clone(), format!("{round}-{number}"), until)))
                .collect();
            for one in asking {
                times.add(one.await.map_err(|error| error.to_string())?);
            }
            Ok(0)
        })?;
        Ok(times)
    };
    spawn_blocking(|| thread::spawn(watching).join())
        .await
        .map_err(|error| error.to_string())?
        .map_err(|_| "the watching thread failed".to_owned())?
}

/// Creates users, and reads each of them by id.
async fn ask(address: Address, name: String, until: Instant) -> Times {
    let mut times = Times::default();
    let mut client = Client::new(&address);
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for number in 0.. {
        if Instant::now() >= until {
            break;
        }
        ticks.tick().await;
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": format!("quiet-{name}-{number}"),
        });
        let create = client.send(&Method::POST, "/Users", Some(user.to_string().into_bytes()));
        let Some(body) = timed(&mut times.creates, 201, create).await else {
            continue;
        };
        let Some(id) = body["id"].as_str() else {
            times.creates.fail(format!("no id: {body}"));
            continue;
        };
        ticks.tick().await;
        let path = format!("/Users/{id}");
        timed(
            &mut times.reads,
            200,
            client.send(&Method::GET, &path, None),
        )
        .await;
    }
    times
}

/// Records the duration of a request; returns the body of an expected response.
async fn timed(
    tally: &mut Tally,
    status: u16,
    request: impl Future<Output = Result<crate::client::Answer, String>>,
) -> Option<serde_json::Value> {
    let began = Instant::now();
    match request.await {
        Ok(answer) if answer.status == status => {
            let micros = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
            tally.micros.push(micros);
            serde_json::from_slice(&answer.body).ok()
        }
        Ok(answer) => {
            tally.fail(format!("{} {:?}", answer.status, answer.body));
            None
        }
        Err(why) => {
            tally.fail(why);
            None
        }
    }
}

/// The clients of the noisy tenant.
struct Noise {
    is_over: Rc<Cell<bool>>,
    clients: JoinSet<[u64; 2]>,
}

impl Noise {
    fn start(clients: usize, address: &Address) -> Self {
        let is_over = Rc::new(Cell::new(false));
        let mut asking = JoinSet::new();
        for number in 0..clients {
            asking.spawn_local(filter(address.clone(), number, is_over.clone()));
        }
        Self {
            is_over,
            clients: asking,
        }
    }

    /// Responses to the clients.
    async fn stop(self) -> String {
        self.is_over.set(true);
        let all = self.clients.join_all().await;
        let [good, other] = [0, 1].map(|at| all.iter().map(|counts| counts[at]).sum::<u64>());
        format!("{good} pages, {other} other responses")
    }
}

/// Sends filters without an index, each once; counts pages and other responses.
async fn filter(address: Address, client: usize, is_over: Rc<Cell<bool>>) -> [u64; 2] {
    let (mut connection, mut counts) = (Client::new(&address), [0; 2]);
    for number in 0.. {
        if is_over.get() {
            break;
        }
        let text =
            format!("name.familyName co \"q{client}x{number}\" or title co \"z{client}y{number}\"");
        let path = format!("/Users?count=10&filter={}", crate::request::escaped(&text));
        match connection.send(&Method::GET, &path, None).await {
            Ok(answer) if answer.status == 200 => counts[0] += 1,
            _ => counts[1] += 1,
        }
    }
    counts
}
