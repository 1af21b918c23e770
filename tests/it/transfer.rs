//! Export, import and backup, also between the two databases.

use crate::harness::{Database, ENTERPRISE, GROUP, Options, Server, USER, group, user};
use scimd::operator::{
    ExportRequest, ImportRequest, ImportStep, Imported, OnError, Operator, ServiceSettings,
};
use scimd::protocol::ServiceLimits;
use scimd::schema::SchemaFile;
use scimd::store::{PasswordPolicy, PoolSettings, TenantChange};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

const BADGE: &str = "urn:example:badge:2.0:User";

/// An extension with an unreadable attribute.
fn schemas() -> Vec<SchemaFile> {
    let text = json!({"id": BADGE, "name": "Badge", "x-scimd": {"extends": ["User"]}, "attributes": [
        {"name": "number", "type": "string"},
        {"name": "pin", "type": "string", "mutability": "writeOnly", "returned": "never"}]});
    vec![SchemaFile {
        origin: "badge.json".into(),
        text: text.to_string(),
    }]
}

async fn server(database: Database) -> Server {
    let server = Server::with(
        database,
        Options {
            schema_files: Some(schemas()),
            ..Options::default()
        },
    )
    .await;
    let change = TenantChange {
        password_policy: Some(PasswordPolicy::Argon2id),
        ..TenantChange::default()
    };
    server.change_tenant("default", &change).await;
    server
}

async fn exported(server: &Server, with_secrets: bool) -> String {
    let mut text = String::new();
    let mut sink = |line: &str| -> Result<(), scimd::operator::OperatorError> {
        text.push_str(line);
        text.push('\n');
        Ok(())
    };
    server
        .operator
        .export(
            &ExportRequest {
                tenant: "default",
                with_secrets,
            },
            &mut sink,
        )
        .await
        .unwrap();
    text
}

struct Run {
    dry_run: bool,
    on_error: OnError,
    drop_unknown: bool,
}

const REAL: Run = Run {
    dry_run: false,
    on_error: OnError::Stop,
    drop_unknown: false,
};
const SKIPPING: Run = Run {
    on_error: OnError::Skip,
    ..REAL
};
const DRY: Run = Run {
    dry_run: true,
    ..REAL
};
const DROPPING: Run = Run {
    drop_unknown: true,
    ..REAL
};

/// The result of an import, and the problems with their lines.
async fn imported(server: &Server, text: &str, run: &Run) -> (Imported, Vec<(u64, String)>) {
    let mut problems = Vec::new();
    let mut on_step = |step: ImportStep<'_>| {
        if let ImportStep::Problem { line, detail } = step {
            problems.push((line, detail.to_owned()));
        }
    };
    let Run {
        dry_run,
        on_error,
        drop_unknown,
    } = *run;
    let import = ImportRequest {
        tenant: "default",
        dry_run,
        side_by_side: 8,
        on_error,
        drop_unknown,
    };
    let done = server
        .operator
        .import(&import, &mut text.as_bytes(), &mut on_step)
        .await
        .unwrap();
    (done, problems)
}

/// An export without versions and times of change: those of imported resources are later.
fn contents(text: &str) -> Vec<Value> {
    let read = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if let Some(meta) = line["meta"].as_object_mut() {
            meta.retain(|name, _| name == "created" || name == "resourceType");
        }
        line
    };
    text.lines().map(read).collect()
}

/// The version of the resource with that id, or of its deletion.
async fn version(server: &Server, id: &str) -> i64 {
    let query = format!("select max(version) from change where cast(id as text) = '{id}'");
    server.number(Box::leak(query.into_boxed_str())).await
}

/// Numbers of created, updated, unchanged and failed lines.
fn counts(done: &Imported) -> [u64; 4] {
    [done.created, done.updated, done.unchanged, done.failed]
}

async fn member_of(server: &Server, group: &str, members: &[&str]) {
    let members: Vec<_> = members.iter().map(|id| json!({"value": id})).collect();
    server
        .patch(
            &format!("/Groups/{group}"),
            json!([{"op": "add", "path": "members", "value": members}]),
        )
        .await;
}

