//! One order for all: no reader misses a change, whoever writes and whoever numbers.

use crate::harness::{Database, Fleet, Server, user};
use crate::views::Reader;
use scimd::feed::{EventData, PageQuery};
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::{Connection, Executor};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

crate::on_fleets!(readers_see_one_order);

const WRITERS: usize = 12;
const ROUNDS: usize = 6;

/// Holds each transaction that changes something for a random time before its commit, so that commits overtake each
/// other.
const DELAY: [&str; 2] = [
    "create function late() returns trigger language plpgsql as \
     $$ begin perform pg_sleep(random() * 0.03); return null; end $$",
    "create constraint trigger late after insert on change deferrable initially deferred for each row execute function late()",
];

/// A change as a reader sees it: position, id and version.
type Seen = (i64, String, i64);

/// Tasks that run until they are told to stop.
struct Running<T> {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<T>>,
}

impl<T: Send + 'static> Running<T> {
    fn new() -> Self {
        Self {
            stop: Arc::default(),
            tasks: Vec::new(),
        }
    }

    fn spawn<F>(&mut self, task: impl FnOnce(Arc<AtomicBool>) -> F)
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.tasks.push(tokio::spawn(task(self.stop.clone())));
    }

    async fn stop(self) -> Vec<T> {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for task in self.tasks {
            all.push(task.await.unwrap());
        }
        all
    }
}

async fn delay(server: &Server) {
    for statement in DELAY {
        server.run(statement).await;
    }
}

/// Instances that number changes all the time.
fn numbering(servers: &[&Server]) -> Running<()> {
    let mut running = Running::new();
    for server in servers {
        let feed = server.feed();
        running.spawn(|stop| async move {
            while !stop.load(Ordering::SeqCst) {
                feed.advance().await.unwrap();
                sleep(Duration::from_millis(3)).await;
            }
        });
    }
    running
}

/// A reader by SQL and one by the feed, each of which reads all that there is once it is told to stop.
async fn readers(server: &Server) -> Running<Vec<Seen>> {
    let mut running = Running::new();
    let mut reader = Reader::of(server).await;
    running.spawn(|stop| async move {
        let (mut seen, mut last) = (Vec::new(), 0);
        loop {
            let is_last = stop.load(Ordering::SeqCst);
            let query = format!(
                "select position, id, version from directory_events where position > {last} order by position limit 1000"
            );
            let rows = reader.rows(&query).await;
            for row in &rows {
                let cells: Vec<_> = row.split('|').collect();
                last = cells[0].parse().unwrap();
                seen.push((last, cells[1].to_owned(), cells[2].parse().unwrap()));
            }
            if is_last && rows.is_empty() {
                return seen;
            }
            sleep(Duration::from_millis(5)).await;
        }
    });
    let feed = server.feed();
    running.spawn(|stop| async move {
        let (mut seen, mut query) = (Vec::new(), PageQuery::default());
        query.limit = 50;
        loop {
            let is_last = stop.load(Ordering::SeqCst);
            let page = feed.page(&query).await.unwrap();
            for event in &page.events {
                let (id, version) = match &event.data {
                    EventData::Resource(subject) => (subject.id.to_string(), subject.version),
                    EventData::Tenant(tenant) => (
                        "00000000-0000-0000-0000-000000000000".to_owned(),
                        tenant.version,
                    ),
                };
                seen.push((event.position, id, version));
            }
            query.after = page.next.place;
            if is_last && !page.more {
                return seen;
            }
            sleep(Duration::from_millis(5)).await;
        }
    });
    running
}

/// Each writer makes users of its own and changes them, and one user and one group that all share.
async fn write(fleet: &Fleet) {
    let shared = fleet
        .first()
        .post("/Users", user("shared"))
        .await
        .expect(201)
        .id();
    let group = crate::harness::group("Shared", &[]);
    let group = fleet.first().post("/Groups", group).await.expect(201).id();
    fleet
        .race(WRITERS, move |fleet, i| {
            let (shared, group) = (format!("/Users/{shared}"), format!("/Groups/{group}"));
            async move {
                for round in 0..ROUNDS {
                    let server = fleet.of(i + round);
                    let own = server.post("/Users", user(&format!("w{i}-{round}"))).await;
                    let own = own.expect(201).id();
                    let title =
                        json!([{"op": "replace", "value": {"title": format!("{i}-{round}")}}]);
                    server
                        .patch(&format!("/Users/{own}"), title.clone())
                        .await
                        .expect(200);
                    server.patch(&shared, title).await.expect(200);
                    let join = json!([{"op": "add", "path": "members", "value": [{"value": own}]}]);
                    server.patch(&group, join).await.expect(204);
                    if round % 3 == 0 {
                        server.delete(&format!("/Users/{own}")).await.expect(204);
                    }
                }
            }
        })
        .await;
}

