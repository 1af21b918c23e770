//! The views through which the application reads its users, with its own connections.

use crate::harness::{Database, ENTERPRISE, GROUP, Options, Server, USER, group, user};
use scimd::operator::{DatabaseTarget, DirectoryState};
use scimd::schema::SchemaFile;
use scimd::store::TenantChange;
use serde_json::{Value, json};
use sqlx::postgres::PgValueRef;
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqliteConnection, TypeInfo, ValueRef};
use std::sync::Arc;

crate::on_both!(
    each_column_of_the_default_mapping,
    each_kind_of_path,
    the_preferred_address,
    memberships_are_direct,
    tenants_are_separate,
    rows_are_found_by_their_lookups,
    another_mapping_replaces_the_views,
    instances_start_at_once,
    readers_and_the_server_do_not_meet,
);
crate::on_pooler!(
    each_column_of_the_default_mapping,
    each_kind_of_path,
    the_preferred_address,
    memberships_are_direct,
    tenants_are_separate,
    rows_are_found_by_their_lookups,
    another_mapping_replaces_the_views,
    instances_start_at_once,
    readers_and_the_server_do_not_meet,
);

const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

/// A connection of the application; that to the SQLite file is read-only.
pub(crate) enum Reader {
    Postgres(sqlx::PgConnection),
    Sqlite(SqliteConnection),
}

impl Reader {
    pub(crate) async fn of(server: &Server) -> Self {
        match &server.database {
            DatabaseTarget::Postgres { .. } => Self::Postgres(server.session().await),
            DatabaseTarget::Sqlite { data_dir } => {
                let options =
                    sqlx::sqlite::SqliteConnectOptions::new().filename(data_dir.join("scimd.db"));
                Self::Sqlite(options.read_only(true).connect().await.unwrap())
            }
        }
    }

    /// Rows as text, with `-` for null; `1` and `0` for Booleans.
    async fn try_rows(&mut self, query: &str) -> sqlx::Result<Vec<String>> {
        let query = AssertSqlSafe(query.to_owned());
        Ok(match self {
            Self::Postgres(connection) => {
                let rows = sqlx::raw_sql(query).fetch_all(connection).await?;
                rows.iter()
                    .map(|row| {
                        joined((0..row.len()).map(|i| of_postgres(&row.try_get_raw(i).unwrap())))
                    })
                    .collect()
            }
            Self::Sqlite(connection) => {
                let rows = sqlx::raw_sql(query).fetch_all(connection).await?;
                rows.iter()
                    .map(|row| joined((0..row.len()).map(|i| of_sqlite(row, i))))
                    .collect()
            }
        })
    }

    pub(crate) async fn rows(&mut self, query: &str) -> Vec<String> {
        self.try_rows(query)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }
}

fn joined(cells: impl Iterator<Item = Option<String>>) -> String {
    cells
        .map(|cell| cell.unwrap_or("-".to_owned()))
        .collect::<Vec<_>>()
        .join("|")
}

fn of_postgres(value: &PgValueRef<'_>) -> Option<String> {
    let text = (!value.is_null()).then(|| value.as_str().unwrap().to_owned());
    match value.type_info().name() {
        "BOOL" => text.map(|text| if text == "t" { "1" } else { "0" }.to_owned()),
        _ => text,
    }
}

fn of_sqlite(row: &sqlx::sqlite::SqliteRow, column: usize) -> Option<String> {
    let value = row.try_get_raw(column).unwrap();
    match value.type_info().name() {
        _ if value.is_null() => None,
        "TEXT" => Some(row.get(column)),
        "REAL" => Some(row.get::<f64, _>(column).to_string()),
        _ => Some(row.get::<i64, _>(column).to_string()),
    }
}

async fn rows(server: &Server, query: &str) -> Vec<String> {
    Reader::of(server).await.rows(query).await
}

fn acme() -> Vec<SchemaFile> {
    let text = include_str!("../../config/schemas/acme_user.json").to_owned();
    vec![SchemaFile {
        origin: "acme_user.json".to_owned(),
        text,
    }]
}

fn same_kind(server: &Server) -> Database {
    if server.is_postgres() {
        Database::Postgres
    } else {
        Database::Sqlite
    }
}

const COLUMNS: &str = "tenant, external_id, version, full_name, login, email, trust_id, distinguished_name, active, department";

