//! Concurrent reads: each gets the response of a single read.

use super::new_users;
use crate::harness::{Database, Fleet, Server, USER, user};
use crate::metrics::scrape;
use scimd::store::{TenantChange, TokenScope};
use secrecy::ExposeSecret;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

crate::on_fleets!(
    each_gets_its_own_answer,
    a_read_sees_what_was_acknowledged,
    a_revoked_token_reads_nothing
);

const READERS: usize = 48;

/// A request to a tenant, and the response.
type Answers = BTreeMap<(usize, String), (u16, String)>;

async fn ask(server: &Server, token: &str, path: &str) -> (u16, String) {
    let answer = server.by(token).get(path).await;
    // Instances have different addresses.
    (
        answer.status,
        answer.body.to_string().replace(&server.base, ""),
    )
}

async fn each_gets_its_own_answer(fleet: Fleet) {
    let other: Arc<str> = fleet
        .first()
        .tenant("other", &TenantChange::default())
        .await
        .into();
    let tokens: Arc<[Arc<str>]> = [fleet.first().token.as_str().into(), other].into();
    let mut paths = vec![
        "/Users/018f3b8e-0000-7000-8000-000000000000".to_owned(),
        "/Users/x".to_owned(),
    ];
    for (tenant, token) in tokens.iter().enumerate() {
        for i in 0..6 {
            let mail = json!([{"value": format!("u{i}@example.com"), "type": "work"}, {"value": "all@example.com"}]);
            let body = json!({"schemas": [USER], "userName": format!("u{i}"), "title": tenant.to_string(), "emails": mail});
            let id = fleet
                .first()
                .by(token)
                .post("/Users", body)
                .await
                .expect(201)
                .id();
            paths.push(format!("/Users/{id}"));
        }
    }
    for i in 0..7 {
        paths.push(format!("/Users?filter=userName%20eq%20%22U{i}%22"));
        paths.push(format!(
            "/Users?filter=emails%5Btype%20eq%20%22work%22%20and%20value%20eq%20%22u{i}@example.com%22%5D"
        ));
    }
    // Several resources, in order, and more than one page.
    paths.push("/Users?filter=emails.value%20eq%20%22all@example.com%22".to_owned());
    paths.push("/Users?filter=emails.value%20eq%20%22all@example.com%22&count=2".to_owned());
    paths.push("/Users?filter=emails.value%20eq%20%22%22&count=2".to_owned());

    let mut alone = Answers::new();
    for (tenant, token) in tokens.iter().enumerate() {
        for path in &paths {
            alone.insert(
                (tenant, path.clone()),
                ask(fleet.first(), token, path).await,
            );
        }
    }
    let paths: Arc<[String]> = paths.into();
    let together = fleet
        .race(READERS, |fleet, i| {
            let (paths, tokens) = (paths.clone(), tokens.clone());
            async move {
                let mut answers = Answers::new();
                for turn in 0..paths.len() {
                    // Most concurrent requests are of the same kind.
                    let path = &paths[(turn + i % 3) % paths.len()];
                    let tenant = (i + turn / 5) % tokens.len();
                    answers.insert(
                        (tenant, path.clone()),
                        ask(fleet.of(i), &tokens[tenant], path).await,
                    );
                }
                answers
            }
        })
        .await;
    for answer in together.into_iter().flatten() {
        assert_eq!(alone.get(&answer.0), Some(&answer.1), "{:?}", answer.0);
    }
}

/// Checks that reads are coalesced; otherwise the other tests would prove nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_reads_are_coalesced() {
    let fleet = Fleet::of_one(Database::Postgres).await;
    let path: Arc<str> = format!("/Users/{}", new_users(&fleet, "u", 1).await[0]).into();
    let are_coalesced = || {
        let metrics = scrape(fleet.first());
        let reads = metrics.sum("scimd_coalesced_reads_total", &[]);
        reads > metrics.sum("scimd_coalesced_reads_statements_total", &[])
    };
    let mut rounds = 0;
    while !are_coalesced() {
        rounds += 1;
        assert!(rounds < 200, "each read has a statement of its own");
        let path = path.clone();
        fleet
            .race(READERS, move |fleet, _| {
                let path = path.clone();
                async move { fleet.first().get(&path).await.expect(200) }
            })
            .await;
    }
}

/// A reader that waits for a shared read does not get a result older than its own write.
async fn a_read_sees_what_was_acknowledged(fleet: Fleet) {
    let ids: Arc<[String]> = new_users(&fleet, "u", READERS).await.into();
    fleet
        .race(READERS, |fleet, i| {
            let ids = ids.clone();
            async move {
                let path = format!("/Users/{}", ids[i]);
                for turn in 0..8 {
                    let title = format!("{i}-{turn}");
                    let operations = json!([{"op": "replace", "path": "title", "value": title}]);
                    fleet.of(i).patch(&path, operations).await.expect(200);
                    let read = fleet.of(i + turn).get(&path).await.expect(200).body;
                    assert_eq!(read["title"], title);
                    let named = format!("/Users?filter=userName%20eq%20%22u{i}%22");
                    let found = fleet.of(i + turn).get(&named).await.expect(200).body;
                    assert_eq!(found["Resources"][0]["title"], title);
                }
            }
        })
        .await;
}

/// Its requests are coalesced with those of a valid token of the same tenant.
async fn a_revoked_token_reads_nothing(fleet: Fleet) {
    let server = fleet.first();
    let id = server.post("/Users", user("jane")).await.expect(201).id();
    let path: Arc<str> = format!("/Users/{id}").into();
    let fresh = server
        .operator
        .issue_token("default", "second", TokenScope::ReadWrite, None)
        .await
        .unwrap();
    let second: Arc<str> = fresh.text.expose_secret().into();
    for i in 0..2 {
        fleet.of(i).by(&second).get(&path).await.expect(200);
    }
    server.operator.revoke_token(&fresh.id).await.unwrap();
    fleet
        .race(READERS, |fleet, i| {
            let (path, second) = (path.clone(), second.clone());
            async move {
                for _ in 0..6 {
                    if i % 2 == 0 {
                        fleet.of(i / 2).by(&second).get(&path).await.expect(401);
                    } else {
                        fleet.of(i / 2).get(&path).await.expect(200);
                    }
                }
            }
        })
        .await;
}
