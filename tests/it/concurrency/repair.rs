//! A repair while a write of the same resource waits.

use crate::harness::{Database, Fleet, Options, Server, create_database, user};
use scimd::operator::DatabaseTarget;
use scimd::store::PoolSettings;
use serde_json::json;
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

    let mut holder = lock_resources(server).await;
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

/// The read of a verification is idle while the repairs wait: PostgreSQL must not end its transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_repair_outlives_the_limit_on_idle_transactions() {
    // More resources than are repaired at once, and more rows than are read ahead.
    const USERS: usize = 120;
    // More than twice the limit on other transactions.
    const IDLE: &str = "select count(*) from pg_stat_activity \
         where datname = current_database() and application_name = 'scimd reading' \
           and state = 'idle in transaction' and state_change < clock_timestamp() - interval '2500 milliseconds'";
    const ENDED: &str = "select 1 - count(*) from pg_stat_activity \
         where datname = current_database() and application_name = 'scimd reading'";
    let options = Options {
        pool: PoolSettings {
            idle_transaction: Duration::from_secs(1),
            acquire: Duration::from_secs(60),
            lock: Duration::from_secs(60),
            statement: Duration::from_secs(60),
            ..Options::default().pool
        },
        ..Options::default()
    };
    // The limits of sessions through a pooler are those of the role.
    let url = create_database().await.into();
    let server = Server::over(DatabaseTarget::Postgres { url }).await;
    for number in 0..USERS {
        let body = user(&format!("user{number}"));
        server.post("/Users", body).await.expect(201);
    }
    let other = server.other(options).await;
    server.spoil("update resource set display = 'x'").await;
    let mut holder = lock_resources(&server).await;
    let repair = tokio::spawn({
        let operator = other.operator.clone();
        async move { operator.verify(true).await }
    });
    let begun = Instant::now();
    while server.number(IDLE).await == 0 {
        let is_ended = server.number(WAITING).await > 0 && server.number(ENDED).await > 0;
        assert!(!is_ended, "the reading transaction was ended");
        assert!(begun.elapsed() < Duration::from_secs(30), "no read is idle");
    }
    sqlx::raw_sql("rollback")
        .execute(&mut holder)
        .await
        .unwrap();
    assert_eq!(repair.await.unwrap().unwrap().len(), USERS);
    server.is_sound().await;
}

/// A connection with a transaction that locks all resources.
async fn lock_resources(server: &Server) -> sqlx::PgConnection {
    let mut holder = server.session().await;
    sqlx::raw_sql("begin; select 1 from resource for update")
        .execute(&mut holder)
        .await
        .unwrap();
    holder
}

const WAITING: &str = "select count(*) from pg_stat_activity \
     where datname = current_database() and wait_event_type = 'Lock'";

/// Waits until the given number of statements wait for a lock.
async fn waiting(fleet: &Fleet, count: i64) {
    let begun = Instant::now();
    while fleet.first().number(WAITING).await < count {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody waits");
    }
}
