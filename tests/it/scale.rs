//! Statements that must not read more rows than they need, with or without statistics of the database.

use crate::harness::{Database, Server, USER, group, race, user};
use crate::metrics::scrape;
use crate::views::Reader;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

crate::on_both!(
    sorting_is_not_quadratic,
    a_large_group_is_read_completely,
    a_page_with_many_members_is_read_completely,
    a_page_with_many_groups_is_read_completely,
    nested_groups_are_read_once,
);
crate::on_pooler!(a_large_group_is_read_completely);

pub(crate) async fn fill(server: &Server, batches: usize) {
    for batch in 0..batches {
        let create = |i: usize| {
            let data = json!({"schemas": [USER], "userName": format!("u{batch}.{i}"), "title": format!("t{i}")});
            json!({"method": "POST", "path": "/Users", "bulkId": format!("{i}"), "data": data})
        };
        let operations: Value = (0..1000).map(create).collect();
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
        server.post("/Bulk", body).await.expect(200);
    }
}

/// Comparing all pairs exceeds the time limit of a statement and results in 503. The tables are new, so PostgreSQL
/// expects few rows.
async fn sorting_is_not_quadratic(server: Server) {
    fill(&server, 8).await;
    for query in [
        "sortBy=title",
        "sortBy=userName&sortOrder=descending",
        "sortBy=active",
        "sortBy=title&cursor",
    ] {
        let listed = server
            .get(&format!("/Users?count=10&{query}"))
            .await
            .expect(200)
            .body;
        assert_eq!(listed["totalResults"], 8000);
    }
}

/// SQLite does not gather statistics by itself. Without those of a migration it reads all changes of a tenant to find
/// those of one resource.
#[tokio::test]
async fn changes_of_a_resource_are_found_by_index() {
    let server = Server::on(Database::Sqlite).await;
    let mut reader = Reader::of(&server).await;
    for (query, index) in [
        (
            "select max(version) from change where tenant = 1 and id = 'x' and action = 'delete'",
            "change_deletion (tenant=? AND id=?)",
        ),
        (
            "select change from change where tenant = 1 and seq = 1 and version = 2",
            "change_of_resource (tenant=? AND seq=? AND version=?)",
        ),
        (
            "select position from feed where change = 1 and tenant = 1",
            "feed_of_change (change=? AND tenant=?)",
        ),
        (
            "select c.change from feed f join change c on c.tenant = f.tenant and c.change = f.change \
             where f.tenant = 1 and f.position > 10 order by f.position",
            "feed_of_tenant (tenant=? AND position>?)",
        ),
    ] {
        let plan = reader.rows(&format!("explain query plan {query}")).await;
        assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
    }
}

/// Each request compares the scope of its token with a parameter. If an index has a condition on the scope, SQLite
/// prepares the statement again for each value, which costs more than the lookup.
#[tokio::test]
async fn no_index_of_tokens_has_a_condition_on_the_scope() {
    let server = Server::on(Database::Sqlite).await;
    let indexes = "select name from sqlite_schema where type = 'index' and tbl_name = 'token' and sql is not null";
    let mut reader = Reader::of(&server).await;
    let all = reader.rows(indexes).await;
    assert!(all.iter().any(|name| name == "token_of_scope"), "{all:?}");
    let partial = format!("{indexes} and sql like '% where %scope%'");
    assert_eq!(reader.rows(&partial).await, Vec::<String>::new());
}

/// Ids of the given number of thousands of users.
pub(crate) async fn ids(server: &Server, thousands: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for page in 0..thousands {
        let start = page * 1000 + 1;
        let path = format!("/Users?attributes=id&count=1000&startIndex={start}");
        let page = server.get(&path).await.expect(200).body;
        let users = page["Resources"].as_array().unwrap();
        ids.extend(
            users
                .iter()
                .map(|user| user["id"].as_str().unwrap().to_owned()),
        );
    }
    ids
}

/// Users on a page whose groups are read user by user equal those that are read by id, and are found in time in tables
/// without statistics of PostgreSQL.
async fn a_page_with_many_groups_is_read_completely(server: Server) {
    const GROUPS: usize = 21;
    fill(&server, 1).await;
    let ids = ids(&server, 1).await;
    for number in 0..GROUPS {
        let group = group(&format!("group {number}"), &ids);
        server
            .post("/Groups?attributes=id", group)
            .await
            .expect(201);
    }
    for query in ["", "&cursor", "&filter=userName%20pr"] {
        let page = server
            .get(&format!("/Users?count=1000{query}"))
            .await
            .expect(200)
            .body;
        let users = page["Resources"].as_array().unwrap();
        assert_eq!(users.len(), 1000, "{query}");
        for (user, id) in users.iter().zip(&ids) {
            assert_eq!(user["id"], id.as_str(), "{query}");
            assert_eq!(user["groups"].as_array().unwrap().len(), GROUPS, "{query}");
        }
        for at in [0, 999] {
            let path = format!("/Users/{}", ids[at]);
            assert_eq!(users[at], server.get(&path).await.expect(200).body);
        }
    }
}