/// Users of all sorts, groups in groups and around in a circle, versions above 1; 16 resources.
async fn fill(server: &Server) {
    let mut ids = Vec::new();
    for i in 0..12 {
        let mut body = user(&format!("user{i:02}"));
        body["schemas"] = json!([USER, ENTERPRISE, BADGE]);
        body["externalId"] = json!(format!("x{i}"));
        body["active"] = json!(i % 3 != 0);
        body["name"] = json!({"familyName": "Ünïcode \"quoted\"", "givenName": "G"});
        body["emails"] =
            json!([{"value": format!("u{i}@example.com"), "primary": true}, {"value": "b@c.d"}]);
        body[ENTERPRISE] = json!({"department": "Sales", "employeeNumber": i.to_string()});
        body[BADGE] = if i == 5 {
            json!({"pin": "p"})
        } else {
            json!({"number": "7", "pin": "1234"})
        };
        body["password"] = json!("secret");
        ids.push(server.post("/Users", body).await.expect(201).id());
    }
    let change = json!([{"op": "replace", "path": "name.formatted", "value": "F"}, {"op": "remove", "path": "active"},
        {"op": "add", "path": "emails", "value": [{"type": "work", "value": "n@e.w"}]}]);
    for id in ids.iter().take(4) {
        server
            .patch(&format!("/Users/{id}"), change.clone())
            .await
            .expect(200);
    }
    let mut groups = Vec::new();
    for name in ["a", "b", "c", "empty"] {
        groups.push(
            server
                .post("/Groups", group(name, &[]))
                .await
                .expect(201)
                .id(),
        );
    }
    member_of(server, &groups[0], &[&groups[1], &ids[1], &ids[0]]).await;
    member_of(server, &groups[1], &[&groups[2], &ids[2]]).await;
    member_of(server, &groups[2], &[&groups[0], &ids[3]]).await;
}