async fn each_column_of_the_default_mapping(server: Server) {
    let all = json!({"schemas": [USER, ENTERPRISE], "userName": "Ann@Example.com", "externalId": "00u1",
        "displayName": "Ann O'Hara", "name": {"formatted": "not this"}, "active": false,
        "emails": [{"value": "a@example.com", "primary": true}], ENTERPRISE: {"department": "R&D"}});
    let id = server.post("/Users", all).await.expect(201).id();
    server
        .post(
            "/Users",
            json!({"schemas": [USER], "userName": "bob", "name": {"formatted": "Bob"}}),
        )
        .await
        .expect(201);
    let query = format!("select {COLUMNS} from directory_users order by login");
    assert_eq!(
        rows(&server, &query).await,
        [
            "default|00u1|1|Ann O'Hara|Ann@Example.com|a@example.com|Ann@Example.com|-|0|R&D",
            "default|-|1|Bob|bob|-|bob|-|1|-",
        ]
    );
    server
        .patch(
            &format!("/Users/{id}"),
            json!([{"op": "replace", "path": "userName", "value": "ann"}]),
        )
        .await;
    server
        .patch(
            &format!("/Users/{id}"),
            json!([{"op": "remove", "path": "emails"}]),
        )
        .await
        .expect(200);
    let found = rows(
        &server,
        &format!("select {COLUMNS} from directory_users where id = '{id}'"),
    )
    .await;
    assert_eq!(found, ["default|00u1|3|Ann O'Hara|ann|-|ann|-|0|R&D"]);
    let meta = server.get(&format!("/Users/{id}")).await.expect(200).body["meta"].clone();
    let moments = match server.is_postgres() {
        true => {
            "to_char(created at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), \
                 to_char(modified at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
        }
        false => "created, modified",
    };
    let expected = format!(
        "{}|{}",
        meta["created"].as_str().unwrap(),
        meta["lastModified"].as_str().unwrap()
    );
    assert_eq!(
        rows(
            &server,
            &format!("select {moments} from directory_users where id = '{id}'")
        )
        .await,
        [expected]
    );

    let body = json!({"schemas": [GROUP], "displayName": "Sales", "externalId": "g1"});
    let group = server.post("/Groups", body).await.expect(201).id();
    let query =
        "select tenant, id, external_id, version, name, distinguished_name from directory_groups";
    assert_eq!(
        rows(&server, query).await,
        [format!("default|{group}|g1|1|Sales|-")]
    );

    server.delete(&format!("/Users/{id}")).await.expect(204);
    assert_eq!(
        rows(&server, "select login from directory_users").await,
        ["bob"]
    );
}

async fn each_kind_of_path(server: Server) {
    let mapping = format!(
        "[mapping]\nindexed = [\"login\", \"external_id\", \"clearance_text\"]\n[mapping.users]\ndepartment = \"\"\n\
         full_name = \"name.familyName\"\nclearance = \"{ACME}:clearance\"\nany_clearance = \"*:clearance\"\n\
         home = \"emails[type eq \\\"home\\\" and primary eq false].value\"\nphone = \"phoneNumbers.value\"\n\
         boss = \"{ENTERPRISE}:manager.value\"\nunknown = \"urn:x:y:thing\"\nclearance_text = [\"title\", \"*:badge.number\"]\n"
    );
    let options = Options {
        schema_files: Some(acme()),
        mapping,
        ..Options::default()
    };
    let server = Server::with(same_kind(&server), options).await;
    let boss = server.post("/Users", user("boss")).await.expect(201).id();
    let body = json!({"schemas": [USER, ENTERPRISE, ACME], "userName": "a", "externalId": "x1", "name": {"familyName": "A"},
        "emails": [{"value": "1", "type": "HOME", "primary": true}, {"value": "2", "type": "Home", "primary": false}],
        "phoneNumbers": [{"type": "work"}, {"value": "555"}], ACME: {"clearance": 3},
        ENTERPRISE: {"manager": {"value": boss}}, "title": "CEO"});
    server.post("/Users", body).await.expect(201);
    let query = "select full_name, login, clearance, any_clearance, home, phone, boss, unknown, clearance_text \
        from directory_users where external_id = 'x1'";
    assert_eq!(
        rows(&server, query).await,
        [format!("A|a|3|3|2|555|{boss}|-|CEO")]
    );
    assert_eq!(
        rows(
            &server,
            "select login from directory_users where clearance > 2"
        )
        .await,
        ["a"]
    );
    let error = Reader::of(&server)
        .await
        .try_rows("select department from directory_users")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("department"), "{error}");
    assert_eq!(
        server.directory.undeclared.len(),
        2,
        "{:?}",
        server.directory.undeclared
    );
}

