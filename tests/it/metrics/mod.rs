//! Metrics: the values are correct, a checker of Prometheus accepts them, and no label is a value of a request.

mod feed;
mod manual;
mod page;
mod scrape;
mod tenants;

use crate::harness::{Answer, Server, group, user};
use scrape::{Scrape, complaints};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// The metrics of a server.
pub(crate) fn scrape(server: &Server) -> Scrape {
    Scrape::of(server.service.metrics().text())
}

/// Gauges that are 0 while the server is idle.
const AT_REST: [&str; 4] = [
    "scimd_pool_connections_in_use",
    "scimd_pool_waiting",
    "scimd_provisioning_log_queued",
    "scimd_sqlite_writer_queued",
];

/// The metrics page after the given number of requests are counted and no work is pending, for example the update of a
/// token's last use.
async fn settled(server: &Server, requests: f64) -> Scrape {
    let settled = async {
        loop {
            let page = scrape(server);
            let is_at_rest = AT_REST.iter().all(|name| page.sum(name, &[]) == 0.0);
            if is_at_rest && page.sum("scimd_http_requests_total", &[]) >= requests {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), settled)
        .await
        .unwrap_or_else(|_| panic!("not at rest: {}", scrape(server).text))
}

async fn requests_are_counted_by_route_method_and_status(server: Server) {
    let id = server.post("/Users", user("ada")).await.expect(201).id();
    server.post("/Users", user("ada")).await.expect(409);
    for _ in 0..3 {
        server.get(&format!("/Users/{id}")).await.expect(200);
    }
    server.get("/Nothing/7").await.expect(404);
    let page = settled(&server, 6.0).await;
    let count = |route, method, status| {
        let labels = [("route", route), ("method", method), ("status", status)];
        page.sum("scimd_http_requests_total", &labels)
    };
    assert_eq!(count("/Users", "POST", "201"), 1.0);
    assert_eq!(count("/Users", "POST", "409"), 1.0);
    assert_eq!(count("/Users/{id}", "GET", "200"), 3.0);
    assert_eq!(count("/{endpoint}/{id}", "GET", "404"), 1.0);
    let route = [("route", "/Users/{id}")];
    let seconds = "scimd_http_request_duration_seconds";
    assert_eq!(page.sum(&format!("{seconds}_count"), &route), 3.0);
    assert!(page.sum(&format!("{seconds}_sum"), &route) > 0.0);
    let all = [("route", "/Users/{id}"), ("le", "+Inf")];
    assert_eq!(page.sum(&format!("{seconds}_bucket"), &all), 3.0);
}

async fn statements_are_counted_by_name(server: Server) {
    let before = scrape(&server);
    for i in 0..4 {
        server
            .post("/Users", user(&format!("user{i}")))
            .await
            .expect(201);
    }
    server.post("/Users", user("user1")).await.expect(409);
    let after = settled(&server, 5.0).await;
    let name = match server.is_postgres() {
        true => "resource.create_many",
        false => "resource.create",
    };
    let labels = [("statement", name)];
    let of = |page: &Scrape, name: &str| page.sum(&format!("scimd_statement{name}"), &labels);
    assert_eq!(of(&before, "s_total"), 0.0);
    assert_eq!(of(&after, "s_total"), 5.0);
    assert_eq!(of(&after, "_rows_total"), 4.0);
    // A conflict is the client's, not a failure of the statement.
    assert_eq!(of(&after, "_failures_total"), 0.0);
    assert!(of(&after, "_seconds_total") > 0.0);
    if !server.is_postgres() {
        let commits = "scimd_sqlite_writer_commit_batches";
        assert!(after.sum(&format!("{commits}_sum"), &[]) >= 5.0);
    }
}

/// A change of a resource without members needs no lock and no transaction of several statements.
async fn a_change_of_a_user_is_one_statement(server: Server) {
    let id = server.post("/Users", user("ada")).await.expect(201).id();
    let path = format!("/Users/{id}");
    let mut body = user("ada");
    body["title"] = "Countess".into();
    server.put(&path, body).await.expect(200);
    let operations = json!([{"op": "replace", "path": "title", "value": "Lady"}]);
    server.patch(&path, operations).await.expect(200);
    server.delete(&path).await.expect(204);
    let page = settled(&server, 4.0).await;
    let count = |statement: &str| page.sum("scimd_statements_total", &[("statement", statement)]);
    let counts = |more: &str| {
        ["create", "replace", "delete"].map(|kind| count(&format!("resource.{kind}{more}")))
    };
    let (own, other) = match server.is_postgres() {
        true => ("_many", ""),
        false => ("", "_many"),
    };
    assert_eq!(counts(own), [1.0, 2.0, 1.0]);
    assert_eq!(counts(other), [0.0; 3]);
}

/// The change of one member finds group and member by their ids, in the statement that changes them.
async fn a_change_of_one_member_is_one_statement(server: Server) {
    let user_id = server.post("/Users", user("ada")).await.expect(201).id();
    let nobody = "01a21ef3-cf07-71fe-8275-7a23a7cc624b";
    let made = server
        .post("/Groups", group("Sales", &[]))
        .await
        .expect(201);
    let path = format!("/Groups/{}", made.id());
    let change =
        |op: &str, id: &str| json!([{"op": op, "path": "members", "value": [{"value": id}]}]);
    let version = |answer: &Answer| answer.header("etag").unwrap().to_owned();
    let mut versions = vec![version(&made)];
    for op in ["add", "add", "remove", "remove"] {
        let answer = server.patch(&path, change(op, &user_id)).await.expect(204);
        assert_eq!(answer.header("location"), made.header("location"));
        versions.push(version(&answer));
    }
    assert_eq!(versions, [1, 2, 2, 3, 3].map(|n| format!("W/\"{n}\"")));
    let page = settled(&server, 6.0).await;
    let count =
        |page: &Scrape, name: &str| page.sum("scimd_statements_total", &[("statement", name)]);
    assert_eq!(count(&page, "member.move_by_id"), 4.0);
    assert_eq!(count(&page, "resource.find_fast"), 0.0);
    // Without the group or the member, a read finds the reason.
    let absent = format!("/Groups/{nobody}");
    server
        .patch(&absent, change("add", &user_id))
        .await
        .expect(404);
    server.patch(&path, change("add", nobody)).await.expect(204);
    // A user has no members.
    let own = format!("/Users/{user_id}");
    server
        .patch(&own, change("add", &user_id))
        .await
        .expect(400);
    let shown = server.get(&path).await.expect(200);
    assert_eq!(version(&shown), "W/\"3\"");
    assert_eq!(shown.body["members"], json!([]));
}

/// A statement for few requests costs almost as much as one for hundreds: those that end while others are written wait.
async fn requests_share_the_statements_of_the_log(server: Server) {
    let id = server.post("/Users", user("ada")).await.expect(201).id();
    let started = Instant::now();
    for _ in 0..600 {
        server.get(&format!("/Users/{id}")).await.expect(200);
    }
    let page = settled(&server, 601.0).await;
    let pauses = started.elapsed().as_secs_f64() / 0.15;
    let labels = [("statement", "request_log.record")];
    let statements = page.sum("scimd_statements_total", &labels);
    // One for each pause, and one for each 500 requests.
    assert!(
        (1.0..=pauses + 2.0).contains(&statements),
        "{statements} in {pauses} pauses"
    );
}

async fn caches_and_the_provisioning_log_are_counted(server: Server) {
    let id = server.post("/Users", user("ada")).await.expect(201).id();
    for _ in 0..5 {
        server.get(&format!("/Users/{id}")).await.expect(200);
    }
    let page = settled(&server, 6.0).await;
    let callers = [("cache", "callers")];
    // An unknown token is looked up again when its request is admitted.
    assert_eq!(page.sum("scimd_cache_misses_total", &callers), 2.0);
    assert_eq!(page.sum("scimd_cache_hits_total", &callers), 5.0);
    assert_eq!(page.sum("scimd_reads_total", &[("path", "fast")]), 5.0);
    assert_eq!(page.sum("scimd_provisioning_log_dropped_total", &[]), 0.0);
    let limit = if server.is_postgres() { 8.0 } else { 4.0 };
    assert_eq!(
        page.sum("scimd_pool_connections", &[("pool", "statements")]),
        limit
    );
}

/// Many concurrent requests, while the page is read repeatedly.
async fn a_scrape_under_load_is_complete(server: Server) {
    const CLIENTS: usize = 8;
    const EACH: usize = 25;
    let id = server.post("/Users", user("ada")).await.expect(201).id();
    let path = format!("/Users/{id}");
    let load = async {
        let client = || async {
            for _ in 0..EACH {
                server.get(&path).await.expect(200);
            }
        };
        let all: [_; CLIENTS] = std::array::from_fn(|_| client());
        let [a, b, c, d, e, f, g, h] = all;
        tokio::join!(a, b, c, d, e, f, g, h);
    };
    let mut load = std::pin::pin!(load);
    let mut pages = Vec::new();
    loop {
        tokio::select! {
            () = &mut load => break,
            () = tokio::task::yield_now() => pages.push(scrape(&server)),
        }
        while pages.len() > 100 {
            pages.remove(pages.len() / 2);
        }
    }
    let requests = CLIENTS * EACH + 1;
    let last = settled(&server, requests as f64).await;
    assert_eq!(
        last.sum("scimd_http_requests_total", &[]),
        requests as f64,
        "each is counted once"
    );
    pages.push(last);
    for pair in pages.windows(2) {
        for name in ["scimd_http_requests_total", "scimd_statements_total"] {
            assert!(pair[0].names().contains(name) <= pair[1].names().contains(name));
            if pair[0].names().contains(name) {
                assert!(pair[0].sum(name, &[]) <= pair[1].sum(name, &[]), "{name}");
            }
        }
    }
    for page in [&pages[0], &pages[pages.len() / 2], &pages[pages.len() - 1]] {
        assert_eq!(complaints(&page.text), "");
    }
    if server.is_postgres() {
        let last = &pages[pages.len() - 1];
        let reads = last.sum("scimd_coalesced_reads_total", &[]);
        let statements = last.sum("scimd_coalesced_reads_statements_total", &[]);
        assert!(
            reads > statements && statements > 0.0,
            "{reads} reads by {statements} statements"
        );
    }
}

async fn no_value_of_a_request_is_a_label(server: Server) {
    let name = "augusta.ada.king@example.com";
    server.post("/Users", user(name)).await.expect(201);
    server
        .get(&format!("/Users?filter=userName%20eq%20%22{name}%22"))
        .await
        .expect(200);
    server
        .get("/Users/augusta.ada.king@example.com")
        .await
        .expect(404);
    server.get("/augusta").await.expect(404);
    let page = settled(&server, 4.0).await;
    assert!(!page.text.contains("augusta"), "{}", page.text);
    let secret = server.token.rsplit('_').next().unwrap();
    assert!(!page.text.contains(secret));
}

crate::on_both!(
    requests_are_counted_by_route_method_and_status,
    statements_are_counted_by_name,
    a_change_of_a_user_is_one_statement,
    a_change_of_one_member_is_one_statement,
    requests_share_the_statements_of_the_log,
    caches_and_the_provisioning_log_are_counted,
    a_scrape_under_load_is_complete,
    no_value_of_a_request_is_a_label,
);
