//! Values derived from the request log: the health of tenants, counts by hour, failures across tenants.

use crate::harness::{Database, Fleet, GROUP, Options, Server, USER, noon, user};
use reqwest::Method;
use scimd::clock::{Clock, Timestamp};
use scimd::operator::SeriesStep;
use scimd::store::{
    FailureQuery, Health, HourCounts, Status, TenantChange, TenantQuery, TokenScope,
};
use secrecy::ExposeSecret;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const HOUR: i64 = 3600;

mod sqlite {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all() {
        super::on(crate::harness::Database::Sqlite).await;
    }
}

mod postgres {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all() {
        super::on(crate::harness::Database::Postgres).await;
    }
}

async fn on(database: Database) {
    let begun = async || standing(database).await;
    hours_are_those_of_the_log(begun().await).await;
    damaged_figures_are_repaired(begun().await).await;
    health_says_what_is_wrong(begun().await).await;
    a_client_that_stops_asking_is_missed(begun().await).await;
    failures_of_all_tenants_are_paged(begun().await).await;
    old_figures_are_forgotten(begun().await).await;
}

/// A server whose test clock shows noon.
async fn standing(database: Database) -> Server {
    let options = Options {
        clock: Clock::standing(noon()),
        ..Options::default()
    };
    Server::with(database, options).await
}

async fn finished(server: &Server) {
    server.service.recorder().finish().await;
}

async fn counts(server: &Server, tenant: &str) -> Vec<(i64, [i64; 7], i64, Option<i64>)> {
    finished(server).await;
    let now = server.clock.now();
    let begin = now.plus_seconds(-48 * HOUR);
    let series = server
        .operator
        .statistics(tenant, begin, now, SeriesStep::Hour)
        .await
        .unwrap();
    assert_eq!(series.len(), 49);
    let busy = series
        .into_iter()
        .filter(|hour| hour.counts != HourCounts::default());
    busy.map(|hour| {
        let ago = now.seconds_since(hour.at) / HOUR;
        (ago, hour.counts.fields(), hour.seats_used, hour.seats)
    })
    .collect()
}

async fn hours_are_those_of_the_log(server: Server) {
    let seats = TenantChange {
        seats: Some(Some(2)),
        ..TenantChange::default()
    };
    server.change_tenant("default", &seats).await;
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    server.get("/Users").await.expect(200);
    server.get("/Users/nobody").await.expect(404);
    let odd = json!({"schemas": [USER], "userName": "ben", "shoeSize": 1});
    server.post("/Users", odd).await.expect(201);
    server.post("/Users", user("carl")).await.expect(403);
    assert_eq!(
        counts(&server, "default").await,
        [(0, [3, 1, 1, 0, 2, 0, 0], 2, Some(2))]
    );
    server.clock.advance(2 * HOUR);
    let one = format!("/Users/{id}");
    let rename = json!([{"op": "replace", "path": "displayName", "value": "A"}]);
    server.patch(&one, rename.clone()).await.expect(200);
    // This request changes nothing.
    server.patch(&one, rename).await.expect(200);
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    server.patch(&one, off).await.expect(200);
    server.delete(&one).await.expect(204);
    let group = json!({"schemas": [GROUP], "displayName": "g"});
    server.post("/Groups", group).await.expect(201);
    assert_eq!(
        counts(&server, "default").await,
        [
            (2, [3, 1, 1, 0, 2, 0, 0], 2, Some(2)),
            (0, [5, 0, 0, 0, 1, 1, 2], 1, Some(2))
        ]
    );
    let now = server.clock.now();
    let days = server
        .operator
        .statistics(
            "default",
            now.plus_seconds(-24 * HOUR),
            now,
            SeriesStep::Day,
        )
        .await
        .unwrap();
    let answered: Vec<_> = days.iter().map(|day| day.counts.answered).collect();
    assert_eq!(answered, [0, 8]);
}

