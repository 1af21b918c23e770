//! All connections of PostgreSQL are in use (FLT-13).

use crate::harness::postgres::Cluster;
use crate::harness::{Options, Server, race, user};
use scimd::operator::DatabaseTarget;
use scimd::store::PoolSettings;
use sqlx::{Connection, PgConnection};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::block_in_place;

/// With fewer connections than configured, the server waits for one of its pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_at_the_connection_limit_waits_for_its_own_connections() {
    let cluster = block_in_place(Cluster::start).unwrap();
    let mut operator = PgConnection::connect(&cluster.url()).await.unwrap();
    for text in [
        "create role app login",
        "grant all on schema public to app",
        "alter role app connection limit 3",
    ] {
        sqlx::query(text).execute(&mut operator).await.unwrap();
    }
    let url = cluster.url().replace("postgres@", "app@");
    // The wait is long enough; only connections are missing.
    let acquire = Duration::from_secs(60);
    let pool = PoolSettings {
        max_connections: 16,
        acquire,
        ..PoolSettings::default()
    };
    let options = Options {
        pool,
        ..Options::default()
    };
    let server =
        Arc::new(Server::over_with(DatabaseTarget::Postgres { url: url.into() }, options).await);
    let mut opened = pids(&mut operator).await;
    let statuses = race(200, |i| {
        let server = server.clone();
        async move { server.post("/Users", user(&format!("u{i}"))).await.status }
    })
    .await;
    let refused = statuses.iter().filter(|status| **status != 201).count();
    assert_eq!(refused, 0, "of {}", statuses.len());
    let after = pids(&mut operator).await;
    opened.retain(|pid| !after.contains(pid));
    assert!(opened.is_empty(), "connections were dropped");
}

/// A repair needs two connections: it reads resources on one and writes on another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_given_one_connection_uses_two() {
    let cluster = block_in_place(Cluster::start).unwrap();
    let pool = PoolSettings {
        max_connections: 1,
        acquire: Duration::from_secs(60),
        ..PoolSettings::default()
    };
    let options = Options {
        pool,
        ..Options::default()
    };
    let url = cluster.url().into();
    let server = Server::over_with(DatabaseTarget::Postgres { url }, options).await;
    let server = Arc::new(server);
    let create = |i: usize| {
        let server = server.clone();
        async move { server.post("/Users", user(&format!("u{i}"))).await.status }
    };
    assert!(race(40, create).await.iter().all(|status| *status == 201));
    server.run("delete from attribute_value").await;
    let repaired = server.operator.verify(true).await.unwrap();
    assert!(!repaired.is_empty(), "nothing was missing");
    let path = "/Users?filter=userName%20eq%20%22u7%22";
    assert_eq!(server.get(path).await.expect(200).body["totalResults"], 1);
    let mut operator = PgConnection::connect(&cluster.url()).await.unwrap();
    // A connection that responds late, as on a busy machine, is closed.
    assert!(pids(&mut operator).await.len() <= 2);
}

/// Processes that serve the server's connections.
async fn pids(operator: &mut PgConnection) -> Vec<i32> {
    let text = "select pid from pg_stat_activity where application_name = 'scimd'";
    sqlx::query_scalar(text).fetch_all(operator).await.unwrap()
}
