//! One order for all readers: none misses a change, for all combinations of writing and numbering instances.

use super::client::{FeedClient, text};
use super::running::{Running, numbering};
use crate::harness::postgres::Cluster;
use crate::harness::{Fleet, Server, create_database_on, user};
use crate::views::Reader;
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::sleep;

crate::on_fleets!(readers_see_one_order);

const WRITERS: usize = 16;
const ROUNDS: usize = 5;

/// Delays the commit of each change by a random time, so that commits overtake each other.
const DELAY: [&str; 2] = [
    "create function late() returns trigger language plpgsql as \
     $$ begin perform pg_sleep(random() * 0.03); return null; end $$",
    "create constraint trigger late after insert on change deferrable initially deferred for each row execute function late()",
];

/// A change from a reader: position, id and version.
type Seen = (i64, String, i64);

/// The id in the rows of changes of tenants.
const NO_RESOURCE: &str = "00000000-0000-0000-0000-000000000000";

pub(super) async fn delay(server: &Server) {
    for statement in DELAY {
        server.run(statement).await;
    }
}

/// A reader by SQL and one by HTTP; each reads all remaining changes when it is stopped.
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
    let client = FeedClient::of_all(server).await;
    running.spawn(|stop| async move {
        let (mut seen, mut cursor) = (Vec::new(), "start".to_owned());
        loop {
            let is_last = stop.load(Ordering::SeqCst);
            let page = client
                .read(&format!("/events?after={cursor}&limit=50"))
                .await;
            for event in page["events"].as_array().unwrap() {
                let resource = &event["data"]["resource"];
                let id = match text(&resource["type"]) {
                    "Tenant" => NO_RESOURCE,
                    _ => text(&resource["id"]),
                };
                let numbers = (event["position"].as_i64(), resource["version"].as_i64());
                seen.push((numbers.0.unwrap(), id.to_owned(), numbers.1.unwrap()));
            }
            text(&page["cursor"]).clone_into(&mut cursor);
            if is_last && page["more"] == false {
                return seen;
            }
            sleep(Duration::from_millis(5)).await;
        }
    });
    running
}

/// Each writer creates and changes its own users, and changes one shared user and one shared group.
pub(super) async fn write(fleet: &Fleet) {
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

/// Checks that readers have all changes, without gaps and in the order of versions.
async fn is_complete(server: &Server, seen: Vec<Vec<Seen>>) {
    let [by_sql, by_http] = seen.as_slice() else {
        panic!("two readers")
    };
    assert_eq!(by_sql, by_http);
    let positions: Vec<_> = by_sql.iter().map(|(position, ..)| *position).collect();
    let dense: Vec<_> = (1..).take(positions.len()).collect();
    assert_eq!(positions, dense);
    assert_eq!(
        server.number("select count(*) from change").await,
        i64::try_from(by_sql.len()).unwrap()
    );
    let mut versions: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (_, id, version) in by_sql.iter().filter(|(_, id, _)| id != NO_RESOURCE) {
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
    let numbering = numbering(&[first, fleet.of(1)], 1000);
    let readers = readers(fleet.of(1)).await;
    write(&fleet).await;
    numbering.stop().await;
    first.feed().advance().await.unwrap();
    is_complete(first, readers.stop().await).await;
    first.is_sound().await;
}

/// Open transactions of other users of a cluster: one that writes in another database, a prepared one there, and one
/// with a snapshot of this database.
struct Held([PgConnection; 3]);

impl Held {
    async fn by_others(cluster: &Cluster, server: &Server) -> Self {
        let DatabaseTarget::Postgres { url } = &server.database else {
            panic!("no PostgreSQL")
        };
        let elsewhere = create_database_on(&cluster.url()).await;
        let mut all = [
            PgConnection::connect(&elsewhere).await.unwrap(),
            PgConnection::connect(&elsewhere).await.unwrap(),
            PgConnection::connect(url.expose_secret()).await.unwrap(),
        ];
        let begun = [
            "create table other (number bigint); begin; insert into other values (1)",
            "create table prepared (number bigint); begin; insert into prepared values (1); prepare transaction 'held'",
            "begin isolation level repeatable read; select count(*) from change",
        ];
        for (connection, begun) in all.iter_mut().zip(begun) {
            connection.execute(begun).await.unwrap();
        }
        Self(all)
    }

    async fn let_go(mut self) {
        let ends = ["commit", "commit prepared 'held'", "commit"];
        for (connection, end) in self.0.iter_mut().zip(ends) {
            connection.execute(end).await.unwrap();
        }
    }
}

/// Transactions held open by others block no reader. One instance at a time numbers a change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_transactions_of_others_block_no_reader() {
    let settings = vec!["max_prepared_transactions=2".to_owned()];
    let cluster = block_in_place(|| Cluster::start_with(|_| Ok(settings))).unwrap();
    let url = create_database_on(&cluster.url()).await;
    let fleet = Fleet::of_two_over(DatabaseTarget::Postgres { url: url.into() }).await;
    let first = fleet.first();
    delay(first).await;
    let held = Held::by_others(&cluster, first).await;
    let (many, single) = (numbering(&[first], 1000), numbering(&[fleet.of(1)], 1));
    let readers = readers(first).await;
    write(&fleet).await;
    many.stop().await;
    single.stop().await;
    first.feed().advance().await.unwrap();
    is_complete(first, readers.stop().await).await;
    held.let_go().await;
}
