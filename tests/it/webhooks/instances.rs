//! Several instances over one database, of which some end without a word.

use super::sink::Sink;
use super::{assert_complete, is_signed};
use crate::cli::Served;
use crate::harness::{create_database, user};
use nix::sys::signal::Signal;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// A program that serves.
struct Instance {
    served: Served,
    base: String,
    token: String,
}

struct Site {
    folder: tempfile::TempDir,
    url: String,
    key: String,
    client: reqwest::Client,
}

impl Site {
    async fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: create_database().await,
            key: scimd::secrets::generate_key()
                .unwrap()
                .expose_secret()
                .to_owned(),
            client: reqwest::Client::new(),
        }
    }

    fn start(&self, number: usize) -> Instance {
        let folder = self.folder.path().join(number.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let mut served = Served::with_variables(
            &folder,
            &self.url,
            &[("SCIMD_SECRETS__KEY", self.key.as_str())],
        );
        let base = served.line("SCIM base URL: ");
        let token = served.line("Bearer token \"t\" (shown once): ");
        Instance {
            served,
            base,
            token,
        }
    }

    /// Runs a command; gives its standard output.
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scimd"));
        command
            .args(arguments)
            .env_clear()
            .env("SCIMD_DATABASE_URL", &self.url)
            .env("SCIMD_SECRETS__KEY", &self.key);
        let output = block_in_place(|| command.output()).unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Creates a user and changes it; gives its id and the last version that was acknowledged.
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
async fn another_instance_takes_over() {
    let (site, sink) = (Site::new().await, Sink::start().await);
    let mut first = site.start(1);
    let secret = site.run(&["webhook", "add", "app", &sink.url(), "--allow-private"]);
    let ann = site.churn(&first, "ann", 2).await;
    sink.wait_accepted(3).await;
    let second = site.start(2);
    // The first one ends as it should: the other has the webhook within two seconds.
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
    // The second one is killed: a third one takes over when the lease has ended.
    let mut second = second;
    let third = site.start(3);
    block_in_place(|| second.served.signal(Signal::SIGKILL));
    let killed = Instant::now();
    let joe = site.churn(&third, "joe", 1).await;
    sink.wait("joe", |received| {
        let joe = received
            .iter()
            .filter(|one| one.json()["data"]["record"]["login"] == "joe");
        joe.count() == 2
    })
    .await;
    let waited = killed.elapsed();
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    // Only what was under way when it was killed may have come twice.
    let mut accepted = sink.accepted();
    let mut seen = BTreeSet::new();
    accepted.retain(|one| seen.insert(one.id().to_owned()));
    assert!(accepted.iter().all(|one| is_signed(one, secret.trim())));
    assert_complete(&accepted, &BTreeMap::from([ann, bob, eve, joe]));
}