/// Changes of the tables, and the messages expected for them.
const SPOILT: [(&str, &str); 7] = [
    (
        "update tenant_hour set answered = answered + 2",
        "tenant default, requests of the hour of 2027-01-17T09:00:00.000Z: the log has 1+0+1+0 (1, 0, 0), the figures have 3+0+1+0",
    ),
    ("delete from tenant_hour", "requests of the hour of"),
    (
        "update tenant_failure set requests = requests + 1",
        "failures of user.create with user.exists on the day of 2027-01-17T00:00:00.000Z: the log has 1, the figures have 2",
    ),
    ("delete from tenant_failure", "failures of user.create with"),
    (
        "update tenant_action set succeeded = succeeded + 1",
        "the latest success or failure of user.create differs",
    ),
    (
        "delete from tenant_action",
        "the latest success or failure of access",
    ),
    (
        "update tenant_status set last_request = last_request + 1",
        "the time of the latest request",
    ),
];

async fn damaged_figures_are_repaired(server: Server) {
    server.get("/Users").await.expect(200);
    server.clock.advance(49 * HOUR);
    server.post("/Users", user("ann")).await.expect(201);
    server.clock.advance(1);
    server.post("/Users", user("ann")).await.expect(409);
    finished(&server).await;
    let verified = async |repair| server.operator.verify(repair).await.unwrap();
    assert_eq!(verified(false).await, []);
    for (statement, said) in SPOILT {
        server.run(statement).await;
        let found = verified(false).await;
        assert!(
            found
                .iter()
                .any(|finding| finding.to_string().contains(said)),
            "{statement}: {found:#?}"
        );
        assert!(!verified(true).await.is_empty());
        assert_eq!(verified(false).await, [], "{statement}");
        assert_eq!(health(&server, "default").await, Health::Failing);
    }
}

async fn health(server: &Server, tenant: &str) -> Health {
    finished(server).await;
    let shown = server.operator.tenant(tenant).await.unwrap().health;
    for health in Health::KEYWORDS {
        let query = TenantQuery {
            health: Health::from_keyword(health),
            limit: 10,
            ..TenantQuery::default()
        };
        let listed = server.operator.tenants(&query).await.unwrap().tenants;
        let is_listed = listed.iter().any(|info| info.settings.name == tenant);
        assert_eq!(is_listed, shown.as_str() == *health, "{health}");
    }
    shown
}

async fn health_says_what_is_wrong(server: Server) {
    assert_eq!(health(&server, "default").await, Health::NeverConnected);
    let info = server.operator.tenant("default").await.unwrap();
    assert_eq!((info.last_request, info.last_client), (None, None));
    let okta = [("user-agent", "Okta SCIM Client 1.0.0")];
    server
        .client()
        .send(Method::GET, "/Users", None, &okta)
        .await
        .expect(200);
    assert_eq!(health(&server, "default").await, Health::Receiving);
    let info = server.operator.tenant("default").await.unwrap();
    assert_eq!(info.last_request, Some(server.clock.now()));
    assert_eq!(info.last_client.as_deref(), Some("Okta SCIM Client 1.0.0"));

    // A refused read is not a failure of provisioning.
    server.clock.advance(1);
    server.get("/Users?filter=x").await.expect(400);
    assert_eq!(health(&server, "default").await, Health::Receiving);
    server.post("/Users", user("ann")).await.expect(201);
    server.clock.advance(1);
    server.post("/Users", user("ann")).await.expect(409);
    server.clock.advance(1);
    let sales = json!({"schemas": [GROUP], "displayName": "g"});
    server.post("/Groups", sales).await.expect(201);
    assert_eq!(
        health(&server, "default").await,
        Health::Failing,
        "another action succeeds"
    );
    server.clock.advance(1);
    server.post("/Users", user("ben")).await.expect(201);
    assert_eq!(health(&server, "default").await, Health::Receiving);

    tokens_that_are_wrong(&server).await;
    server.clock.advance(1);
    let odd = TenantChange {
        status: Some(Status::Suspended),
        ..TenantChange::default()
    };
    server.change_tenant("default", &odd).await;
    assert_eq!(health(&server, "default").await, Health::Suspended);
}

