//! A group changed by many clients at the same time, while other clients send other requests.

use super::{new_group, new_users};
use crate::harness::{Database, Fleet};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// More than the number of connections to the database.
const PUSHES: usize = 24;

const WAITING: &str = "select count(*) from pg_stat_activity \
     where datname = current_database() and wait_event_type = 'Lock'";

/// Requests that wait for each other hold no connection; otherwise a few of them would block all others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_group_does_not_block_others() {
    let fleet = Fleet::of_one(Database::Postgres).await;
    let users = new_users(&fleet, "u", 2).await;
    let path: Arc<str> = new_group(fleet.first(), "Sales", &[]).await.into();
    let mut holder = fleet.first().session().await;
    sqlx::raw_sql("begin; select 1 from resource where display = 'Sales' for update")
        .execute(&mut holder)
        .await
        .unwrap();
    let members = json!([{"value": users[0]}, {"value": users[1]}]);
    let pushes: Vec<_> = (0..PUSHES)
        .map(|_| {
            let (fleet, path, members) = (fleet.clone(), path.clone(), members.clone());
            let operations = json!([{"op": "add", "path": "members", "value": members}]);
            tokio::spawn(async move { fleet.first().patch(&path, operations).await.expect(204) })
        })
        .collect();
    let begun = Instant::now();
    while fleet.first().number(WAITING).await == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody waits");
    }
    for _ in 0..30 {
        let asked = Instant::now();
        fleet
            .first()
            .get(&format!("/Users/{}", users[0]))
            .await
            .expect(200);
        assert!(
            asked.elapsed() < Duration::from_secs(1),
            "waited {:?}",
            asked.elapsed()
        );
    }
    sqlx::raw_sql("rollback")
        .execute(&mut holder)
        .await
        .unwrap();
    for push in pushes {
        push.await.unwrap();
    }
    assert_eq!(
        super::members(fleet.first(), &path).await,
        super::set(&users)
    );
    fleet.first().is_sound().await;
}

/// A removal that waited for another instance to add the member does not see it, and must not answer with the version of
/// the group that has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_sees_a_member_for_which_it_waited() {
    let fleet = Fleet::of_one(Database::Postgres).await;
    let server = fleet.first();
    let users = new_users(&fleet, "u", 1).await;
    let path = new_group(server, "Sales", &[]).await;
    let mut other = server.session().await;
    let add = format!(
        "begin; update resource set version = version + 1 where display = 'Sales'; \
         insert into member (tenant, group_seq, member_seq) select g.tenant, g.seq, u.seq \
         from resource g, resource u where g.display = 'Sales' and u.id = '{}'",
        users[0]
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(add))
        .execute(&mut other)
        .await
        .unwrap();
    let operations = json!([{"op": "remove", "path": "members", "value": [{"value": users[0]}]}]);
    let commit = async {
        let begun = Instant::now();
        while server.number(WAITING).await == 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "nobody waits");
        }
        sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    };
    let (removed, ()) = tokio::join!(server.patch(&path, operations), commit);
    assert_eq!(removed.expect(204).header("etag"), Some("W/\"3\""));
    assert!(super::members(server, &path).await.is_empty());
}