async fn the_preferred_address(server: Server) {
    let cases = [
        (
            json!([{"value": "h", "type": "home"}, {"value": "w", "type": "work"}, {"value": "p", "primary": true}]),
            "p",
        ),
        (
            json!([{"value": "h", "type": "home"}, {"value": "w", "type": "Work"}, {"value": "w2", "type": "work"}]),
            "w",
        ),
        (
            json!([{"value": "h", "type": "home"}, {"value": "o", "type": "other"}]),
            "h",
        ),
        (json!([{"type": "home"}, {"value": "o"}]), "o"),
        (json!([{"type": "work", "primary": true}]), "-"),
    ];
    for (emails, expected) in cases {
        let body = json!({"schemas": [USER], "userName": "u", "emails": emails});
        let id = server.post("/Users", body).await.expect(201).id();
        assert_eq!(
            rows(&server, "select email from directory_users").await,
            [expected]
        );
        // Sets the state in which views read documents while rows are being filled.
        server
            .spoil("update shared set value = '' where name = 'lookups_filled'")
            .await;
        assert!(
            !server
                .operator
                .make_directory(&server.directory)
                .await
                .unwrap()
        );
        server
            .spoil("update resource set lookup_2 = 'spoilt'")
            .await;
        assert_eq!(state(&server).await, DirectoryState::Filling);
        assert_eq!(
            rows(&server, "select email from directory_users").await,
            [expected]
        );
        assert_eq!(
            server
                .operator
                .fill_directory(&server.directory)
                .await
                .unwrap(),
            1
        );
        assert_eq!(state(&server).await, DirectoryState::Ready);
        assert_eq!(
            rows(&server, "select email from directory_users").await,
            [expected]
        );
        server.delete(&format!("/Users/{id}")).await.expect(204);
    }
}

async fn state(server: &Server) -> DirectoryState {
    server
        .operator
        .directory_state(&server.directory)
        .await
        .unwrap()
}

async fn memberships_are_direct(server: Server) {
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    let bob = server.post("/Users", user("bob")).await.expect(201).id();
    let inner = server
        .post("/Groups", group("Inner", std::slice::from_ref(&ann)))
        .await
        .expect(201)
        .id();
    let outer = server
        .post("/Groups", group("Outer", &[bob.clone(), inner.clone()]))
        .await
        .expect(201)
        .id();
    let query = "select group_id, group_name, user_id, login, member_group_id, member_group_name \
        from directory_memberships order by group_name, login";
    let mut found = rows(&server, query).await;
    found.sort();
    let mut expected = [
        format!("{inner}|Inner|{ann}|ann|-|-"),
        format!("{outer}|Outer|{bob}|bob|-|-"),
        format!("{outer}|Outer|-|-|{inner}|Inner"),
    ];
    expected.sort();
    assert_eq!(found, expected);
    // The query of docs/directory.md for all groups of a user.
    let text = include_str!("../../docs/directory.md");
    let (_, rest) = text.split_once("with recursive").unwrap();
    let (query, _) = rest.split_once(";\n").unwrap();
    let query = format!("with recursive{query}")
        .replace("'acme'", "'default'")
        .replace("'ann@example.com'", "'ann'");
    assert_eq!(rows(&server, &query).await, ["Inner", "Outer"]);
    server.delete(&format!("/Groups/{inner}")).await.expect(204);
    assert_eq!(
        rows(&server, "select login from directory_memberships").await,
        ["bob"]
    );
}

async fn tenants_are_separate(server: Server) {
    let token = server.tenant("acme", &TenantChange::default()).await;
    let own = server.post("/Users", user("ann")).await.expect(201).id();
    let other = server
        .by(&token)
        .post("/Users", user("ann"))
        .await
        .expect(201)
        .id();
    for (tenant, id) in [("default", own), ("acme", other)] {
        let query =
            format!("select id from directory_users where tenant = '{tenant}' and login = 'ann'");
        assert_eq!(rows(&server, &query).await, [id]);
    }
    assert_eq!(
        rows(
            &server,
            "select id from directory_users where tenant = 'nobody'"
        )
        .await,
        [""; 0]
    );
}

const MANY: u32 = 4000;

