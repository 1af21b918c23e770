//! `scimd log` while the server is running.

use crate::cli::{Served, printed, refused, scimd};
use crate::harness::{Following, user};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Longer than any expected wait.
const TIME_LIMIT: Duration = Duration::from_secs(30);

struct Running {
    served: Served,
    base: String,
    token: String,
    client: reqwest::Client,
}

impl Running {
    fn start(folder: &Path) -> Self {
        let mut served = Served::start(folder, "--issue-token okta");
        let base = served.line("SCIM base URL: ");
        let token = served.line("Bearer token \"okta\" (shown once): ");
        let client = reqwest::Client::builder()
            .user_agent("Okta SCIM Client 1.0")
            .build()
            .unwrap();
        Self {
            served,
            base,
            token,
            client,
        }
    }

    async fn get(&self, path: &str) -> u16 {
        let answer = self
            .client
            .get(format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap();
        answer.status().as_u16()
    }

    /// Creates a user; returns the status and the id of the request in the response.
    async fn create(&self, body: &Value) -> (u16, String) {
        let request = self
            .client
            .post(format!("{}/Users", self.base))
            .bearer_auth(&self.token);
        let answer = request.body(body.to_string()).send().await.unwrap();
        let id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        (answer.status().as_u16(), id)
    }
}

/// The requests that a command shows, after waiting for the given number.
#[track_caller]
fn shown(folder: &Path, arguments: &str, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let text = printed(folder, arguments);
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect();
        if lines.len() >= count {
            assert_eq!(lines.len(), count, "{text}");
            return lines;
        }
        assert!(begun.elapsed() < TIME_LIMIT, "{arguments}: {text}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test]
async fn the_log_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let running = Running::start(folder);
    let ann = json!({"schemas": [crate::harness::USER], "userName": "ann", "shoeSize": 42});
    assert_eq!(running.create(&ann).await.0, 201);
    let (status, request) = running.create(&ann).await;
    assert_eq!(
        (
            status,
            running.get("/Users?filter=userName%20eq%20%22ann%22").await
        ),
        (409, 200)
    );
    let all = shown(folder, "log --json", 3);
    assert_eq!(
        (&all[0]["status"], &all[0]["client"]),
        (&201.into(), &"Okta SCIM Client 1.0".into())
    );
    assert_eq!(
        (&all[0]["changed"], &all[0]["token"]),
        (&json!(["userName", "active"]), &"okta".into())
    );
    assert_eq!(all[0]["notes"][0]["attribute"], "shoeSize");
    assert_eq!(all[2]["filter"], "userName eq …");
    assert_eq!(
        shown(folder, "log --failed --json --tenant default", 1)[0]["scimType"],
        "uniqueness"
    );
    assert_eq!(
        shown(folder, "log --user ANN --since 1h --json", 3)[0]["resource"],
        all[0]["resource"]
    );
    assert_eq!(shown(folder, "log --limit 1 --json", 1)[0]["method"], "GET");
    let text = printed(folder, "log");
    assert!(
        text.contains("  409  POST    /Users ")
            && text.contains("\n    why: uniqueness: A User with"),
        "{text}"
    );
    assert!(
        text.contains("\n    note: left out: attributes that no schema declares: shoeSize\n"),
        "{text}"
    );
    assert_eq!(
        (&all[1]["action"], &all[1]["outcome"]),
        (&"user.create".into(), &"refused".into())
    );
    assert_eq!(
        (&all[1]["reason"], &all[0]["reason"]),
        (&"user.exists".into(), &"attribute.unknown".into())
    );
    assert!(
        all[0].get("unproved").is_none()
            && text.contains("\n    what: user.create refused: user.exists\n"),
        "{text}"
    );
    let explained = &all[1]["explanation"];
    assert_eq!(
        explained["summary"],
        "The user was not created: another active user has the same name."
    );
    assert_eq!(explained["turn"], "customer");
    assert!(all[2]["explanation"].is_null());
    assert!(
        text.contains("\n    means: The user was not created: another active user has the same name.\n    turn: customer\n"),
        "{text}"
    );
    let one = printed(folder, &format!("log --id {request}"));
    assert!(
        one.contains("status:   409") && one.contains(&request),
        "{one}"
    );
    let tenant = printed(folder, "tenant show default");
    assert!(
        tenant.contains("last-request:") && tenant.contains("GET /Users 200, Okta SCIM Client 1.0"),
        "{tenant}"
    );
    let tenant: Value =
        serde_json::from_str(&printed(folder, "tenant show default --json")).unwrap();
    assert_eq!(
        (&tenant["lastRequest"]["status"], &tenant["expiringTokens"]),
        (&200.into(), &json!([]))
    );
    printed(folder, "token issue --name short --expires 5d");
    let tenant = printed(folder, "tenant show default");
    assert!(
        tenant.contains("short ends in 4d: scimd token rotate "),
        "{tenant}"
    );
    let tokens: Value = serde_json::from_str(&printed(folder, "token list --json")).unwrap();
    assert_eq!(tokens[1]["daysLeft"], 4);
}

#[test]
fn mistakes_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(refused(folder, "log").0, Some(1));
    printed(folder, "migrate");
    printed(folder, "tenant create acme");
    for (arguments, code, message) in [
        (
            "log --tenant nobody",
            1,
            "scimd: There is no tenant \"nobody\".\n",
        ),
        (
            "log --user ann",
            1,
            "scimd: there is no user \"ann\" in tenant default, and its log has no request about one\n",
        ),
        (
            "log --all-tenants",
            2,
            "error: the following required arguments were not provided:\n  --failed",
        ),
        (
            "log --all-tenants --failed --tenant acme",
            2,
            "error: the argument",
        ),
        (
            "log --id x",
            1,
            "scimd: there is no request x in the log of tenant default\n",
        ),
        (
            "log --since yesterday",
            2,
            "error: invalid value 'yesterday' for '--since <SPAN>'",
        ),
        ("log --limit 0", 2, "error: invalid value '0'"),
        ("log --tenant acme bodies --for 2h", 2, "error: "),
        (
            "log bodies --tenant acme",
            2,
            "error: the following required arguments",
        ),
        ("log bodies --for 2h --off", 2, "error: the argument"),
        (
            "log bodies --tenant nobody --off",
            1,
            "scimd: There is no tenant \"nobody\".\n",
        ),
    ] {
        let (status, shown) = refused(folder, arguments);
        assert!(
            status == Some(code) && shown.starts_with(message),
            "{arguments}: {shown}"
        );
    }
    assert_eq!(printed(folder, "log"), "");
}

#[tokio::test]
async fn bodies_can_be_recorded_for_a_period() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let running = Running::start(folder);
    let body = |name: &str| json!({"schemas": [crate::harness::USER], "userName": name, "password": "Yp3Planted"});
    running.create(&body("a")).await;
    printed(folder, "log bodies --tenant default --for 2h");
    let (_, request) = running.create(&body("b")).await;
    printed(folder, "log bodies --off");
    running.create(&body("c")).await;
    let kept: Vec<Value> = shown(folder, "log --json", 3)
        .into_iter()
        .map(|row| row["body"].clone())
        .collect();
    let mut cut = body("b");
    cut["password"] = "***".into();
    assert_eq!(kept, [Value::Null, cut, Value::Null]);
    let one = printed(folder, &format!("log --id {request}"));
    assert!(
        one.contains("\"userName\":\"b\"") && !one.contains("Yp3Planted"),
        "{one}"
    );
    assert!(!printed(folder, "tenant show default").contains("request-bodies"));
}

