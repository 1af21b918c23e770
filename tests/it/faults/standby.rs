//! The synchronous standby does not respond: PostgreSQL executes reads and confirms no commit (FLT-4).

use super::silence::{BACK, LATER, UNDER_WAY, commit_on_both, ready, server, url};
use crate::harness::postgres::Cluster;
use crate::harness::{Server, user};
use sqlx::{Connection, PgConnection};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;
use tokio::time::sleep;

/// A primary, its synchronous standby, and a server over both.
struct Pair {
    _primary: Cluster,
    standby: Cluster,
    server: Arc<Server>,
    operator: PgConnection,
}

impl Pair {
    async fn start() -> Self {
        let (primary, standby) = block_in_place(|| -> Result<_, String> {
            let primary = Cluster::start()?;
            let standby = Cluster::standby_of(&primary)?;
            Ok((primary, standby))
        })
        .unwrap();
        commit_on_both(&primary).await;
        let server = server(url(&[primary.port(), standby.port()])).await;
        let operator = PgConnection::connect(&primary.url()).await.unwrap();
        Self {
            _primary: primary,
            standby,
            server,
            operator,
        }
    }

    /// Number of sessions that wait for the standby.
    async fn waiting(&mut self) -> i64 {
        let text = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
        sqlx::query_scalar(text)
            .fetch_one(&mut self.operator)
            .await
            .unwrap()
    }

    /// Ends the waits for the standby like an administrator.
    async fn cancel_waits(&mut self) {
        let began = Instant::now();
        while self.waiting().await == 0 {
            assert!(began.elapsed() < UNDER_WAY, "no commit waits");
            sleep(Duration::from_millis(10)).await;
        }
        let text = "select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'";
        sqlx::query(text).execute(&mut self.operator).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_wait_for_the_standby_is_cancelled_is_not_acknowledged() {
    let mut pair = Pair::start().await;
    let server = pair.server.clone();
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    let bob = server.post("/Users", user("bob")).await.expect(201).id();
    let frozen = pair.standby.freeze();
    // A single statement, and a transaction of several: members are changed in one.
    let create = server.post("/Users", user("carla"));
    let (answer, ()) = tokio::join!(create, pair.cancel_waits());
    answer.refused(503, "");
    drop(frozen);
    let group = serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "g",
        "members": [{"value": ann}, {"value": bob}]
    });
    until_written(&server, "dora").await;
    let group_id = server.post("/Groups", group).await.expect(201).id();
    let _frozen = pair.standby.freeze();
    let path = format!("/Groups/{group_id}");
    let operations = serde_json::json!([{"op": "replace", "path": "members", "value": []}]);
    let change = server.patch(&path, operations);
    let (answer, ()) = tokio::join!(change, pair.cancel_waits());
    answer.refused(503, "");
}

async fn until_written(server: &Server, name: &str) {
    let began = Instant::now();
    while !matches!(server.post("/Users", user(name)).await.status, 201 | 409) {
        assert!(began.elapsed() < BACK, "writes are still refused");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_standby_is_silent_the_server_is_not_ready() {
    let mut pair = Pair::start().await;
    let server = pair.server.clone();
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    let path = format!("/Users/{ann}");
    let frozen = pair.standby.freeze();
    let began = Instant::now();
    server.post("/Users", user("bob")).await.refused(503, "");
    assert!(began.elapsed() <= UNDER_WAY, "{:?}", began.elapsed());
    // Long enough for the probe to time out on a commit and to try another one.
    let known = Instant::now();
    let mut most = 0;
    while known.elapsed() < UNDER_WAY {
        let began = Instant::now();
        server.post("/Users", user("carla")).await.refused(503, "");
        assert!(began.elapsed() <= LATER, "{:?}", began.elapsed());
        assert_eq!(ready(&server).await, 503);
        most = most.max(pair.waiting().await);
        sleep(Duration::from_millis(100)).await;
    }
    server.get(&path).await.expect(200);
    assert!(most <= 3, "{most} sessions wait for the standby");
    drop(frozen);
    let back = Instant::now();
    until_written(&server, "dora").await;
    assert!(back.elapsed() <= BACK, "{:?}", back.elapsed());
    assert_eq!(ready(&server).await, 200);
    // The standby is frozen, and no session waits for it.
    let frozen = pair.standby.freeze();
    server.post("/Users", user("emil")).await.refused(503, "");
    for text in [
        "alter system set synchronous_standby_names = ''",
        "select pg_reload_conf()",
    ] {
        sqlx::query(text).execute(&mut pair.operator).await.unwrap();
    }
    until_written(&server, "fred").await;
    drop(frozen);
}