/// A user in all groups of a chain, each of which is in the next: each membership is read once, not once for each group
/// below it. The last group is also in the first.
async fn nested_groups_are_read_once(server: Server) {
    const GROUPS: usize = 60;
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let mut chain: Vec<String> = Vec::new();
    for number in 0..GROUPS {
        let members: Vec<_> = chain
            .last()
            .cloned()
            .into_iter()
            .chain([id.clone()])
            .collect();
        let group = group(&format!("group {number}"), &members);
        chain.push(server.post("/Groups", group).await.expect(201).id());
    }
    let last = json!([{"op": "add", "path": "members", "value": [{"value": chain[GROUPS - 1]}]}]);
    server
        .patch(&format!("/Groups/{}", chain[0]), last)
        .await
        .expect(204);
    let lone = server.post("/Users", user("bob")).await.expect(201).id();
    let join = json!([{"op": "add", "path": "members", "value": [{"value": lone}]}]);
    server
        .patch(&format!("/Groups/{}", chain[7]), join)
        .await
        .expect(204);
    let rows = || {
        let labels = [("statement", "resource.find")];
        scrape(&server).sum("scimd_statement_rows_total", &labels)
    };
    for (user, direct) in [(&id, GROUPS), (&lone, 1)] {
        let before = rows();
        let found = server.get(&format!("/Users/{user}")).await.expect(200).body;
        let groups = found["groups"].as_array().unwrap();
        let kinds = groups.iter().filter(|group| group["type"] == "direct");
        assert_eq!((groups.len(), kinds.count()), (GROUPS, direct));
        // The user, the keys of its groups, the proof; a group or less for each of both kinds.
        let read = rows() - before;
        assert!(read <= 2.0 * GROUPS as f64 + 3.0, "{read}");
    }
}

