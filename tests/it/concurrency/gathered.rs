//! Coalesced writes: each has a separate condition, version and entry of the change log, and a conflict affects only
//! its own write.

use crate::harness::{Database, Fleet, Server, user};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;

crate::on_both!(
    creates_that_meet_are_all_there,
    a_conflict_costs_only_its_own,
    changes_and_deletions_that_meet,
);

async fn creates_that_meet_are_all_there(server: Server) {
    let server = Arc::new(server);
    let mut tasks = JoinSet::new();
    for i in 0..60 {
        let server = server.clone();
        tasks.spawn(async move {
            let made = server.post("/Users", user(&format!("user{i}"))).await;
            made.expect(201).id()
        });
    }
    let ids: BTreeSet<String> = tasks.join_all().await.into_iter().collect();
    assert_eq!(ids.len(), 60);
    let listed = server.get("/Users?count=100").await.expect(200);
    assert_eq!(listed.body["totalResults"], 60);
    let logged = "select count(*) from change where tenant <> 0 and seq <> 0 and action = 'create' and version = 1";
    assert_eq!(server.number(logged).await, 60);
    let states = "select count(*) from change c join resource r on r.tenant = c.tenant and r.seq = c.seq \
         where c.document = r.document and c.id = r.id and c.created = r.created";
    assert_eq!(server.number(states).await, 60);
    server.is_sound().await;
}

async fn a_conflict_costs_only_its_own(server: Server) {
    let server = Arc::new(server);
    server.post("/Users", user("taken")).await.expect(201);
    let mut tasks = JoinSet::new();
    for i in 0..48 {
        let server = server.clone();
        // A third of the names is already in use, another third is used twice concurrently.
        let name = match i % 3 {
            0 => "TAKEN".to_owned(),
            1 => format!("twice{}", i / 6),
            _ => format!("once{i}"),
        };
        tasks.spawn(async move {
            let answer = server.post("/Users", user(&name)).await;
            if answer.status == 409 {
                answer.refused(409, "uniqueness");
                return (name, false);
            }
            answer.expect(201);
            (name, true)
        });
    }
    let outcomes = tasks.join_all().await;
    let made = |word: &str| {
        let made = outcomes
            .iter()
            .filter(|(name, made)| *made && name.starts_with(word));
        made.count()
    };
    assert_eq!((made("TAKEN"), made("twice"), made("once")), (0, 8, 16));
    let listed = server.get("/Users?count=1").await.expect(200);
    assert_eq!(listed.body["totalResults"], 25);
    assert_eq!(
        server
            .number("select count(*) from change where tenant <> 0 and seq <> 0")
            .await,
        25
    );
    server.is_sound().await;
}

async fn changes_and_deletions_that_meet(server: Server) {
    let server = Arc::new(server);
    let mut made = Vec::new();
    for i in 0..24 {
        let answer = server
            .post("/Users", user(&format!("user{i}")))
            .await
            .expect(201);
        made.push((answer.id(), answer.header("etag").unwrap().to_owned()));
    }
    let mut tasks = JoinSet::new();
    for (i, (id, etag)) in made.into_iter().enumerate() {
        let server = server.clone();
        tasks.spawn(async move {
            let path = format!("/Users/{id}");
            let title = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "replace", "path": "displayName", "value": format!("d{i}")}]});
            let old = [("if-match", etag.as_str())];
            let client = server.client();
            let first = client.send(Method::PATCH, &path, Some(title.clone()), &old).await;
            let first = first.expect(200);
            assert_eq!(first.body["displayName"], format!("d{i}"));
            // The previous version is no longer current.
            let second = client.send(Method::PATCH, &path, Some(title), &old).await;
            second.expect(412);
            let now = first.header("etag").unwrap().to_owned();
            if i % 2 == 0 {
                let gone = client.send(Method::DELETE, &path, None, &old).await;
                gone.expect(412);
                let now = [("if-match", now.as_str())];
                let gone = client.send(Method::DELETE, &path, None, &now).await;
                gone.expect(204);
                server.get(&path).await.expect(404);
            }
        });
    }
    tasks.join_all().await;
    let count = |action: &'static str| server.number(action);
    assert_eq!(
        count("select count(*) from change where action = 'modify' and version = 2").await,
        24
    );
    assert_eq!(
        count("select count(*) from change where action = 'delete' and version = 3").await,
        12
    );
    assert_eq!(count("select count(*) from resource").await, 12);
    server.is_sound().await;
}

/// Instances that write the same resources concurrently: one write of each pair is first, and the other one is
/// repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_coalesce_writes_of_the_same_users() {
    let fleet = Fleet::of_two(Database::Postgres).await;
    let mut ids = Vec::new();
    for i in 0..8 {
        let made = fleet
            .first()
            .post("/Users", user(&format!("user{i}")))
            .await;
        ids.push(made.expect(201).id());
    }
    let mut tasks = JoinSet::new();
    for turn in 0..6 {
        for (i, id) in ids.iter().enumerate() {
            let (fleet, path) = (fleet.clone(), format!("/Users/{id}"));
            tasks.spawn(async move {
                let value = json!([{"op": "add", "path": "emails", "value": [{"value": format!("e{turn}@x.example")}]}]);
                fleet.of(turn + i).patch(&path, value).await.expect(200);
            });
        }
    }
    tasks.join_all().await;
    for id in &ids {
        let read = fleet.first().get(&format!("/Users/{id}")).await.expect(200);
        assert_eq!(read.body["emails"].as_array().unwrap().len(), 6, "{id}");
        assert_eq!(read.header("etag"), Some("W/\"7\""));
    }
    fleet.first().is_sound().await;
}