/// Inserts thousands of users and memberships without the server, which then fills the lookups.
async fn crowd(server: &Server) -> String {
    let users = json!({"schemas": [USER], "userName": "u0", "displayName": "U",
        "emails": [{"value": "u0@example.com", "type": "work"}]});
    let id = server.post("/Users", users).await.expect(201).id();
    let all = server
        .post("/Groups", group("g0", std::slice::from_ref(&id)))
        .await
        .expect(201)
        .id();
    server
        .post("/Groups", group("Few", std::slice::from_ref(&id)))
        .await
        .expect(201);
    let uuid = match server.is_postgres() {
        true => "gen_random_uuid()",
        false => "printf('%08x-0000-4000-8000-00000000000%d', i, r.seq >> 56)",
    };
    for (of, count, text) in [(&id, MANY, "u"), (&all, MANY / 10, "g")] {
        let copy = format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) \
             insert into resource (tenant, seq, id, document, takes_seat, version, revision, created, modified) \
             select r.tenant, r.seq + i, {uuid}, replace(r.document, '{text}0', '{text}' || i), true, 1, 1, 1, 1 \
             from resource r, n where r.id = '{of}'"
        );
        assert_eq!(server.run(&copy).await, u64::from(count));
    }
    for in_group in [
        "g.seq".to_owned(),
        format!("g.seq + 1 + u.seq % {}", MANY / 10),
    ] {
        let join = format!(
            "insert into member (tenant, group_seq, member_seq) select g.tenant, {in_group}, u.seq \
             from resource g, resource u where g.id = '{all}' and u.created = 1 and u.seq < g.seq"
        );
        assert_eq!(server.run(&join).await, u64::from(MANY));
    }
    assert_eq!(
        server
            .operator
            .fill_directory(&server.directory)
            .await
            .unwrap(),
        u64::from(MANY + MANY / 10)
    );
    id
}

async fn rows_are_found_by_their_lookups(server: Server) {
    let id = crowd(&server).await;
    let few = rows(
        &server,
        "select id from directory_groups where name = 'Few'",
    )
    .await
    .remove(0);
    if server.is_postgres() {
        server.run("analyze").await;
    }
    let mut reader = Reader::of(&server).await;
    for (view, condition, count) in [
        ("users", "login = 'u7'".to_owned(), 1),
        ("users", "trust_id = 'u7'".to_owned(), 1),
        ("users", "email = 'u7@example.com'".to_owned(), 1),
        ("users", format!("id = '{id}'"), 1),
        ("users", "login = 'nobody'".to_owned(), 0),
        ("groups", "name = 'Few'".to_owned(), 1),
        ("groups", format!("id = '{few}'"), 1),
        ("memberships", format!("user_id = '{id}'"), 2),
        ("memberships", format!("group_id = '{few}'"), 1),
        ("memberships", "login = 'u7'".to_owned(), 2),
        ("memberships", "group_name = 'Few'".to_owned(), 1),
        (
            "memberships",
            "group_name = 'Few' and login = 'u7'".to_owned(),
            0,
        ),
    ] {
        let query =
            format!("select * from directory_{view} where tenant = 'default' and {condition}");
        assert_eq!(reader.rows(&query).await.len(), count, "{query}");
        let plan = match server.is_postgres() {
            true => {
                reader
                    .rows(&format!("explain (analyze, costs off, timing off) {query}"))
                    .await
            }
            false => reader.rows(&format!("explain query plan {query}")).await,
        };
        let is_long = |line: &String| match server.is_postgres() {
            true => {
                line.contains("Seq Scan on resource")
                    || line.contains("Seq Scan on member")
                    || visited(line) > 5
            }
            false => {
                line.contains("SCAN")
                    && !line.contains("VIRTUAL TABLE")
                    && !line.contains("CONSTANT ROW")
                    || reads_a_tenant(line)
            }
        };
        assert!(!plan.iter().any(is_long), "{query}\n{}", plan.join("\n"));
    }
}

/// Whether a step of SQLite's plan reads all rows of a tenant, or of a type in it.
fn reads_a_tenant(line: &str) -> bool {
    [
        "(tenant=?)",
        "(tenant=? AND seq>?",
        "(tenant=? AND member_seq>?",
        "(tenant=? AND group_seq>?",
    ]
    .iter()
    .any(|way| line.contains(way))
}

/// Rows of a step of PostgreSQL's plan, including filtered ones.
fn visited(line: &str) -> u64 {
    let after = |mark: &str| {
        line.split_once(mark)
            .and_then(|(_, rest)| rest.split([' ', ')']).find(|w| !w.is_empty()))
    };
    let number = |mark: &str| after(mark).and_then(|text| text.parse().ok()).unwrap_or(0);
    number("actual rows=") + number("Rows Removed by Filter:")
}

