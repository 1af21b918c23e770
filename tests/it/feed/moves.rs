//! The feed after moving its data by a dump to another cluster, and by an export to another database.

use super::bootstrap::{Stored, by_views, read_all};
use super::client::{FeedClient, text};
use super::{all, users};
use crate::harness::dump::{Dump, DumpFormat, restored};
use crate::harness::postgres::Cluster;
use crate::harness::{Database, Server, create_database_on, group, user};
use scimd::feed::{Event, FeedError};
use scimd::operator::{
    DatabaseTarget, ExportRequest, ImportRequest, ImportStep, OnError, OperatorError,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::collections::BTreeSet;
use tokio::task::block_in_place;

/// The difference in transaction numbers between two clusters: more than a restore needs.
const AHEAD: i64 = 20_000;

/// The approximate number of the next transaction.
const NEXT: &str = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint";

/// Consumes transaction numbers of a cluster up to a number.
async fn age(cluster: &Cluster, number: i64) {
    let mut session = PgConnection::connect(&cluster.url()).await.unwrap();
    let text = format!(
        "do $$ begin while pg_current_xact_id()::text::bigint < {number} loop commit; end loop; end $$"
    );
    session.execute(AssertSqlSafe(text)).await.unwrap();
}

async fn next_transaction(cluster: &Cluster) -> i64 {
    let mut session = PgConnection::connect(&cluster.url()).await.unwrap();
    sqlx::query_scalar(NEXT)
        .fetch_one(&mut session)
        .await
        .unwrap()
}

/// The age of the cluster into which a dump is restored, by transaction numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// Fewer transactions than in the dump.
    Younger,
    /// Fewer transactions, with as many soon after the restore.
    Catching,
    /// More transactions than in the dump.
    Older,
}

/// Restores into clusters of each age, one after the other, because transaction numbers only increase.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_continues_in_another_cluster() {
    let (source, target) =
        block_in_place(|| (Cluster::start().unwrap(), Cluster::start().unwrap()));
    for (format, how) in [
        (DumpFormat::Custom, Age::Younger),
        (DumpFormat::Text, Age::Catching),
        (DumpFormat::Custom, Age::Older),
    ] {
        moves(&source, &target, (format, how)).await;
    }
}

async fn moves(source: &Cluster, target: &Cluster, (format, how): (DumpFormat, Age)) {
    if how != Age::Older {
        age(source, next_transaction(target).await + AHEAD).await;
    }
    let url = create_database_on(&source.url()).await;
    let old = Server::over(DatabaseTarget::Postgres {
        url: url.clone().into(),
    })
    .await;
    // The last pass before the dump sees an open transaction, followed by further changes.
    let mut other = PgConnection::connect(&source.url()).await.unwrap();
    let begin = "begin; select pg_current_xact_id()";
    other.execute(begin).await.unwrap();
    let ids = users(&old, "numbered", 3).await;
    other.execute("commit").await.unwrap();
    let before = all(&old.feed()).await;
    let cursor = old.feed().head().await.unwrap();
    let made = old.post("/Groups", group("Sales", &ids)).await;
    let sales = made.expect(201).id();
    old.post("/Users", user("late")).await.expect(201);
    let dump = Dump::of(&url, format);
    users(&old, "lost", 1).await;
    let beyond = old.feed().head().await.unwrap();

    if how == Age::Older {
        age(target, next_transaction(source).await + AHEAD).await;
    }
    let url = restored(&dump, target).await;
    let mut session = PgConnection::connect(&url).await.unwrap();
    let highest = "select max(pg_snapshot_xmax(snapshot)::text::bigint) from pass";
    let highest: i64 = sqlx::query_scalar(highest)
        .fetch_one(&mut session)
        .await
        .unwrap();
    let is_younger = next_transaction(target).await < highest;
    assert_eq!(is_younger, how != Age::Older);

    let new = Server::over(DatabaseTarget::Postgres { url: url.into() }).await;
    let rename = json!([{"op": "replace", "value": {"displayName": "moved"}}]);
    let first = format!("/Users/{}", ids[0]);
    new.patch(&first, rename).await.expect(200);
    if how == Age::Catching {
        age(target, next_transaction(source).await + 1000).await;
    }
    new.delete(&format!("/Groups/{sales}")).await.expect(204);
    new.post("/Users", user("new")).await.expect(201);
    goes_on(&new, &before).await;

    // A reader that had read to the end continues there; a reader whose changes are lost gets an error.
    let feed = new.feed();
    let place = feed.place(cursor).await.unwrap();
    assert_eq!(place.position, before.last().unwrap().position);
    assert!(matches!(feed.place(beyond).await, Err(FeedError::Gone)));
    let events = all(&feed).await;
    new.post("/Users", user("after")).await.expect(201);
    goes_on(&new, &events).await;
}

