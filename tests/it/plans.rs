//! Plans of PostgreSQL. A connection makes the plan of a statement once, perhaps while tables are small and have no
//! statistics, and keeps it until they are analyzed. It must not read large tables.

use crate::feed::client::FeedClient;
use crate::harness::{Database, Server, USER, group, race, user};
use crate::scale::{CONNECTIONS, fill, ids};
use scimd::store::{LogFilter, LogQuery, LogSearch};
use serde_json::{Value, json};
use std::sync::Arc;

/// Rounds of requests after the tables have become large.
const ROUNDS: usize = 15;
/// Maximum number of index entries that are read when the tables become large, and then in a round. A statement that
/// reads the tenant, or all memberships, reads 3,000.
const FILLED: i64 = 35_000;
const ENTRIES: i64 = 3_000;
/// Requests that share a statement.
const CONCURRENT: usize = 4;

/// Requests for single resources, whatever number of users there were when their plans were made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_for_a_small_tenant_serves_a_large_one() {
    for users in [0, 100, 200, 500] {
        let server = Arc::new(Server::on(Database::Postgres).await);
        for i in 0..users {
            let person = user(&format!("early{i}"));
            server.post("/Users", person).await.expect(201);
        }
        let few = Few::created(&server).await;
        few.use_in_all_ways(&server, 0).await;
        fill(&server, 3).await;
        let others = &ids(&server, 3).await[users + 2..];
        server
            .post("/Groups", group("others", others))
            .await
            .expect(201);
        for round in 1..=ROUNDS {
            few.use_in_all_ways(&server, round).await;
        }
        let read = entries_read(&server, READ).await;
        let most = FILLED + ENTRIES * i64::try_from(ROUNDS).unwrap();
        assert!(
            read < most,
            "{read} entries were read; {users} users at first"
        );
    }
}

/// Searches of a log for a few of its requests, whatever number of requests there were when their plans were made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_for_a_short_log_serves_a_long_one() {
    for requests in [0, 40, 300] {
        let server = Arc::new(Server::on(Database::Postgres).await);
        let few = Few::created(&server).await;
        server.post("/Users", user("ann")).await.expect(409);
        for _ in 0..requests {
            let path = format!("/Users/{}", few.other);
            server.get(&path).await.expect(200);
        }
        server.service.recorder().finish().await;
        few.search_in_all_ways(&server).await;
        server.run(LONG).await;
        for _ in 0..ROUNDS {
            few.search_in_all_ways(&server).await;
        }
        let read = entries_read(&server, READ_OF_LOG).await;
        assert!(
            read < LOGGED,
            "{read} entries were read; {requests} requests at first"
        );
    }
}

/// Adds requests that no search finds.
const LONG: &str = "insert into provisioning (tenant, entry, at, token, token_name, method, route, status, \
     micros, request, outcome) select tenant, entry + number, at, token, token_name, method, route, 200, micros, request, 'ok' \
     from (select * from provisioning order by entry desc limit 1) as one, generate_series(1, 5000) as number";
/// Maximum number of index entries that the searches read. A statement that reads the log reads 5,000 in each round.
const LOGGED: i64 = 20_000;
const READ_OF_LOG: &str = "select cast(sum(idx_tup_read) as bigint) from pg_stat_user_indexes \
     where relname like 'provisioning%'";
const READ: &str = "select cast(sum(idx_tup_read) as bigint) from pg_stat_user_indexes \
     where relname in ('resource', 'attribute_value', 'member', 'change', 'change_member', 'feed')";

/// The number that a query of statistics returns. Connections report the rest of what they read when they end.
async fn entries_read(server: &Server, query: &str) -> i64 {
    let ended = format!("select pg_terminate_backend(pid, 10000) {CONNECTIONS}");
    server.run(&ended).await;
    server.number(query).await
}

/// Two users, a group of one of them, and a group of that group.
struct Few {
    member: String,
    other: String,
    group: String,
    above: String,
    feed: FeedClient,
}

impl Few {
    async fn created(server: &Server) -> Self {
        let create = async |path: &str, body| server.post(path, body).await.expect(201).id();
        let member = create("/Users", user("ann")).await;
        let other = create("/Users", user("bob")).await;
        let of_member = create("/Groups", group("few", std::slice::from_ref(&member))).await;
        let above = create("/Groups", group("above", std::slice::from_ref(&of_member))).await;
        Self {
            member,
            other,
            group: of_member,
            above,
            feed: FeedClient::of_all(server).await,
        }
    }

    async fn use_in_all_ways(&self, server: &Arc<Server>, round: usize) {
        server.feed().advance().await.unwrap();
        let now = self.feed.read("/events?after=now").await;
        for path in self.reads() {
            server.get(&path).await.expect(200);
            let path = Arc::new(path);
            let read = |_| {
                let (server, path) = (server.clone(), path.clone());
                async move { server.get(&path).await.expect(200) }
            };
            race(CONCURRENT, read).await;
        }
        let name = format!("new{round}");
        let lone = write_user(server, &name).await;
        self.write_memberships(server, &lone, &name).await;
        server.delete(&lone).await.expect(204);
        let write = |i| {
            let (server, name) = (server.clone(), format!("{name}.{i}"));
            async move {
                let path = write_user(&server, &name).await;
                server.delete(&path).await.expect(204);
            }
        };
        race(CONCURRENT, write).await;
        let since = now["cursor"].as_str().expect("a cursor");
        server.feed().advance().await.unwrap();
        let read = self.feed.read(&format!("/events?after={since}")).await;
        assert!(!read["events"].as_array().unwrap().is_empty());
    }