/// Grants on views and columns are kept when columns change.
async fn another_mapping_replaces_the_views(server: Server) {
    server
        .post(
            "/Users",
            json!({"schemas": [USER], "userName": "ann", "title": "CEO"}),
        )
        .await
        .expect(201);
    let role = format!("app_{}", std::process::id());
    if server.is_postgres() {
        server.run(&format!("create role {role} login")).await;
        server
            .run(&format!("grant select on directory_users to {role}"))
            .await;
        server
            .run(&format!(
                "grant select (name) on directory_groups to {role} with grant option"
            ))
            .await;
    }
    let mapping = "[mapping]\nindexed = [\"login\"]\n[mapping.users]\nlogin = \"title\"\nfull_name = \"active\"\n\
        [mapping.groups]\ndistinguished_name = \"\"\n";
    let other = server
        .other(Options {
            mapping: mapping.to_owned(),
            ..Options::default()
        })
        .await;
    assert_eq!(state(&other).await, DirectoryState::Ready);
    assert_eq!(state(&server).await, DirectoryState::Different);
    assert_eq!(
        rows(
            &server,
            "select login, full_name, trust_id from directory_users where login = 'CEO'"
        )
        .await,
        ["CEO|1|ann"]
    );
    if server.is_postgres() {
        let mut reader = Reader::of(&server).await;
        reader.rows(&format!("set role {role}")).await;
        assert_eq!(
            reader.rows("select login from directory_users").await,
            ["CEO"]
        );
        assert_eq!(
            reader.rows("select name from directory_groups").await,
            [""; 0]
        );
        assert!(
            reader
                .try_rows("select id from directory_groups")
                .await
                .is_err()
        );
        assert!(
            reader
                .try_rows("select document from resource")
                .await
                .is_err()
        );
        reader.rows("reset role").await;
        reader
            .rows(&format!("drop owned by {role}; drop role {role}"))
            .await;
    }
    server.run("drop view directory_memberships").await;
    assert_eq!(state(&other).await, DirectoryState::Different);
    other
        .operator
        .make_directory(&other.directory)
        .await
        .unwrap();
    assert_eq!(state(&other).await, DirectoryState::Ready);
}

/// Instances with one configuration and with several, on a new database and on one with views.
async fn instances_start_at_once(server: Server) {
    let fresh = Server::with(same_kind(&server), Options::default()).await;
    server.run("drop view directory_users").await;
    for database in [&server.database, &fresh.database] {
        let start = |mapping: &str| {
            let options = Options {
                mapping: mapping.to_owned(),
                ..Options::default()
            };
            Server::over_with(database.clone(), options)
        };
        let other = "[mapping.users]\nlogin = \"title\"\n";
        tokio::join!(start(""), start(other), start(""), start(other), start(""));
    }
    let last = server.second().await;
    assert_eq!(state(&last).await, DirectoryState::Ready);
    last.is_sound().await;
}

async fn readers_and_the_server_do_not_meet(server: Server) {
    let server = Arc::new(server);
    let writer = {
        let server = server.clone();
        tokio::spawn(async move {
            for i in 0..60 {
                let id = server
                    .post("/Users", user(&format!("w{i}")))
                    .await
                    .expect(201)
                    .id();
                let made = server
                    .post(
                        "/Groups",
                        group(&format!("g{i}"), std::slice::from_ref(&id)),
                    )
                    .await
                    .expect(201);
                server
                    .patch(
                        &format!("/Users/{id}"),
                        json!([{"op": "replace", "path": "active", "value": false}]),
                    )
                    .await;
                if i % 2 == 0 {
                    server
                        .delete(&format!("/Groups/{}", made.id()))
                        .await
                        .expect(204);
                }
            }
        })
    };
    let mut reader = Reader::of(&server).await;
    let mut looks = 0;
    while !writer.is_finished() {
        for view in ["users", "groups", "memberships"] {
            let count = reader
                .rows(&format!(
                    "select count(*) from directory_{view} where tenant = 'default'"
                ))
                .await;
            assert_eq!(count.len(), 1);
        }
        looks += 1;
    }
    writer.await.unwrap();
    assert!(looks > 0);
    let left: Vec<Value> = vec![json!("60"), json!("30")];
    let query = "select (select count(*) from directory_users where not active), \
        (select count(*) from directory_memberships where login is not null)";
    assert_eq!(
        reader.rows(query).await,
        [left
            .iter()
            .map(|n| n.as_str().unwrap())
            .collect::<Vec<_>>()
            .join("|")]
    );
}
