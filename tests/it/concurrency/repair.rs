//! A repair while a write of the same resource waits.

use crate::harness::{Database, Fleet, user};
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::Connection;
use std::time::{Duration, Instant};

/// A write that began before the commit of the repair does not see the repaired rows, so it must read the resource
/// again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_after_a_repair_leaves_no_difference() {
    let fleet = Fleet::of_one(Database::Postgres).await;
    let server = fleet.first();
    let id = server.post("/Users", user("jane")).await.expect(201).id();
    let path = format!("/Users/{id}");
    server
        .patch(
            &path,
            json!([{"op": "add", "path": "name.familyName", "value": "Boss"}]),
        )
        .await
        .expect(200);
    server
        .spoil("delete from attribute_value where key = 'boss'")
        .await;

    let DatabaseTarget::Postgres { url } = &server.database else {
        panic!("no PostgreSQL")
    };
    let mut holder =
        sqlx::PgConnection::connect(&crate::harness::pooler::behind(url.expose_secret()))
            .await
            .unwrap();
    sqlx::raw_sql("begin; select 1 from resource for update")
        .execute(&mut holder)
        .await
        .unwrap();
    let repair = tokio::spawn({
        let fleet = fleet.clone();
        async move { fleet.first().operator.verify(true).await.unwrap() }
    });
    waiting(&fleet, 1).await;
    let change = tokio::spawn({
        let fleet = fleet.clone();
        let operations = json!([{"op": "replace", "path": "name.familyName", "value": "Chief"}]);
        async move { fleet.first().patch(&path, operations).await.expect(200) }
    });
    waiting(&fleet, 2).await;
    sqlx::raw_sql("rollback")
        .execute(&mut holder)
        .await
        .unwrap();

    assert_eq!(repair.await.unwrap().len(), 1);
    assert_eq!(change.await.unwrap().body["name"]["familyName"], "Chief");
    server.is_sound().await;
    let found = server
        .get("/Users?filter=name.familyName%20eq%20%22boss%22")
        .await
        .expect(200);
    assert_eq!(found.body["totalResults"], 0);
}

/// Waits until the given number of statements wait for a lock.
async fn waiting(fleet: &Fleet, count: i64) {
    const WAITING: &str = "select count(*) from pg_stat_activity \
         where datname = current_database() and wait_event_type = 'Lock'";
    let begun = Instant::now();
    while fleet.first().number(WAITING).await < count {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody waits");
    }
}