/// Checks that the feed has the previous events, followed by each other change once, without a gap.
async fn goes_on(server: &Server, before: &[Event]) {
    let events = all(&server.feed()).await;
    let place = |event: &Event| (event.position, event.id.clone());
    let begin = events.iter().take(before.len()).map(place);
    assert!(begin.eq(before.iter().map(place)));
    let positions: Vec<_> = events.iter().map(|event| event.position).collect();
    let dense: Vec<_> = (1..).take(events.len()).collect();
    assert_eq!(positions, dense);
    let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len());
    let changes = server.number("select count(*) from change").await;
    assert_eq!(changes, i64::try_from(events.len()).unwrap());
    let foreign =
        "select count(*) from change where transaction >= pg_snapshot_xmax(pg_current_snapshot())";
    assert_eq!(server.number(foreign).await, 0);
    server.is_sound().await;
}

async fn exported(server: &Server) -> String {
    let mut text = String::new();
    let mut sink = |line: &str| -> Result<(), OperatorError> {
        text.push_str(line);
        text.push('\n');
        Ok(())
    };
    let request = ExportRequest {
        tenant: "default",
        with_secrets: false,
    };
    server.operator.export(&request, &mut sink).await.unwrap();
    text
}

async fn import(server: &Server, text: &str) {
    let import = ImportRequest {
        tenant: "default",
        dry_run: false,
        side_by_side: 4,
        on_error: OnError::Stop,
        drop_unknown: false,
    };
    let mut on_step = |step: ImportStep<'_>| {
        if let ImportStep::Problem { line, detail } = step {
            panic!("{line}: {detail}");
        }
    };
    let mut lines = text.as_bytes();
    let done = server.operator.import(&import, &mut lines, &mut on_step);
    done.await.unwrap();
}

/// From SQLite to PostgreSQL: each resource is reported as created, with its previous version and creation time; its
/// last change is the import. A reader that starts at the head of the new feed misses no later change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_into_the_other_database_is_in_the_feed() {
    let old = Server::on(Database::Sqlite).await;
    let ids = users(&old, "u", 5).await;
    let path = format!("/Users/{}", ids[0]);
    let rename = json!([{"op": "replace", "value": {"displayName": "Ann"}}]);
    old.patch(&path, rename).await.expect(200);
    old.delete(&format!("/Users/{}", ids[4])).await.expect(204);
    old.post("/Groups", group("Sales", &ids[..3]))
        .await
        .expect(201);
    let text_of_all = exported(&old).await;

    let new = Server::on(Database::Postgres).await;
    let own = users(&new, "own", 1).await;
    let reader = FeedClient::of_all(&new).await;
    let head = reader.read("/head").await;
    let begun = new.clock.now().to_string();
    import(&new, &text_of_all).await;
    new.feed().advance().await.unwrap();
    let cursor = text(&head["cursor"]);
    let page = reader.read(&format!("/events?after={cursor}")).await;
    let events = page["events"].as_array().unwrap();
    let moved: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "user.created")
        .collect();
    assert_eq!(moved.len(), 4);
    for event in moved {
        let id = text(&event["data"]["resource"]["id"]);
        let was = old.get(&format!("/Users/{id}")).await.expect(200).body;
        let record = &event["data"]["record"];
        assert_eq!(record["created"], was["meta"]["created"]);
        assert_eq!(record["modified"], event["timestamp"]);
        let version = event["data"]["resource"]["version"].to_string();
        assert_eq!(was["meta"]["version"], format!("W/\"{version}\""));
        assert!(*text(&event["timestamp"]) >= *begun, "{event}");
        assert_eq!(event["source"]["token"], Value::Null);
    }
    // The next change has the next version, and a second import changes nothing.
    let again = json!([{"op": "replace", "value": {"displayName": "Anna"}}]);
    new.patch(&path, again).await.expect(200);
    new.feed().advance().await.unwrap();
    let stored = read_all(&reader, Stored::following(cursor)).await;
    let known = by_views(&new).await.without(&own[0]);
    assert_eq!(stored.known().in_columns(), known);
    let before = all(&new.feed()).await;
    import(&new, &exported(&new).await).await;
    assert_eq!(all(&new.feed()).await, before);
    let faults = new.operator.verify(false).await.unwrap();
    assert_eq!(faults, []);
}
