//! A change of schemas with an `Idempotency-Key` whose server is killed, or that is rolled back.

use super::is_problem;
use crate::cli::Served;
use crate::harness::{Admin, Answer, Database, Server, USER, create_database, pooler};
use nix::sys::signal::Signal;
use reqwest::Method;
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use std::fmt::Write;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

const URN: &str = "urn:example:params:scim:schemas:extension:acme:2.0:User";
const KEY: (&str, &str) = ("idempotency-key", "6f2c6f2c-6f2c-6f2c");

/// Nothing takes as long.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// The pause before a request is repeated.
const PAUSE: Duration = Duration::from_millis(50);
const WAITING: &str = "select count(*) from pg_stat_activity \
     where datname = current_database() and wait_event_type = 'Lock'";
/// Users with a value of the attribute: indexing them takes longer than noticing that it has begun.
const USERS: usize = 3000;

/// The schema as an addition.
fn addition(unique: bool) -> Value {
    let uniqueness = if unique { "server" } else { "none" };
    json!({"resourceTypes": ["User"], "schema": {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": URN, "name": "Acme",
        "attributes": [{"name": "badge", "type": "string", "multiValued": false, "uniqueness": uniqueness}],
    }})
}

fn employee(name: &str, badge: &str) -> Value {
    json!({"schemas": [USER, URN], "userName": name, (URN): {"badge": badge}})
}