/// An expired token, an expiring one, and its successor.
async fn tokens_that_are_wrong(server: &Server) {
    let issue = |seconds| {
        let scope = TokenScope::ReadWrite;
        server
            .operator
            .issue_token("default", "two", scope, seconds)
    };
    let ended = issue(Some(0)).await.unwrap();
    server.clock.advance(1);
    let by_ended = server.by(ended.text.expose_secret());
    by_ended.get("/Users").await.expect(401);
    assert_eq!(health(server, "default").await, Health::Failing);
    server.clock.advance(24 * HOUR);
    assert_eq!(
        health(server, "default").await,
        Health::Receiving,
        "it was a day ago"
    );
    by_ended.get("/Users").await.expect(401);
    server.clock.advance(1);
    server.get("/Users").await.expect(200);
    assert_eq!(
        health(server, "default").await,
        Health::Receiving,
        "a client was let in"
    );

    let ending = issue(Some(29 * 24 * HOUR)).await.unwrap();
    assert_eq!(
        health(server, "default").await,
        Health::Receiving,
        "it is not in use"
    );
    server
        .by(ending.text.expose_secret())
        .get("/Users")
        .await
        .expect(200);
    let mut shown = health(server, "default").await;
    for _ in 0..200 {
        if shown == Health::TokenEnding {
            break;
        }
        // The last use is written in the background.
        tokio::time::sleep(Duration::from_millis(50)).await;
        shown = health(server, "default").await;
    }
    assert_eq!(shown, Health::TokenEnding);
    server
        .operator
        .rotate_token(&ending.id, HOUR)
        .await
        .unwrap();
    assert_eq!(health(server, "default").await, Health::Receiving);
}

async fn a_client_that_stops_asking_is_missed(server: Server) {
    for hour in 0..14 {
        if hour > 0 {
            server.clock.advance(HOUR);
        }
        server.get("/Users").await.expect(200);
        finished(&server).await;
    }
    server.clock.advance(3 * HOUR);
    assert_eq!(health(&server, "default").await, Health::Receiving);
    server.clock.advance(1);
    assert_eq!(health(&server, "default").await, Health::Silent);
    let okta = [("user-agent", "Okta SCIM Client 1.0.0")];
    server
        .client()
        .send(Method::GET, "/Users", None, &okta)
        .await
        .expect(200);
    server.clock.advance(30 * HOUR);
    assert_eq!(health(&server, "default").await, Health::Receiving);
    // A single request does not make a polling client.
    server.get("/Users").await.expect(200);
    server.clock.advance(30 * HOUR);
    assert_eq!(health(&server, "default").await, Health::Receiving);
}

