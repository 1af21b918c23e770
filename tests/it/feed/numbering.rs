//! Numbering on PostgreSQL: single, concurrent and interrupted passes.

use super::new_users;
use super::order::{delay, write};
use crate::harness::{Database, Fleet, Server, user};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longer than any expected wait.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Blocks a pass at its positions, after its row is written, until a lock is released.
const HOLD: [&str; 2] = [
    "create function held() returns trigger language plpgsql as \
     $$ begin perform pg_advisory_xact_lock_shared(4711); return new; end $$",
    "create trigger held before insert on feed for each row execute function held()",
];
/// Terminates the sessions that wait for the lock; returns a row for each.
const KILL: &str = "select pg_terminate_backend(pid) from pg_stat_activity \
     where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'";

/// Numbers all changes, as soon as the instance reaches the database again.
async fn advance(server: &Server) {
    let begun = Instant::now();
    while let Err(error) = server.feed().advance().await {
        assert!(begun.elapsed() < TIME_LIMIT, "{error}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Checks that every change has one position, in the order of versions for each resource.
async fn all_are_numbered(server: &Server) {
    let changes = server.number("select count(*) from change").await;
    assert_eq!(server.number("select count(*) from feed").await, changes);
    assert_eq!(
        server.number("select max(position) from feed").await,
        changes
    );
    assert_eq!(
        server.number("select count(*) from (select tenant, seq, version, lag(version) over (partition by c.tenant, seq \
            order by position) as earlier from feed f join change c using (tenant, change)) as numbered where version <= earlier").await,
        0
    );
    server.is_sound().await;
}

/// A pass whose session is terminated numbers nothing; the next pass of any instance numbers all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_pass_numbers_nothing() {
    let fleet = Fleet::of_two(Database::Postgres).await;
    let first = fleet.first();
    advance(first).await;
    for statement in HOLD {
        first.run(statement).await;
    }
    let mut session = first.session().await;
    for round in 0..2 {
        for i in 0..3 {
            let made = first.post("/Users", user(&format!("u{round}-{i}"))).await;
            made.expect(201);
        }
        let count = "select (select count(*) from feed) + (select count(*) from pass)";
        let before = first.number(count).await;
        sqlx::query("select pg_advisory_lock(4711)")
            .execute(&mut session)
            .await
            .unwrap();
        let feed = fleet.of(round).feed();
        let killed = tokio::spawn(async move { feed.advance_by(1000).await });
        let begun = Instant::now();
        while sqlx::query(KILL)
            .fetch_all(&mut session)
            .await
            .unwrap()
            .is_empty()
        {
            assert!(begun.elapsed() < TIME_LIMIT, "no pass waits");
            sleep(Duration::from_millis(5)).await;
        }
        // The pass can be retried at once; it waits for the lock too.
        assert_eq!(first.number(count).await, before);
        sqlx::query("select pg_advisory_unlock(4711)")
            .execute(&mut session)
            .await
            .unwrap();
        let _ = killed.await.unwrap();
        advance(fleet.of(round + 1)).await;
        all_are_numbered(first).await;
    }
}

/// Passes of one change each, concurrently on two instances: every change is numbered once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slices_do_not_split_transactions() {
    let fleet = Fleet::of_two(Database::Postgres).await;
    let first = fleet.first();
    delay(first).await;
    write(&fleet).await;
    let feeds: Vec<_> = (0..2).map(|i| fleet.of(i).feed()).collect();
    crate::harness::race(2, |i| {
        let feed = feeds[i].clone();
        async move {
            // A pass that was overtaken by another one numbers nothing.
            let mut idle = 0;
            while idle < 20 {
                idle = match feed.advance_by(1).await.unwrap() {
                    0 => idle + 1,
                    _ => 0,
                };
            }
        }
    })
    .await;
    first.feed().advance().await.unwrap();
    all_are_numbered(first).await;
}

/// In a cluster with fewer past transactions, the order continues.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_into_a_younger_cluster_continues() {
    let server = Server::on(Database::Postgres).await;
    new_users(&server, "n", 3).await;
    let feed = server.feed();
    feed.advance().await.unwrap();
    let before = server.number("select max(position) from feed").await;
    new_users(&server, "u", 3).await;
    // As if all had been written by a cluster with far more transactions, the last three after the last pass.
    server
        .run("update change set transaction = (transaction::text::bigint + 1000000)::text::xid8")
        .await;
    server
        .run("update pass set snapshot = (pg_snapshot_xmax(snapshot)::text::bigint + 1000000 || ':' || \
              pg_snapshot_xmax(snapshot)::text::bigint + 1000000 || ':')::pg_snapshot")
        .await;
    new_users(&server, "y", 3).await;
    // A slice of one takes the steps of a restore one by one.
    while feed.advance_by(1).await.unwrap() > 0 {}
    server.post("/Users", user("last")).await.expect(201);
    feed.advance().await.unwrap();
    let changes = server.number("select count(*) from change").await;
    assert_eq!(changes, before + 7);
    assert_eq!(
        server.number("select max(position) from feed").await,
        changes
    );
    assert_eq!(
        server
            .number("select count(distinct (tenant, change)) from feed")
            .await,
        changes
    );
    let names: BTreeSet<_> = super::all(&feed)
        .await
        .into_iter()
        .filter(|event| event.position > before)
        .map(|event| event.id)
        .collect();
    assert_eq!(names.len(), 7);
    assert_eq!(
        server.number("select count(*) from change where transaction >= pg_snapshot_xmax(pg_current_snapshot())").await,
        0
    );
}