#[tokio::test]
async fn the_log_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let running = Running::start(folder);
    assert_eq!(running.get("/Users?count=1").await, 200);
    shown(folder, "log --json", 1);
    let following = Following::start(scimd(folder, "log --follow --json"));
    let failing = Following::start(scimd(folder, "log -f --failed --json"));
    assert_eq!(following.line()["route"], "/Users");
    for _ in 0..3 {
        assert_eq!(
            (running.get("/Groups").await, running.get("/Robots").await),
            (200, 404)
        );
        for status in [200, 404] {
            assert_eq!(following.line()["status"], status);
        }
        assert_eq!(failing.line()["status"], 404);
    }
    assert!(following.is_silent(), "nothing is shown twice");
    following.interrupt().await;
}

#[tokio::test]
async fn a_closed_standard_output_ends_the_following() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let running = Running::start(folder);
    let mut command = scimd(folder, "log --follow");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let begun = Instant::now();
    let code = loop {
        running.get("/Users").await;
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        assert!(begun.elapsed() < TIME_LIMIT, "it goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_server_that_stops_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut running = Running::start(folder);
    for i in 0..150 {
        assert_eq!(running.create(&user(&format!("u{i}"))).await.0, 201);
    }
    assert_eq!(running.served.signal(Signal::SIGTERM), Some(0));
    assert_eq!(shown(folder, "log --limit 1000 --json", 150).len(), 150);
}

/// An old request, from an earlier run.
const OLD: &str = "insert into provisioning (tenant, entry, at, token, token_name, method, route, status, micros, request) \
     select tenant, 5, 0, 't', 'okta', 'GET', '/Users', 200, 1, 'old' from tenant where name = 'default'";

#[tokio::test]
async fn a_server_deletes_old_requests() {
    use sqlx::{ConnectOptions, Connection};
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    printed(folder, "migrate");
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("data/scimd.db"));
    let mut connection = file.connect().await.unwrap();
    sqlx::query(OLD).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(shown(folder, "log --json", 1)[0]["request"], "old");
    let running = Running::start(folder);
    assert_eq!(running.get("/Users").await, 200);
    let begun = Instant::now();
    while printed(folder, "log --json").contains("\"old\"") {
        assert!(begun.elapsed() < TIME_LIMIT, "it is not forgotten");
    }
    assert_eq!(shown(folder, "log --json", 1)[0]["token"], "okta");
}