/// Runs a command on a database; returns its standard output.
fn run(folder: &std::path::Path, url: Option<&str>, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scimd"));
    command.args(arguments).env_clear();
    match url {
        Some(url) => command.env("SCIMD_DATABASE_URL", url),
        None => command.arg("--data-dir").arg(folder.join("data")),
    };
    let output = block_in_place(|| command.output()).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Starts a server; returns it with the base of its management API.
fn serve(folder: &std::path::Path, url: Option<&str>) -> (Served, String) {
    let listen = [("SCIMD_ADMIN__LISTEN", "127.0.0.1:0")];
    let mut served = Served::in_environment(folder, url, &listen, Stdio::null());
    served.line("SCIM base URL: ");
    served.line("Bearer token \"test\" (shown once): ");
    served.line("Try: ");
    let api = served.line("Management API: ");
    (served, api)
}

async fn is_answered_after_a_crash(url: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut lines = String::new();
    for number in 0..USERS {
        let user = employee(&format!("user-{number}"), &format!("{number}"));
        writeln!(lines, "{user}").unwrap();
    }
    let file = folder.join("users.jsonl");
    std::fs::write(&file, lines).unwrap();
    // The values belong to a schema that is removed, so that adding it again indexes them.
    let document = folder.join("schema.json");
    std::fs::write(&document, addition(false)["schema"].to_string()).unwrap();
    let (document, file) = (document.to_str().unwrap(), file.to_str().unwrap());
    run(folder, url, &["migrate"]);
    run(
        folder,
        url,
        &[
            "schema",
            "add",
            document,
            "--resource-type",
            "User",
            "--yes",
        ],
    );
    run(folder, url, &["import", file]);
    run(folder, url, &["schema", "remove", URN, "--yes"]);
    let issue = ["operator", "issue", "--name", "ops", "--role", "admin"];
    let token = run(folder, url, &issue);

    let (mut served, api) = serve(folder, url);
    let client = reqwest::Client::new();
    let change = |api: &str| {
        let request = client.post(format!("{api}/schemas/changes"));
        request
            .bearer_auth(&token)
            .header(KEY.0, KEY.1)
            .json(&addition(false))
            .send()
    };
    let changing = tokio::spawn(change(&api));
    let begun = Instant::now();
    let read = format!("{api}/schemas/{URN}");
    while client
        .get(&read)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {
        assert!(begun.elapsed() < TIME_LIMIT);
    }
    block_in_place(|| served.signal(Signal::SIGKILL));
    // It may have been answered before.
    let _ = changing.await.unwrap();

    let (_served, api) = serve(folder, url);
    // Another instance could be executing it until the mark of the killed one expires.
    let mut again = change(&api).await.unwrap();
    let begun = Instant::now();
    while [409, 429].contains(&again.status().as_u16()) {
        assert!(begun.elapsed() < TIME_LIMIT);
        assert!(again.headers().contains_key("retry-after"));
        // Without a pause the requests would use the cores that the change needs.
        tokio::time::sleep(PAUSE).await;
        again = change(&api).await.unwrap();
    }
    let replayed = again.headers().get("idempotency-replayed").cloned();
    let (status, body) = (again.status(), again.json::<Value>().await.unwrap());
    assert_eq!(status, 200, "{body}");
    assert_eq!(replayed.unwrap(), "true");
    assert_eq!(
        (&body["urn"], &body["replaces"]),
        (&json!(URN), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_answered_after_a_crash_on_sqlite() {
    is_answered_after_a_crash(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_answered_after_a_crash_on_postgres() {
    is_answered_after_a_crash(Some(&create_database().await)).await;
}

/// On PostgreSQL, where a user can be created between the plan of a change and the change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_rolled_back_has_no_answer() {
    let server = Server::on(Database::Postgres).await;
    let admin = Admin::over(&server).await;
    let call = async |body: Value, key: &str| {
        let change = (admin.token.as_str(), Method::POST, "/schemas/changes");
        admin.call(change, Some(body), &[(KEY.0, key)]).await
    };
    call(addition(false), "an-addition-0001").await.expect(200);
    server
        .post("/Users", employee("ann", "7"))
        .await
        .expect(201);
    let mut holder = server.session().await;
    let hold = "begin; select 1 from shared where name = 'schema_changes' for update";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let meanwhile = async {
        let begun = Instant::now();
        while server.number(WAITING).await == 0 {
            assert!(begun.elapsed() < TIME_LIMIT, "nobody waits");
        }
        server
            .post("/Users", employee("ben", "7"))
            .await
            .expect(201);
        sqlx::raw_sql("rollback")
            .execute(&mut holder)
            .await
            .unwrap();
    };
    let (refused, ()) = tokio::join!(call(addition(true), KEY.1), meanwhile);
    is_problem(&refused, 400, "invalid-request");
    let again = call(addition(true), KEY.1).await;
    is_problem(&again, 400, "invalid-request");
    assert_eq!(again.header("idempotency-replayed"), None);
}

async fn removal(at: &Admin, token: &str) -> Answer {
    let remove = json!({"urn": URN, "remove": true});
    let change = (token, Method::POST, "/schemas/changes");
    at.call(change, Some(remove), &[KEY]).await
}

/// On PostgreSQL, where two instances share a database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_change_is_seen_by_another_instance() {
    let server = Server::on(Database::Postgres).await;
    let second = server.second().await;
    let (admin, other) = (Admin::over(&server).await, Admin::over(&second).await);
    let add = Some(addition(false));
    let change = admin.ask(Method::POST, "/schemas/changes", add);
    change.await.expect(200);
    server
        .post("/Users", employee("ann", "7"))
        .await
        .expect(201);
    let token = admin.token.clone();
    let DatabaseTarget::Postgres { url } = &server.database else {
        panic!("no PostgreSQL")
    };
    // The index is updated after all transactions of the server that began before the change.
    let options = PgConnectOptions::from_str(&pooler::behind(url.expose_secret())).unwrap();
    let options = options.application_name("scimd");
    let mut holder = PgConnection::connect_with(&options).await.unwrap();
    let hold = "begin; select count(*) from tenant";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let meanwhile = async {
        let begun = Instant::now();
        let path = format!("/schemas/{URN}");
        while admin.ask(Method::GET, &path, None).await.status != 404 {
            assert!(begun.elapsed() < TIME_LIMIT, "the change is not in force");
        }
        let running = removal(&other, &token).await;
        is_problem(&running, 409, "idempotency-in-progress");
        assert!(running.header("retry-after").is_some());
        sqlx::raw_sql("rollback")
            .execute(&mut holder)
            .await
            .unwrap();
    };
    let (changed, ()) = tokio::join!(removal(&admin, &token), meanwhile);
    let changed = changed.expect(200);
    let again = removal(&other, &token).await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.body, changed.body);
    assert_eq!(again.body["isUnfinished"], false);
}