/// Groups on a page whose members are read group by group equal those that are read by id.
async fn a_page_with_many_members_is_read_completely(server: Server) {
    fill(&server, 3).await;
    let ids = ids(&server, 3).await;
    let mut groups = Vec::new();
    for count in [2, 900, 2000, 2100, 0] {
        let made = server
            .post("/Groups", group(&format!("of {count}"), &ids[..count]))
            .await
            .expect(201);
        groups.push(made.body);
    }
    for query in ["", "&cursor", "&filter=displayName%20pr"] {
        let page = server
            .get(&format!("/Groups?count=100{query}"))
            .await
            .expect(200)
            .body;
        assert_eq!(page["Resources"].as_array().unwrap(), &groups, "{query}");
        assert_eq!(page["itemsPerPage"], 5, "{query}");
    }
    let page = server.get("/Groups?excludedAttributes=meta").await;
    for (shown, group) in page.body["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .zip(&groups)
    {
        assert_eq!(shown["members"], group["members"]);
    }
    let page = server.get("/Groups?attributes=displayName").await.body;
    assert_eq!(page["Resources"][2].as_object().unwrap().len(), 3, "{page}");
}

/// A streamed group equals one that is read at once.
async fn a_large_group_is_read_completely(server: Server) {
    fill(&server, 3).await;
    let ids = ids(&server, 3).await;
    for count in [999, 1000, 1001, 3000] {
        let made = server
            .post("/Groups", group(&format!("of {count}"), &ids[..count]))
            .await
            .expect(201);
        let path = format!("/Groups/{}", made.id());
        let read = server.get(&path).await.expect(200);
        assert_eq!(made.body, read.body, "{count}");
        assert_eq!(read.header("etag"), read.body["meta"]["version"].as_str());
        let shown = server
            .get(&format!(
                "{path}?attributes=members.value,members.$ref,members.type"
            ))
            .await
            .expect(200);
        assert_eq!(read.body["members"], shown.body["members"], "{count}");
        let members = read.body["members"].as_array().unwrap();
        let read: Vec<_> = members
            .iter()
            .map(|member| member["value"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(read, ids[..count], "{count}");
        let replaced = server
            .put(&path, group(&format!("of {count}"), &ids[1..count]))
            .await
            .expect(200);
        assert_eq!(
            replaced.body["members"].as_array().unwrap().len(),
            count - 1
        );
    }
}

/// A plan that was made for an empty table still uses the index when the table is large.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_does_not_read_a_table() {
    let server = Server::on(Database::Postgres).await;
    change_and_delete(&server, "first").await;
    fill(&server, 3).await;
    let tables = "relname in ('resource', 'attribute_value', 'member')";
    for i in 0..30 {
        change_and_delete(&server, &format!("later{i}")).await;
    }
    let changed = "select 1 from pg_stat_user_tables where relname = 'resource' and n_tup_del = 31 and n_tup_ins = 3031";
    counted(&server, changed).await;
    let scanned =
        format!("select 1 from pg_stat_user_tables where {tables} and seq_tup_read > 3000");
    assert_eq!(server.run(&scanned).await, 0, "a table was read");
    let walked =
        format!("select 1 from pg_stat_user_indexes where {tables} and idx_tup_read > 30000");
    assert_eq!(server.run(&walked).await, 0, "an index was read");
}

async fn change_and_delete(server: &Server, name: &str) {
    let user = |title: &str| json!({"schemas": [USER], "userName": name, "title": title, "displayName": title});
    let path = format!(
        "/Users/{}",
        server.post("/Users", user("a")).await.expect(201).id()
    );
    server.put(&path, user("b")).await.expect(200);
    server.delete(&path).await.expect(204);
}

/// A change of members does not read all members of a large group, even if most groups are small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_members_does_not_read_a_group() {
    const CHANGES: usize = 20;
    let server = Server::on(Database::Postgres).await;
    let everybody = fill_with_ids(&server).await;
    for (i, id) in everybody.iter().take(20).enumerate() {
        server
            .post(
                "/Groups",
                group(&format!("small{i}"), std::slice::from_ref(id)),
            )
            .await
            .expect(201);
    }
    server.run("analyze").await;
    let (members, others) = everybody.split_at(800);
    let path = format!(
        "/Groups/{}",
        server
            .post("/Groups", group("large", members))
            .await
            .expect(201)
            .id()
    );
    for i in 0..CHANGES {
        let listed = |ids: &[String]| ids.iter().map(|id| json!({"value": id})).collect::<Value>();
        for operations in [
            json!([{"op": "remove", "path": "members", "value": listed(&members[i..=i])}]),
            json!([{"op": "add", "path": "members", "value": listed(&members[i..=i])}]),
            json!([{"op": "remove", "path": "members", "value": listed(&members[i..i + 3])}]),
            json!([{"op": "add", "path": "members", "value": listed(&others[i..i + 3])}]),
        ] {
            server.patch(&path, operations).await.expect(204);
        }
    }
    let changed = format!(
        "select 1 from pg_stat_user_tables where relname = 'member' and n_tup_del = {}",
        2 * CHANGES + 2
    );
    counted(&server, &changed).await;
    let read = server.number(READ).await;
    assert!(
        read < 2_000,
        "{read} memberships were read for {CHANGES} rounds"
    );
}

const READ: &str =
    "select cast(sum(idx_tup_read) as bigint) from pg_stat_user_indexes where relname = 'member'";

/// Waits until PostgreSQL reports these counts; connections report their counts with a later statement.
async fn counted(server: &Server, query: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    while server.run(query).await == 0 {
        assert!(Instant::now() < end, "PostgreSQL does not count: {query}");
        server.get("/Users?count=1").await.expect(200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn fill_with_ids(server: &Server) -> Vec<String> {
    fill(server, 1).await;
    let listed = server
        .get("/Users?count=1000&attributes=id")
        .await
        .expect(200)
        .body;
    let users = listed["Resources"].as_array().unwrap().iter();
    users
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Reads of large groups use connections of the pool, and return them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_groups_are_read_within_the_pool() {
    let server = Arc::new(Server::on(Database::Postgres).await);
    fill(&server, 2).await;
    let ids = ids(&server, 2).await;
    let made = server.post("/Groups", group("large", &ids[..1500])).await;
    let path = format!("/Groups/{}", made.expect(201).id());
    let read = async || {
        let read = race(24, |_| {
            let (server, path) = (server.clone(), path.clone());
            async move { server.get(&path).await.expect(200).body["members"].clone() }
        });
        for members in read.await {
            assert_eq!(members.as_array().unwrap().len(), 1500);
        }
    };
    read().await;
    let newest = server
        .number(&format!("select max({OPENED}) {CONNECTIONS}"))
        .await;
    let there = format!("select count(*) {CONNECTIONS} and {OPENED} <= {newest}");
    let before = server.number(&there).await;
    for _ in 0..3 {
        read().await;
    }
    assert_eq!(
        server.number(&there).await,
        before,
        "a connection was closed"
    );
    let all = server
        .number(&format!("select count(*) {CONNECTIONS}"))
        .await;
    assert!(all <= 8, "{all} connections");
}

pub(crate) const CONNECTIONS: &str =
    "from pg_stat_activity where datname = current_database() and application_name like 'scimd%'";
const OPENED: &str = "cast(extract(epoch from backend_start) * 1000000 as bigint)";