    async fn search_in_all_ways(&self, server: &Server) {
        let operator = &server.operator;
        let user = operator.logged_user("default", "ann").await.unwrap();
        let by_user = || Some(user.clone());
        let resource = self.member.parse().ok();
        let filters = [
            LogFilter {
                user: by_user(),
                ..LogFilter::default()
            },
            LogFilter {
                user: by_user(),
                failed: true,
                ..LogFilter::default()
            },
            LogFilter {
                resource,
                ..LogFilter::default()
            },
            LogFilter {
                failed: true,
                ..LogFilter::default()
            },
        ];
        for filter in filters {
            let search = LogSearch {
                filter,
                limit: 10,
                ..LogSearch::default()
            };
            let page = operator.search_requests("default", &search).await.unwrap();
            assert!(!page.requests.is_empty(), "{search:?}");
        }
        for (user, failed) in [(by_user(), false), (by_user(), true), (None, true)] {
            let query = LogQuery {
                user,
                failed,
                limit: 10,
                ..LogQuery::default()
            };
            let found = operator.requests("default", &query).await.unwrap();
            assert!(!found.is_empty(), "{query:?}");
        }
        let query = LogQuery {
            limit: 10,
            ..LogQuery::default()
        };
        assert!(!operator.failed_requests(&query).await.unwrap().is_empty());
    }

    /// Paths of lookups.
    fn reads(&self) -> Vec<String> {
        let Self {
            member,
            other,
            group,
            above,
            ..
        } = self;
        let lone = [
            format!("/Users/{member}"),
            format!("/Users/{other}?attributes=userName"),
            format!("/Groups/{group}"),
            format!("/Groups/{above}?excludedAttributes=members"),
        ];
        let filters = [
            ("Users", "userName eq \"ann\"".to_owned()),
            ("Users", "externalId eq \"none\"".into()),
            ("Users", "emails.value eq \"none\"".into()),
            (
                "Users",
                "emails[type eq \"work\" and value eq \"none\"]".into(),
            ),
            ("Users", format!("id eq \"{member}\"")),
            ("Users", format!("id eq \"{member}\" and active eq true")),
            (
                "Users",
                "userName eq \"ann\" or externalId eq \"none\"".into(),
            ),
            ("Users", "userName eq \"ann\" and active eq true".into()),
            ("Users", format!("groups.value eq \"{group}\"")),
            (
                "Users",
                format!("groups[value eq \"{above}\" and type eq \"indirect\"]"),
            ),
            ("Groups", "displayName eq \"few\"".into()),
            ("Groups", format!("members.value eq \"{member}\"")),
            (
                "Groups",
                format!("members[value eq \"{member}\" and type eq \"User\"]"),
            ),
            (
                "Groups",
                format!("id eq \"{group}\" and members eq \"{member}\""),
            ),
            (
                "Groups",
                format!("displayName eq \"few\" and members.value eq \"{member}\""),
            ),
        ];
        let found = filters.iter().flat_map(|(path, filter)| {
            let filter = filter.replace(' ', "%20").replace('"', "%22");
            ["", "&sortBy=id&startIndex=2", "&count=1&cursor"]
                .map(|page| format!("/{path}?filter={filter}{page}"))
        });
        lone.into_iter().chain(found).collect()
    }

    /// Writes memberships of a user, and a group with the user, of which it remains a member.
    async fn write_memberships(&self, server: &Server, path: &str, name: &str) {
        let id = path.trim_start_matches("/Users/").to_owned();
        let ids = [id.clone(), self.other.clone()];
        let few = format!("/Groups/{}", self.group);
        for members in [&ids[..1], &ids] {
            let listed: Value = members.iter().map(|id| json!({"value": id})).collect();
            for op in ["add", "remove"] {
                let change = json!([{"op": op, "path": "members", "value": listed}]);
                server.patch(&few, change).await.expect(204);
            }
        }
        let join = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
        server.patch(&few, join).await.expect(204);
        let created = server.post("/Groups", group(name, &ids)).await;
        let created = format!("/Groups/{}", created.expect(201).id());
        let replaced = group(name, &ids[..1]);
        server.put(&created, replaced).await.expect(200);
        let rename = json!([{"op": "replace", "path": "displayName", "value": id}]);
        server.patch(&created, rename).await.expect(204);
        server.delete(&created).await.expect(204);
    }
}

/// Creates and changes a user; returns the path.
async fn write_user(server: &Server, name: &str) -> String {
    let person = |title: &str| {
        let email = format!("{title}.{name}@example.com");
        json!({"schemas": [USER], "userName": name, "title": title, "externalId": email, "emails": [{"value": email}]})
    };
    let id = server.post("/Users", person("a")).await.expect(201).id();
    let path = format!("/Users/{id}");
    server.put(&path, person("b")).await.expect(200);
    for active in [false, true] {
        let change = json!([{"op": "replace", "path": "active", "value": active}]);
        server.patch(&path, change).await.expect(200);
    }
    path
}
