//! The consumers in the documentation, run unchanged against the server: they start, follow and restart.

use crate::harness::dump::psql;
use crate::harness::{Database, Server, group, user};
use scimd::operator::DatabaseTarget;
use scimd::store::TenantChange;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use tokio::task::block_in_place;

crate::on_both!(
    a_consumer_in_python_follows,
    a_consumer_in_javascript_follows
);

async fn a_consumer_in_python_follows(server: Server) {
    follows(&server, "python3", "consumer.py").await;
}

async fn a_consumer_in_javascript_follows(server: Server) {
    follows(&server, "node", "consumer.mjs").await;
}

/// Runs a consumer until it has read everything; returns the stored state.
async fn run(server: &Server, token: &str, (program, script): (&str, &str), file: &Path) -> Value {
    server.feed().advance().await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed");
    let mut command = Command::new(program);
    command
        .arg(folder.join(script))
        .args([file.as_os_str(), "--once".as_ref()])
        .env("SCIMD_FEED", server.base.replace("/scim/v2", "/feed/v1"))
        .env("SCIMD_TOKEN", token)
        .env("no_proxy", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output
        .await
        .unwrap()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {errors}");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Checks the state of a consumer: users by login, and memberships.
async fn is_true(server: &Server, stored: &Value, group: &str) {
    let list = server.get("/Users?count=100").await.expect(200).body;
    let users = |list: &Value, name: &str| -> BTreeSet<String> {
        let entries = match list {
            Value::Array(entries) => entries.iter().collect::<Vec<_>>(),
            Value::Object(entries) => entries.values().collect(),
            _ => Vec::new(),
        };
        let names = entries.iter().map(|entry| entry[name].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    assert_eq!(
        users(&stored["users"], "login"),
        users(&list["Resources"], "userName")
    );
    let found = server.get(&format!("/Groups/{group}")).await.expect(200);
    let members = found.body["members"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let members: BTreeSet<String> = members
        .iter()
        .map(|member| format!("{group} {}", member["value"].as_str().unwrap()))
        .collect();
    let known = stored["members"].as_object().unwrap().keys().cloned();
    assert_eq!(known.collect::<BTreeSet<_>>(), members);
}

/// Creates a user and a group of it in another tenant; returns the id of the user.
async fn new_group_of(server: &Server, token: &str) -> String {
    let user = server.by(token).post("/Users", user("theirs")).await;
    let members = [user.expect(201).id()];
    let group = group("Sales", &members);
    server.by(token).post("/Groups", group).await.expect(201);
    let [member] = members;
    member
}

async fn follows(server: &Server, program: &str, script: &str) {
    let ids = super::new_users(server, "u", 4).await;
    let created = server.post("/Groups", group("Sales", &ids[..2])).await;
    let sales = created.expect(201).id();
    // Deleting a tenant deletes its resources.
    let acme = server.tenant("acme", &TenantChange::default()).await;
    let theirs = new_group_of(server, &acme).await;
    let issued = server
        .operator
        .issue_feed_token("app", None, None)
        .await
        .unwrap();
    let token = issued.text.expose_secret();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");

    let stored = run(server, token, (program, script), &file).await;
    assert_eq!(stored["users"][&theirs]["tenant"], "acme");
    server.operator.delete_tenant("acme").await.unwrap();
    let stored = run(server, token, (program, script), &file).await;
    is_true(server, &stored, &sales).await;

    let moved = json!([
        {"op": "add", "path": "members", "value": [{"value": ids[2]}]},
        {"op": "remove", "path": format!("members[value eq \"{}\"]", ids[0])},
    ]);
    server
        .patch(&format!("/Groups/{sales}"), moved)
        .await
        .expect(204);
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    server
        .patch(&format!("/Users/{}", ids[1]), off)
        .await
        .expect(200);
    server
        .delete(&format!("/Users/{}", ids[3]))
        .await
        .expect(204);
    server.post("/Users", user("late")).await.expect(201);
    let mut stored = run(server, token, (program, script), &file).await;
    is_true(server, &stored, &sales).await;
    assert_eq!(stored["users"][&ids[1]]["active"], false);

    // A cursor of another history: the consumer starts again from a full read.
    let cursor = stored["cursor"].as_str().unwrap();
    let (position, check) = cursor.split_once('-').unwrap();
    let other: String = check.chars().rev().collect();
    assert_ne!(check, other);
    stored["cursor"] = format!("{position}-{other}").into();
    stored["users"] = json!({});
    std::fs::write(&file, stored.to_string()).unwrap();
    let stored = run(server, token, (program, script), &file).await;
    is_true(server, &stored, &sales).await;
}

/// Rows that only one side has: tables of the application or views.
const DIFFERENT: &str = "with kept as (select tenant, id, login, full_name, active from app_user), \
       said as (select tenant, id, login, full_name, active from directory_users), \
       kept_members as (select tenant, group_id, member_id from app_member), \
       said_members as (select tenant, group_id, coalesce(user_id, member_group_id) from directory_memberships) \
     select (select count(*) from (select * from kept except select * from said) a) \
       + (select count(*) from (select * from said except select * from kept) b) \
       + (select count(*) from (select * from kept_members except select * from said_members) c) \
       + (select count(*) from (select * from said_members except select * from kept_members) d)";

/// Runs the consumer in SQL once; returns the number of rows that differ from the views.
async fn run_sql(server: &Server) -> i64 {
    let DatabaseTarget::Postgres { url } = &server.database else {
        panic!("no PostgreSQL")
    };
    server.feed().advance().await.unwrap();
    let url = crate::harness::pooler::behind(url.expose_secret());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed/consumer.sql");
    block_in_place(|| psql(&url, &script));
    server.number(DIFFERENT).await
}

/// The consumer in SQL starts, follows, and restarts when it must; an unknown row shows which restarted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_in_sql_follows() {
    let server = Server::on(Database::Postgres).await;
    let ids = super::users(&server, "u", 4).await;
    let acme = server.tenant("acme", &TenantChange::default()).await;
    new_group_of(&server, &acme).await;
    let made = server.post("/Groups", group("Sales", &ids[..3])).await;
    let sales = format!("/Groups/{}", made.expect(201).id());
    assert_eq!(run_sql(&server).await, 0);
    assert_eq!(server.number("select count(*) from app_user").await, 5);

    let unknown = "insert into app_user (id) values ('00000000-0000-0000-0000-000000000001')";
    server.run(unknown).await;
    let off = json!([{"op": "replace", "value": {"active": false, "displayName": "Ann"}}]);
    server
        .patch(&format!("/Users/{}", ids[0]), off)
        .await
        .expect(200);
    server
        .delete(&format!("/Users/{}", ids[1]))
        .await
        .expect(204);
    let others = json!([{"op": "replace", "path": "members", "value": [{"value": ids[0]}, {"value": ids[3]}]}]);
    server.patch(&sales, others).await.expect(204);
    let late = server.post("/Users", user("late")).await.expect(201).id();
    let made = server
        .post("/Groups", group("Short", std::slice::from_ref(&late)))
        .await;
    let short = format!("/Groups/{}", made.expect(201).id());
    assert_eq!(run_sql(&server).await, 1, "it has followed");
    server.delete(&short).await.expect(204);
    server.operator.delete_tenant("acme").await.unwrap();
    assert_eq!(run_sql(&server).await, 1, "it has followed");

    for name in ["missed", "kept"] {
        super::users(&server, name, 2).await;
        server.operator.forget_changes(-1).await.unwrap();
    }
    assert_eq!(run_sql(&server).await, 0, "the consumer restarted");
    // An unreached position belongs to another history.
    server
        .run("update app_position set position = 1000000")
        .await;
    server.run(unknown).await;
    assert_eq!(run_sql(&server).await, 0, "the consumer restarted");
}
