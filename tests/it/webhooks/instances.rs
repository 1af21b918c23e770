//! Several instances over one database, of which some are killed.

use super::sink::{Received, Sink};
use super::{assert_complete, is_signed};
use crate::cli::Served;
use crate::harness::{create_database, user};
use nix::sys::signal::Signal;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// A running server.
pub(super) struct Instance {
    pub(super) served: Served,
    pub(super) base: String,
    pub(super) token: String,
}

/// A database, and the programs over it.
pub(super) struct Site {
    folder: tempfile::TempDir,
    /// URL of PostgreSQL; `None`: the embedded database in the folder.
    pub(super) url: Option<String>,
    key: String,
    pub(super) client: reqwest::Client,
}

impl Site {
    async fn new() -> Self {
        Self::over(Some(create_database().await))
    }

    pub(super) fn over(url: Option<String>) -> Self {
        let key = scimd::secrets::generate_key().unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            url,
            key: key.expose_secret().to_owned(),
            client: reqwest::Client::new(),
        }
    }

    pub(super) fn start(&self) -> Instance {
        let mut served = Served::in_environment(
            self.folder.path(),
            self.url.as_deref(),
            &[("SCIMD_SECRETS__KEY", self.key.as_str())],
            Stdio::null(),
        );
        let base = served.line("SCIM base URL: ");
        let token = served.line("Bearer token \"test\" (shown once): ");
        Instance {
            served,
            base,
            token,
        }
    }

    /// Runs a command; returns its standard output.
    pub(super) fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scimd"));
        command
            .args(arguments)
            .env_clear()
            .env("SCIMD_SECRETS__KEY", &self.key);
        match &self.url {
            Some(url) => command.env("SCIMD_DATABASE_URL", url),
            None => command
                .arg("--data-dir")
                .arg(self.folder.path().join("data")),
        };
        let output = block_in_place(|| command.output()).unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Creates and changes a user; returns its id and the last acknowledged version.
    async fn churn(&self, instance: &Instance, name: &str, changes: i64) -> (String, i64) {
        let send = |method: reqwest::Method, path: String, body: Value| {
            let request = self
                .client
                .request(method, format!("{}{path}", instance.base));
            let request = request
                .bearer_auth(&instance.token)
                .header("content-type", "application/scim+json");
            async move {
                let answer = request.body(body.to_string()).send().await.unwrap();
                assert!(answer.status().is_success(), "{}", answer.status());
                let text = answer.text().await.unwrap();
                serde_json::from_str::<Value>(&text).unwrap()
            }
        };
        let created = send(reqwest::Method::POST, "/Users".into(), user(name)).await;
        let id = created["id"].as_str().unwrap().to_owned();
        for change in 0..changes {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "replace", "path": "title", "value": format!("{change}")}]});
            send(reqwest::Method::PATCH, format!("/Users/{id}"), body).await;
        }
        (id, changes + 1)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instance_continues_after_a_kill() {
    let (site, sink) = (Site::new().await, Sink::start().await);
    let mut first = site.start();
    let secret = site.run(&["webhook", "add", "app", &sink.url(), "--allow-private"]);
    let ann = site.churn(&first, "ann", 2).await;
    sink.wait_accepted(3).await;
    let second = site.start();
    // The first one stops in order: the other takes over the webhook within two seconds.
    let bob = site.churn(&second, "bob", 2).await;
    sink.wait_accepted(6).await;
    assert_eq!(
        block_in_place(|| first.served.signal(Signal::SIGTERM)),
        Some(0)
    );
    let ended = Instant::now();
    let eve = site.churn(&second, "eve", 0).await;
    sink.wait_accepted(7).await;
    let waited = ended.elapsed();
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    // The second one is killed: a third one takes over when the lease has expired.
    let mut second = second;
    let third = site.start();
    block_in_place(|| second.served.signal(Signal::SIGKILL));
    let killed = Instant::now();
    let joe = site.churn(&third, "joe", 1).await;
    sink.wait("joe", |received| {
        received.iter().filter(|one| is_of(one, "joe")).count() == 2
    })
    .await;
    let waited = killed.elapsed();
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    // Only events in progress when it was killed can arrive twice.
    let mut accepted = sink.accepted();
    let mut seen = BTreeSet::new();
    accepted.retain(|one| seen.insert(one.id().to_owned()));
    assert!(accepted.iter().all(|one| is_signed(one, secret.trim())));
    assert_complete(&accepted, &BTreeMap::from([ann, bob, eve, joe]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_endpoint_needs_no_lease() {
    let (site, sink) = (Site::new().await, Sink::start().await);
    let mut first = site.start();
    site.run(&["webhook", "add", "app", &sink.url(), "--allow-private"]);
    let ann = site.churn(&first, "ann", 0).await;
    sink.wait_accepted(1).await;
    let url = site.url.as_deref().unwrap();
    let mut connection = crate::harness::pooler::connect_behind(url).await;
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let text = "select count(*) from endpoint where owner is null";
        let free: i64 = sqlx::query_scalar(text)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        if free == 1 {
            break;
        }
        assert!(Instant::now() < end, "the endpoint is not given back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let second = site.start();
    block_in_place(|| first.served.signal(Signal::SIGKILL));
    let killed = Instant::now();
    let bob = site.churn(&second, "bob", 0).await;
    let accepted = sink.wait_accepted(2).await;
    let waited = killed.elapsed();
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    assert_complete(&accepted, &BTreeMap::from([ann, bob]));
}

/// With an embedded database, the lease of a killed process is not awaited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_instance_continues_at_once_after_a_kill() {
    let (site, sink) = (Site::over(None), Sink::start().await);
    let mut first = site.start();
    site.run(&["webhook", "add", "app", &sink.url(), "--allow-private"]);
    let ann = site.churn(&first, "ann", 0).await;
    sink.wait_accepted(1).await;
    block_in_place(|| first.served.signal(Signal::SIGKILL));
    let killed = Instant::now();
    let second = site.start();
    let bob = site.churn(&second, "bob", 0).await;
    let is_sent = |received: &[Received]| received.iter().any(|one| is_of(one, "bob"));
    sink.wait("bob", is_sent).await;
    let waited = killed.elapsed();
    assert!(waited < Duration::from_secs(8), "{waited:?}");
    let mut accepted = sink.accepted();
    let mut seen = BTreeSet::new();
    accepted.retain(|one| seen.insert(one.id().to_owned()));
    assert_complete(&accepted, &BTreeMap::from([ann, bob]));
}

fn is_of(received: &Received, login: &str) -> bool {
    received.json()["data"]["record"]["login"] == login
}