/// What readers have seen is all that there is, dense and in the order of versions.
async fn is_complete(server: &Server, seen: Vec<Vec<Seen>>) {
    let [by_sql, by_feed] = seen.as_slice() else {
        panic!("two readers")
    };
    assert_eq!(by_sql, by_feed);
    let positions: Vec<_> = by_sql.iter().map(|(position, ..)| *position).collect();
    let dense: Vec<_> = (1..).take(positions.len()).collect();
    assert_eq!(positions, dense);
    assert_eq!(
        server.number("select count(*) from change").await,
        i64::try_from(by_sql.len()).unwrap()
    );
    let mut versions: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (_, id, version) in by_sql.iter().filter(|(_, id, _)| !id.starts_with("0000")) {
        versions.entry(id).or_default().push(*version);
    }
    for (id, versions) in versions {
        let expected: Vec<_> = (1..).take(versions.len()).collect();
        assert_eq!(versions, expected, "{id}");
    }
}

async fn readers_see_one_order(fleet: Fleet) {
    let first = fleet.first();
    if first.is_postgres() {
        delay(first).await;
    }
    let numbering = numbering(&[first, fleet.of(1)]);
    let readers = readers(fleet.of(1)).await;
    write(&fleet).await;
    numbering.stop().await;
    first.feed().advance().await.unwrap();
    is_complete(first, readers.stop().await).await;
    first.is_sound().await;
}

async fn another(server: &Server) -> sqlx::PgConnection {
    let DatabaseTarget::Postgres { url } = &server.database else {
        panic!("no PostgreSQL")
    };
    sqlx::PgConnection::connect(&crate::harness::pooler::behind(url.expose_secret()))
        .await
        .unwrap()
}

/// A transaction that writes something else, and one that keeps a snapshot, stop nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_hold_open_holds_nothing_up() {
    let fleet = Fleet::of_two(Database::Postgres).await;
    let first = fleet.first();
    first.run("create table other (number bigint)").await;
    delay(first).await;
    let (mut writing, mut reading) = (another(first).await, another(first).await);
    writing
        .execute("begin; insert into other values (1)")
        .await
        .unwrap();
    reading
        .execute("begin isolation level repeatable read; select count(*) from change")
        .await
        .unwrap();
    let numbering = numbering(&[first, fleet.of(1)]);
    let readers = readers(first).await;
    write(&fleet).await;
    numbering.stop().await;
    first.feed().advance().await.unwrap();
    is_complete(first, readers.stop().await).await;
    writing.execute("commit").await.unwrap();
    reading.execute("commit").await.unwrap();
}

/// Passes of one change each, on two instances at once: every change is numbered once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slices_divide_no_transaction() {
    let fleet = Fleet::of_two(Database::Postgres).await;
    let first = fleet.first();
    delay(first).await;
    write(&fleet).await;
    let feeds: Vec<_> = (0..2).map(|i| fleet.of(i).feed()).collect();
    crate::harness::race(2, |i| {
        let feed = feeds[i].clone();
        async move {
            // A pass that another one came before numbers nothing.
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
    let changes = first.number("select count(*) from change").await;
    assert_eq!(first.number("select count(*) from feed").await, changes);
    assert_eq!(
        first.number("select max(position) from feed").await,
        changes
    );
    assert_eq!(
        first.number("select count(*) from (select tenant, seq, version, lag(version) over (partition by c.tenant, seq \
            order by position) as earlier from feed f join change c using (tenant, change)) as told where version <= earlier").await,
        0
    );
    first.is_sound().await;
}

/// In a cluster that has had fewer transactions, the order goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_into_a_younger_cluster_goes_on() {
    let server = Server::on(Database::Postgres).await;
    for i in 0..3 {
        server
            .post("/Users", user(&format!("n{i}")))
            .await
            .expect(201);
    }
    let feed = server.feed();
    feed.advance().await.unwrap();
    let before = server.number("select max(position) from feed").await;
    for i in 0..3 {
        server
            .post("/Users", user(&format!("u{i}")))
            .await
            .expect(201);
    }
    // As if all had been written by a cluster with far more transactions, the last three after the last pass.
    server
        .run("update change set transaction = (transaction::text::bigint + 1000000)::text::xid8")
        .await;
    server
        .run("update pass set snapshot = (pg_snapshot_xmax(snapshot)::text::bigint + 1000000 || ':' || \
              pg_snapshot_xmax(snapshot)::text::bigint + 1000000 || ':')::pg_snapshot")
        .await;
    for i in 0..3 {
        server
            .post("/Users", user(&format!("y{i}")))
            .await
            .expect(201);
    }
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