async fn moved(from: Database, over: Database) {
    let source = server(from).await;
    fill(&source).await;
    let before = exported(&source, true).await;
    assert_eq!(before.lines().count(), 16, "{before}");
    let between = server(over).await;
    let (done, problems) = imported(&between, &before, &REAL).await;
    assert_eq!(
        (counts(&done), done.joined, problems),
        ([16, 0, 0, 0], 7, vec![])
    );
    assert_eq!(contents(&exported(&between, true).await), contents(&before));
    assert_eq!(between.operator.verify(false).await.unwrap(), []);
    let back = server(from).await;
    imported(&back, &exported(&between, true).await, &REAL).await;
    assert_eq!(contents(&exported(&back, true).await), contents(&before));
    // Imported resources are served, searched and changed like created ones.
    let found = back
        .get("/Users?filter=userName%20eq%20%22USER07%22")
        .await
        .expect(200)
        .body;
    assert_eq!(found["totalResults"], 1);
    let id = found["Resources"][0]["id"].as_str().unwrap().to_owned();
    let (was, is) = (
        source.get(&format!("/Users/{id}")).await,
        back.get(&format!("/Users/{id}")).await,
    );
    assert_eq!(
        (was.header("etag"), &was.body["meta"]["created"]),
        (is.header("etag"), &is.body["meta"]["created"])
    );
    assert_eq!(
        back.get("/Groups?filter=displayName%20eq%20%22a%22")
            .await
            .body["totalResults"],
        1
    );
    back.post("/Users", user("user07"))
        .await
        .refused(409, "uniqueness");
    back.delete(&format!("/Users/{id}")).await.expect(204);
    assert_eq!(back.operator.verify(false).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_sqlite_over_postgres_and_back() {
    Box::pin(moved(Database::Sqlite, Database::Postgres)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_postgres_over_sqlite_and_back() {
    Box::pin(moved(Database::Postgres, Database::Sqlite)).await;
}

mod on {
    use super::{Database, server};

    macro_rules! each {
        ($($name:ident),* $(,)?) => {$(
            mod $name {
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn sqlite() {
                    super::super::$name(super::server(super::Database::Sqlite).await).await;
                }
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn postgres() {
                    super::super::$name(super::server(super::Database::Postgres).await).await;
                }
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn pooled() {
                    super::super::$name(super::server(super::Database::Pooled).await).await;
                }
            }
        )*};
    }

    each! { secrets_are_not_exported, a_second_run_changes_nothing, an_interrupted_import_continues, only_differences_are_written,
    a_dry_run_writes_nothing, problems_name_their_lines, lines_of_other_servers, large_groups_continue,
    versions_only_increase, lines_that_share_a_name }
}

/// An export without secrets contains neither digests nor secret attributes, and its import leaves existing ones
/// unchanged.
async fn secrets_are_not_exported(server: Server) {
    fill(&server).await;
    let (open, secret) = (
        exported(&server, false).await,
        exported(&server, true).await,
    );
    assert!(
        !open.contains("argon2") && !open.contains("pin") && !open.contains("x-scimd"),
        "{open}"
    );
    assert!(
        secret.contains("\"x-scimd\":{\"password\":\"$argon2id$")
            && secret.contains("\"pin\":\"1234\"")
    );
    let only_secret = open.lines().nth(5).unwrap();
    assert!(!only_secret.contains(BADGE), "{only_secret}");
    let (done, problems) = imported(&server, &open, &REAL).await;
    assert_eq!((counts(&done), problems), ([0, 0, 16, 0], vec![]));
    assert_eq!(exported(&server, true).await, secret);
}

async fn a_second_run_changes_nothing(server: Server) {
    fill(&server).await;
    let text = exported(&server, true).await;
    let changes = server.number("select count(*) from change").await;
    let (done, _) = imported(&server, &text, &REAL).await;
    assert_eq!((counts(&done), done.joined + done.left), ([0, 0, 16, 0], 0));
    assert_eq!(server.number("select count(*) from change").await, changes);
    assert_eq!(exported(&server, true).await, text);
}

/// Imports half of the lines, as after an interruption, and then all of them.
async fn an_interrupted_import_continues(server: Server) {
    let source = self::server(Database::Sqlite).await;
    fill(&source).await;
    let text = exported(&source, true).await;
    let half: String = text.lines().take(9).flat_map(|line| [line, "\n"]).collect();
    assert_eq!(
        counts(&imported(&server, &half, &REAL).await.0),
        [9, 0, 0, 0]
    );
    let torn = format!("{half}{}", text.lines().nth(9).unwrap().split_at(40).0);
    let (done, problems) = imported(&server, &torn, &REAL).await;
    assert_eq!((counts(&done), problems[0].0), ([0, 0, 9, 1], 10));
    let (done, problems) = imported(&server, &text, &REAL).await;
    assert_eq!(
        (counts(&done), done.joined, problems),
        ([7, 0, 9, 0], 7, vec![])
    );
    assert_eq!(contents(&exported(&server, true).await), contents(&text));
    assert_eq!(server.operator.verify(false).await.unwrap(), []);
}

async fn only_differences_are_written(server: Server) {
    fill(&server).await;
    let text = exported(&server, true).await;
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let id = first["id"].as_str().unwrap();
    server
        .patch(
            &format!("/Users/{id}"),
            json!([{"op": "replace", "path": "title", "value": "T"}]),
        )
        .await
        .expect(200);
    let listed = server
        .get("/Groups?filter=displayName%20eq%20%22a%22")
        .await
        .body["Resources"][0]
        .clone();
    let path = format!("/Groups/{}", listed["id"].as_str().unwrap());
    let remaining = json!([{"value": listed["members"][0]["value"]}]);
    server
        .patch(
            &path,
            json!([{"op": "replace", "path": "members", "value": remaining}]),
        )
        .await;
    let empty = server
        .get("/Groups?filter=displayName%20eq%20%22empty%22")
        .await
        .body["Resources"][0]["id"]
        .clone();
    member_of(&server, empty.as_str().unwrap(), &[id]).await;
    let (would, _) = imported(&server, &text, &DRY).await;
    let (done, problems) = imported(&server, &text, &REAL).await;
    assert_eq!((counts(&done), problems), ([0, 3, 13, 0], vec![]));
    assert_eq!((done.joined, done.left), (2, 1));
    assert_eq!(would, done);
    assert_eq!(contents(&exported(&server, true).await), contents(&text));
    assert_eq!(
        counts(&imported(&server, &text, &REAL).await.0),
        [0, 0, 16, 0],
        "an earlier version is no other state"
    );
    assert_eq!(server.operator.verify(false).await.unwrap(), []);
}

async fn a_dry_run_writes_nothing(server: Server) {
    let source = self::server(Database::Sqlite).await;
    fill(&source).await;
    let text = exported(&source, true).await;
    let (done, problems) = imported(&server, &text, &DRY).await;
    assert_eq!(
        (counts(&done), done.joined, problems),
        ([16, 0, 0, 0], 7, vec![])
    );
    assert_eq!(exported(&server, true).await, "");
    server.post("/Users", user("USER03")).await.expect(201);
    let (done, problems) = imported(&server, &text, &DRY).await;
    assert_eq!((done.failed, problems[0].0), (1, 4), "{problems:?}");
    assert_eq!(server.number("select count(*) from resource").await, 1);
}

async fn problems_name_their_lines(server: Server) {
    server.post("/Users", user("taken")).await.expect(201);
    let nobody = "0190e2a0-0000-7000-8000-000000000000";
    let lines = [
        user("fine").to_string(),
        "{\"schemas\":".to_owned(),
        user("Taken").to_string(),
        json!({"schemas": [USER]}).to_string(),
        json!({"schemas": ["urn:none"], "userName": "x"}).to_string(),
        String::new(),
        json!({"schemas": [USER], "userName": 7}).to_string(),
        json!({"x-scimd": {"membersOf": nobody}, "members": [{"value": nobody}]}).to_string(),
        group("g", &[nobody.to_owned()]).to_string(),
        user("fine too").to_string(),
    ];
    let (done, problems) = imported(&server, &lines.join("\n"), &SKIPPING).await;
    let numbers: Vec<u64> = problems.iter().map(|(line, _)| *line).collect();
    assert_eq!(
        (counts(&done), numbers),
        (
            [3, 0, 0, 7],
            vec![2, 3, 4, 5, 7, 8, 9].into_iter().collect()
        ),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|(line, detail)| *line == 3 && detail.contains("userName")),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|(line, detail)| *line == 9 && detail.contains(nobody)),
        "{problems:?}"
    );
    let (done, problems) = imported(&server, &lines[1..].join("\n"), &REAL).await;
    assert_eq!((counts(&done), problems.len()), ([0, 0, 0, 1], 1));
    assert_eq!(server.operator.verify(false).await.unwrap(), []);
}

/// Lines without ids or with ids that are not UUIDs, and with read-only and unknown attributes.
async fn lines_of_other_servers(server: Server) {
    let lines = [
        json!({"schemas": [GROUP], "id": "g-1", "displayName": "Staff", "members": [{"value": "2819", "display": "x"}]}),
        json!({"schemas": [USER], "id": "2819", "userName": "ann", "hat": "red", "groups": [{"value": "g-1"}],
            "meta": {"resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34.1234Z",
            "version": "W/\"3694e05e9dff590\"", "location": "https://example.com/v2/Users/2819"}}),
        user("bob"),
    ];
    let text = lines.map(|line| line.to_string()).join("\n");
    let (done, problems) = imported(&server, &text, &SKIPPING).await;
    assert_eq!(
        (counts(&done), problems.len(), done.left_out.len()),
        ([2, 0, 0, 2], 2, 0)
    );
    assert!(
        problems[0].1.contains("attribute.unknown hat") && problems[0].1.contains("remove it"),
        "{problems:?}"
    );
    let (done, problems) = imported(&server, &text, &DROPPING).await;
    assert_eq!(
        (counts(&done), done.joined, problems),
        ([1, 1, 1, 0], 1, vec![])
    );
    assert_eq!(done.left_out.get("attribute.unknown hat"), Some(&1));
    let ann = server
        .get("/Users?filter=userName%20eq%20%22ann%22")
        .await
        .body["Resources"][0]
        .clone();
    assert_eq!(
        (&ann["meta"]["created"], &ann["active"]),
        (&json!("2010-01-23T04:56:22.000Z"), &json!(true))
    );
    assert_eq!(
        (&ann["meta"]["lastModified"], &ann["groups"][0]["display"]),
        (&json!("2011-05-13T04:42:34.123Z"), &json!("Staff"))
    );
    let (done, _) = imported(&server, &text, &DROPPING).await;
    assert_eq!(counts(&done), [0, 0, 3, 0]);
    let (done, _) = imported(
        &server,
        &text.replace("\"bob\"", "\"bob\",\"title\":\"T\""),
        &DROPPING,
    )
    .await;
    assert_eq!(counts(&done), [0, 1, 2, 0]);
    assert_eq!(server.operator.verify(false).await.unwrap(), []);
}

async fn large_groups_continue(server: Server) {
    let lines: Vec<_> = (0..1001)
        .map(|i| {
            format!(
                "{{\"id\":\"u{i}\",{}",
                user(&format!("u{i}")).to_string().split_at(1).1
            )
        })
        .collect();
    let all: Vec<String> = (0..1001).map(|i| format!("u{i}")).collect();
    let mut big = group("big", &all);
    big["id"] = json!("big");
    let text = format!("{}\n{big}\n", lines.join("\n"));
    let (done, problems) = imported(&server, &text, &REAL).await;
    assert_eq!(
        (counts(&done), done.joined, problems),
        ([1002, 0, 0, 0], 1001, vec![])
    );
    let text = exported(&server, false).await;
    assert_eq!(text.lines().count(), 1001 + 3);
    assert!(
        text.lines()
            .last()
            .unwrap()
            .starts_with("{\"x-scimd\":{\"membersOf\":")
    );
    let (done, problems) = imported(&server, &text, &REAL).await;
    assert_eq!(
        (counts(&done), done.joined + done.left, problems),
        ([0, 0, 1002, 0], 0, vec![])
    );
    let other = self::server(if server.is_postgres() {
        Database::Sqlite
    } else {
        Database::Postgres
    })
    .await;
    imported(&other, &text, &REAL).await;
    assert_eq!(contents(&exported(&other, false).await), contents(&text));
}

/// Importing an export older than the stored resource changes it under a new version.
async fn versions_only_increase(server: Server) {
    let id = server.post("/Users", user("a")).await.expect(201).id();
    let group = server
        .post("/Groups", group("g", std::slice::from_ref(&id)))
        .await
        .expect(201)
        .id();
    let old = exported(&server, true).await;
    for title in ["S", "T"] {
        let change = json!([{"op": "replace", "path": "title", "value": title}]);
        server
            .patch(&format!("/Users/{id}"), change)
            .await
            .expect(200);
    }
    member_of(
        &server,
        &group,
        &[&server.post("/Users", user("b")).await.id()],
    )
    .await;
    let newer = exported(&server, true).await;
    assert_eq!(
        (version(&server, &id).await, version(&server, &group).await),
        (3, 2)
    );

    assert_eq!(
        counts(&imported(&server, &old, &REAL).await.0),
        [0, 2, 0, 0]
    );
    let read = server.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!(
        (read.header("etag"), &read.body["title"]),
        (Some("W/\"4\""), &Value::Null)
    );
    assert_eq!(
        server.get(&format!("/Groups/{group}")).await.header("etag"),
        Some("W/\"3\"")
    );
    assert_eq!(
        counts(&imported(&server, &old, &REAL).await.0),
        [0, 0, 2, 0],
        "an earlier version is no other state"
    );
    imported(&server, &newer, &REAL).await;
    assert_eq!(
        server.get(&format!("/Users/{id}")).await.header("etag"),
        Some("W/\"5\"")
    );
    let later = newer.replace("W/\\\"3\\\"", "W/\\\"9\\\"");
    assert_eq!(
        counts(&imported(&server, &later, &REAL).await.0),
        [0, 1, 2, 0]
    );
    assert_eq!(
        server.get(&format!("/Users/{id}")).await.header("etag"),
        Some("W/\"9\"")
    );

    server.delete(&format!("/Users/{id}")).await.expect(204);
    assert_eq!(version(&server, &id).await, 10, "a deletion is a change");
    imported(&server, &old, &REAL).await;
    assert_eq!(
        server.get(&format!("/Users/{id}")).await.header("etag"),
        Some("W/\"11\"")
    );
    assert_eq!(server.number(TWICE).await, 0);
    assert_eq!(server.operator.verify(false).await.unwrap(), []);
}

const TWICE: &str = "select count(*) from (select tenant, id, version from change \
     group by tenant, id, version having count(*) > 1) twice";

/// Lines without an id belong to one resource if their unique values and their externalId are equal.
async fn lines_that_share_a_name(server: Server) {
    let named = |name: &str, title: &str, external: Option<&str>| {
        let mut body = user(name);
        body["title"] = json!(title);
        if let Some(external) = external {
            body["externalId"] = json!(external);
        }
        body.to_string()
    };
    let lines = [
        named("ann", "One", None),
        named("ANN", "Two", None),
        named("bob", "One", Some("1")),
        named("bob", "Two", Some("2")),
        named("cid", "One", Some("3")),
        named("cid", "Two", Some("3")),
    ];
    for run in 0..2 {
        let (done, problems) = imported(&server, &lines.join("\n"), &SKIPPING).await;
        let numbers: Vec<u64> = problems.iter().map(|(line, _)| *line).collect();
        assert_eq!((done.failed, numbers), (2, vec![2, 4]), "{problems:?}");
        assert!(
            problems[0].1.contains("those of line 1") && problems[1].1.contains("externalId"),
            "{problems:?}"
        );
        for (name, title) in [("ann", "One"), ("bob", "One"), ("cid", "Two")] {
            let found = server
                .get(&format!("/Users?filter=userName%20eq%20%22{name}%22"))
                .await
                .body;
            assert_eq!(
                (&found["totalResults"], &found["Resources"][0]["title"]),
                (&json!(1), &json!(title)),
                "run {run}"
            );
        }
    }
}

/// A copy taken during writes opens without other files and is consistent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load() {
    let server = server(Database::Sqlite).await;
    fill(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scimd.db");
    let writers = async {
        for i in 0..60 {
            server
                .post("/Users", user(&format!("w{i}")))
                .await
                .expect(201);
        }
    };
    let copying = async {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        server.operator.backup(&file).await.unwrap()
    };
    let ((), bytes) = tokio::join!(writers, copying);
    let kept = std::fs::metadata(&file).unwrap();
    assert_eq!(
        (kept.len(), kept.permissions().mode() & 0o777),
        (bytes, 0o600)
    );
    assert!(server.operator.backup(&file).await.is_err());
    let settings = ServiceSettings {
        database: scimd::operator::DatabaseTarget::Sqlite {
            data_dir: folder.path().to_owned(),
        },
        pool: PoolSettings::default(),
        public_url: "http://localhost/scim/v2".into(),
        schema_files: None,
        searchable: None,
        limits: ServiceLimits::default(),
        record: scimd::request_log::Record::All,
        keeps_documents: true,
        token_warn_days: 30,
        support: None,
    };
    let copy = Operator::open(&settings, server.clock.clone())
        .await
        .unwrap();
    assert_eq!(copy.verify(false).await.unwrap(), []);
    assert!((12..=72).contains(&copy.tenant("default").await.unwrap().users));
    let other = self::server(Database::Postgres).await;
    assert!(
        other
            .operator
            .backup(&folder.path().join("pg"))
            .await
            .unwrap_err()
            .to_string()
            .contains("pg_dump")
    );
}
