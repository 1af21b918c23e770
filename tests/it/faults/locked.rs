//! Another program keeps the embedded database locked (FLT-11).

use super::crowd::Lateness;
use crate::harness::{Database, Server, race, user};
use scimd::operator::DatabaseTarget;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Executor};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Maximum wait for a response, and the number of waiting writers: more than share a commit.
const PROMISED: Duration = Duration::from_secs(5);
const WRITERS: usize = 70;

async fn other_program(server: &Server) -> SqliteConnection {
    let DatabaseTarget::Sqlite { data_dir } = &server.database else {
        panic!("not embedded")
    };
    SqliteConnectOptions::new()
        .filename(data_dir.join("scimd.db"))
        .connect()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_do_not_wait_for_a_permanent_lock() {
    let server = Arc::new(Server::on(Database::Sqlite).await);
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let mut other = other_program(&server).await;
    other.execute("begin immediate").await.unwrap();
    let lateness = Lateness::look();
    let waited = race(WRITERS, |i| {
        let server = server.clone();
        async move {
            let began = Instant::now();
            let answer = server
                .post("/Users", user(&format!("u{i}")))
                .await
                .refused(503, "");
            assert!(answer.header("retry-after").is_some());
            began.elapsed()
        }
    });
    let (waited, _) = tokio::join!(waited, async {
        server.get(&format!("/Users/{id}")).await.expect(200)
    });
    let longest = waited.into_iter().max().unwrap();
    assert!(
        longest <= PROMISED + lateness.allowed(),
        "{longest:?}, late by {:?}",
        lateness.allowed()
    );
    other.execute("rollback").await.unwrap();
    server.post("/Users", user("bob")).await.expect(201);
    server.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_wait_for_a_short_lock() {
    let server = Arc::new(Server::on(Database::Sqlite).await);
    let mut other = other_program(&server).await;
    other.execute("begin immediate").await.unwrap();
    let waiting = race(WRITERS, |i| {
        let server = server.clone();
        async move { server.post("/Users", user(&format!("u{i}"))).await.status }
    });
    let release = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        other.execute("commit").await.unwrap();
    };
    let (statuses, ()) = tokio::join!(waiting, release);
    assert_eq!(statuses, vec![201; WRITERS]);
    server.is_sound().await;
}
