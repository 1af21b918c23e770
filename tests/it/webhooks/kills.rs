//! The program is killed at random moments while it sends: nothing is lost, the order of each resource is kept, and
//! only events in progress or just accepted are sent again.

use super::instances::{Instance, Site};
use super::sink::{Received, Sink};
use super::versions;
use crate::harness::{create_database, user};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;
use tokio::time::sleep;

/// Maximum delay before progress is stored: a tenth of a second by design, plus the delay of a loaded machine.
const UNSAVED: Duration = Duration::from_secs(3);

/// The addresses of the instances, each with a token.
type Places = Arc<Mutex<Vec<(String, String)>>>;

/// Writes to one user until it is stopped; keeps the last acknowledged version.
struct Writer {
    client: reqwest::Client,
    places: Places,
    user: String,
    acknowledged: i64,
}

fn random(below: u32) -> u32 {
    getrandom::u32().unwrap() % below
}

impl Writer {
    /// Sends a request to an instance; `None` if it was not acknowledged.
    async fn send(&self, method: Method, path: &str, body: Value) -> Option<Value> {
        let (base, token) = {
            let places = self.places.lock().unwrap();
            places[random(u32::try_from(places.len()).unwrap()) as usize].clone()
        };
        let request = self.client.request(method, format!("{base}{path}"));
        let request = request
            .bearer_auth(token)
            .timeout(Duration::from_secs(10))
            .header("content-type", "application/scim+json")
            .body(body.to_string());
        let answer = request.send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        serde_json::from_str(&answer.text().await.ok()?).ok()
    }

    fn note(&mut self, answer: &Value) {
        let version = answer["meta"]["version"].as_str().unwrap();
        let version = version.trim_start_matches("W/").trim_matches('"');
        self.acknowledged = self.acknowledged.max(version.parse().unwrap());
    }

    async fn write(mut self, stop: Arc<AtomicBool>) -> Self {
        let path = format!("/Users/{}", self.user);
        for number in 0.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "replace", "path": "title", "value": format!("{number}")}]});
            if let Some(answer) = self.send(Method::PATCH, &path, body).await {
                self.note(&answer);
            }
            sleep(Duration::from_millis(20 + u64::from(random(100)))).await;
        }
        self
    }

    /// The final version of the user.
    async fn last(&self) -> i64 {
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            let path = format!("/Users/{}", self.user);
            if let Some(read) = self.send(Method::GET, &path, Value::Null).await {
                let version = read["meta"]["version"].as_str().unwrap();
                let version = version.trim_start_matches("W/").trim_matches('"');
                return version.parse().unwrap();
            }
            assert!(Instant::now() < end, "the user cannot be read");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Whether the accepted events are complete and in order; an event may come again if it was accepted just before a kill,
/// or while the killed one was sending it.
fn judge(accepted: &[Received], last: &BTreeMap<String, i64>, kills: &[Instant]) {
    let mut reached: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut first: BTreeMap<&str, Instant> = BTreeMap::new();
    let sent: Vec<_> = accepted.iter().map(|one| (one, one.json())).collect();
    for (one, body) in &sent {
        let resource = &body["data"]["resource"];
        let version = resource["version"].as_i64().unwrap();
        let id = resource["id"].as_str().unwrap();
        let (most, before) = reached.entry(id.to_owned()).or_insert((0, 0));
        assert!(version <= *most + 1, "{id}: {version} came after {most}");
        assert!(
            version <= *before + 1,
            "{id}: {version} came after {before}"
        );
        (*most, *before) = ((*most).max(version), version);
        if let Some(at) = first.get(one.id()) {
            let since_kill = kills
                .iter()
                .filter(|kill| **kill + Duration::from_secs(1) > *at);
            let is_excused = since_kill
                .map(|kill| kill.saturating_duration_since(*at))
                .any(|before| before <= UNSAVED);
            assert!(is_excused, "{} came again without need", one.id());
        } else {
            first.insert(one.id(), one.at);
        }
    }
    let reached = reached.into_iter().map(|(id, (most, _))| (id, most));
    assert_eq!(reached.collect::<BTreeMap<_, _>>(), *last);
}

/// Starts an instance, and stores its address at an index.
fn start(site: &Site, places: &Places, at: usize) -> Instance {
    let instance = block_in_place(|| site.start());
    let place = (instance.base.clone(), instance.token.clone());
    let mut places = places.lock().unwrap();
    if at < places.len() {
        places[at] = place;
    } else {
        places.push(place);
    }
    drop(places);
    instance
}

async fn nothing_is_lost(site: Site, instances: usize, kills: usize) {
    let (sink, places) = (Sink::start().await, Places::default());
    let mut running: Vec<_> = (0..instances).map(|at| start(&site, &places, at)).collect();
    site.run(&["webhook", "add", "app", &sink.url(), "--allow-private"]);
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for number in 0..4 {
        let mut writer = Writer {
            client: site.client.clone(),
            places: places.clone(),
            user: String::new(),
            acknowledged: 0,
        };
        let body = user(&format!("u{number}"));
        let made = writer.send(Method::POST, "/Users", body).await.unwrap();
        writer.user = made["id"].as_str().unwrap().to_owned();
        writer.note(&made);
        writers.push(tokio::spawn(writer.write(stop.clone())));
    }
    let mut killed = Vec::new();
    for _ in 0..kills {
        // Events are sent after the last kill, and sending continues.
        let count = sink.received().len();
        sink.wait("events after a kill", move |received| {
            received.len() > count + 8
        })
        .await;
        sleep(Duration::from_millis(random(1_500).into())).await;
        let at = random(u32::try_from(instances).unwrap()) as usize;
        block_in_place(|| running[at].served.signal(Signal::SIGKILL));
        killed.push(Instant::now());
        running[at] = start(&site, &places, at);
    }
    let count = sink.received().len();
    sink.wait("events after the last kill", move |received| {
        received.len() > count
    })
    .await;
    stop.store(true, Ordering::SeqCst);
    let mut last = BTreeMap::new();
    for writer in writers {
        let writer = writer.await.unwrap();
        let version = writer.last().await;
        assert!(
            version >= writer.acknowledged,
            "an acknowledged write is lost"
        );
        last.insert(writer.user.clone(), version);
    }
    let expected = last.clone();
    let is_complete = move |received: &[Received]| {
        let sent = versions(received);
        expected.iter().all(|(id, version)| {
            let sent = sent.get(&Value::from(id.as_str()).to_string());
            sent.is_some_and(|sent| sent.contains(version))
        })
    };
    sink.wait("the last events", is_complete).await;
    judge(&sink.accepted(), &last, &killed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_instances_is_killed() {
    let site = Site::over(Some(create_database().await));
    nothing_is_lost(site, 2, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_instance_is_killed() {
    nothing_is_lost(Site::over(None), 1, 2).await;
}