async fn failures_of_all_tenants_are_paged(server: Server) {
    let names = ["one", "two", "three"];
    for name in names {
        let token = server.tenant(name, &TenantChange::default()).await;
        let by = server.by(&token);
        server.clock.advance(1);
        by.post("/Users", user("ann")).await.expect(201);
        for _ in 0..2 {
            server.clock.advance(1);
            by.post("/Users", user("ann")).await.expect(409);
        }
        server.clock.advance(1);
        by.post("/Users", json!({})).await.expect(400);
        by.delete("/Users/x").await.expect(404);
        by.delete("/Groups/x").await.expect(404);
        finished(&server).await;
    }
    let token = server.tenant("one", &TenantChange::default()).await;
    server.clock.advance(1);
    let by = server.by(&token);
    by.post("/Users", user("ben")).await.expect(201);
    finished(&server).await;
    let query = |limit| FailureQuery {
        tenants: None,
        since: None,
        after: None,
        limit,
    };
    let all = server.operator.failures(&query(100)).await.unwrap();
    assert_eq!(all.len(), 9);
    assert!(all.is_sorted_by(|a, b| a.last >= b.last));
    let found = |tenant: &str, reason: &str| {
        let mut same = all
            .iter()
            .filter(|group| group.tenant == tenant && group.reason == reason);
        let group = same.next().unwrap();
        assert!(same.next().is_none());
        (
            group.count,
            group.last.seconds_since(group.first),
            group.ongoing,
        )
    };
    assert_eq!(found("two", "user.exists"), (2, 1, true));
    assert_eq!(found("one", "user.exists"), (2, 1, false));
    assert_eq!(found("one", "required.missing"), (1, 0, false));
    assert_eq!(found("one", "resource.gone"), (2, 0, true));
    let mut paged = Vec::new();
    let mut next = query(2);
    loop {
        let page = server.operator.failures(&next).await.unwrap();
        next.after = page.last().map(|group| group.place().clone());
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let some = FailureQuery {
        tenants: Some(vec!["two".to_owned(), "none".to_owned()]),
        since: Some(noon()),
        ..query(100)
    };
    let of_two = server.operator.failures(&some).await.unwrap();
    let tenants: BTreeSet<_> = of_two.iter().map(|group| &*group.tenant).collect();
    assert_eq!((of_two.len(), tenants), (3, BTreeSet::from(["two"])));
    server.operator.delete_tenant("two").await.unwrap();
    assert_eq!(
        server.operator.failures(&query(100)).await.unwrap().len(),
        6
    );
    for table in [
        "tenant_status",
        "tenant_action",
        "tenant_failure",
        "tenant_hour",
    ] {
        let left = format!("delete from {table} where tenant not in (select tenant from tenant)");
        assert_eq!(server.run(&left).await, 0, "{table}");
    }
}

async fn old_figures_are_forgotten(server: Server) {
    server.post("/Users", json!({})).await.expect(400);
    finished(&server).await;
    server.clock.advance(31 * 24 * HOUR);
    server.get("/Users").await.expect(200);
    finished(&server).await;
    assert_eq!(server.operator.forget_requests(30).await.unwrap(), 1);
    assert_eq!(server.number("select count(*) from tenant_hour").await, 1);
    assert_eq!(
        server.number("select count(*) from tenant_failure").await,
        0
    );
    server.clock.advance(31 * 24 * HOUR);
    server.run("delete from provisioning").await;
    server.operator.forget_requests(30).await.unwrap();
    assert_eq!(server.number("select count(*) from tenant_hour").await, 0);
    let last: Option<Timestamp> = server
        .operator
        .tenant("default")
        .await
        .unwrap()
        .last_request;
    assert!(last.is_some(), "of the tenant itself it is still known");
}

/// Instances that write at the same time lose nothing and do not block each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_add_to_the_same_figures() {
    let fleet = Fleet::of_two(Database::Postgres).await;
    let mut tokens = Vec::new();
    for name in ["one", "two", "three"] {
        tokens.push(fleet.first().tenant(name, &TenantChange::default()).await);
    }
    let outcomes = fleet
        .race(12, |fleet, i| {
            let token = tokens[i % 3].clone();
            async move {
                let server = fleet.of(i / 3);
                for j in 0..10 {
                    let name = format!("user{}-{j}", i / 3);
                    let by = server.by(&token);
                    by.post("/Users", user(&name)).await.expect(201);
                    by.post("/Users", user(&name)).await.expect(409);
                    finished(server).await;
                }
            }
        })
        .await;
    assert_eq!(outcomes.len(), 12);
    let server = fleet.first();
    let logged = server
        .number("select count(*) from provisioning where outcome in ('ok', 'refused')")
        .await;
    assert_eq!(logged, 240);
    let summed = "select cast(sum(answered + refused) as bigint) from tenant_hour";
    assert_eq!(server.number(summed).await, 240);
    let failed = "select cast(sum(requests) as bigint) from tenant_failure";
    assert_eq!(server.number(failed).await, 120);
    assert_eq!(server.number("select count(*) from tenant_status").await, 3);
}