#[tokio::test]
async fn failures_of_all_tenants_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut running = Running::start(folder);
    assert_eq!(printed(folder, "log --all-tenants --failed"), "");
    printed(folder, "tenant create acme");
    assert_eq!(
        (running.get("/Robots").await, running.get("/Users").await),
        (404, 200)
    );
    let token = printed(folder, "token issue --tenant acme --name entra")
        .trim()
        .to_owned();
    let root = running.base.strip_suffix("/scim/v2").unwrap().to_owned();
    let (short, _) = token.split_at(60);
    for value in [format!("Bearer {token}"), short.to_owned()] {
        let asked = running
            .client
            .get(format!("{root}/Users"))
            .header("authorization", value);
        assert_eq!(asked.send().await.unwrap().status(), 404);
    }
    let rows = shown(folder, "log --all-tenants --failed --json", 3);
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (row["tenant"].clone(), row["reason"].clone()))
        .collect();
    let expected = [
        ("default", "endpoint.unknown"),
        ("acme", "path.base"),
        ("acme", "path.base"),
    ];
    assert_eq!(
        shown,
        expected.map(|(tenant, reason)| (tenant.into(), reason.into()))
    );
    assert_eq!(
        (rows[1].get("unproved"), &rows[2]["unproved"]),
        (None, &true.into())
    );
    let text = printed(folder, "log --all-tenants --failed --limit 1");
    assert!(
        text.starts_with("acme  ") && text.contains("(not proved: only the public part"),
        "{text}"
    );
    let following = Following::start(scimd(folder, "log --all-tenants --failed --follow --json"));
    (0..3).for_each(|_| drop(following.line()));
    running.token = token;
    assert_eq!(running.get("/Robots").await, 404);
    assert_eq!(following.line()["tenant"], "acme");
}
