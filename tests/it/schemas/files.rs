//! Schema files of the configuration are stored in the database: every command and every instance uses the files of the
//! last start with a configured folder.

use super::{ACME, agrees, attributes, change, filter, found, with};
use crate::cli::{Served, printed, refused, run, scimd};
use crate::harness::{Database, Options, Server, USER, user};
use nix::sys::signal::Signal;
use scimd::operator::{ExportRequest, Exported, SchemaOrigin};
use scimd::schema::SchemaFile;
use scimd::store::TenantChange;
use serde_json::{Value, json};

crate::on_both!(
    every_instance_has_what_the_last_start_found,
    a_folder_changes_and_changes_back,
    values_of_a_removed_file_are_hidden,
    a_file_takes_precedence_over_a_command,
    a_schema_of_a_file_can_have_values,
    contradicting_files_are_refused,
    searchable_attributes_are_the_same_for_all_instances,
);

fn acme(attributes: &Value) -> SchemaFile {
    let text = json!({"id": ACME, "name": "Acme", "attributes": attributes, "x-scimd": {"extends": ["User"]}});
    SchemaFile {
        origin: "dir/acme.json".to_owned(),
        text: text.to_string(),
    }
}

fn both() -> Value {
    json!([{"name": "level", "type": "integer"}, {"name": "code", "uniqueness": "server"}])
}

/// Another start over the database of a server, with these files in its folder.
async fn start(server: &Server, files: Vec<SchemaFile>) -> Server {
    server
        .other(Options {
            schema_files: Some(files),
            ..Options::default()
        })
        .await
}

async fn exported(server: &Server) -> (Exported, String) {
    let mut text = String::new();
    let mut sink = |line: &str| -> Result<(), scimd::operator::OperatorError> {
        text.push_str(line);
        Ok(())
    };
    let done = server
        .operator
        .export(
            &ExportRequest {
                tenant: "default",
                with_secrets: true,
            },
            &mut sink,
        )
        .await
        .unwrap();
    (done, text)
}

async fn every_instance_has_what_the_last_start_found(server: Server) {
    let knowing = start(&server, vec![acme(&both())]).await;
    let unaware = server.second().await;
    knowing
        .post("/Users", with("a", &json!({"level": 1, "code": "A"})))
        .await
        .expect(201);
    for instance in [&server, &unaware] {
        assert_eq!(instance.operator.verify(true).await.unwrap(), []);
        instance
            .post("/Users", with("b", &json!({"code": "a"})))
            .await
            .refused(409, "uniqueness");
        assert_eq!(
            found(instance, &filter(&format!("{ACME}:level eq 1"))).await,
            ["a"]
        );
        instance.get(&format!("/Schemas/{ACME}")).await.expect(200);
        assert!(exported(instance).await.1.contains("\"level\":1"));
        let known = instance
            .operator
            .all_schemas_after(None, 1000)
            .await
            .unwrap();
        let origin = known
            .into_iter()
            .find(|(_, schema)| schema.urn == ACME)
            .unwrap()
            .1
            .origin;
        assert_eq!(origin, SchemaOrigin::File("dir/acme.json".to_owned()));
    }
    knowing
        .post("/Users", with("b", &json!({"code": "a"})))
        .await
        .refused(409, "uniqueness");
    agrees(&knowing).await;
}

async fn a_folder_changes_and_changes_back(server: Server) {
    let first = start(&server, vec![acme(&both())]).await;
    let made = first
        .post("/Users", with("a", &json!({"level": 1, "code": "A"})))
        .await
        .expect(201);
    let path = format!("/Users/{}", made.id());
    let second = start(&server, Vec::new()).await;
    for instance in [&first, &second] {
        let shown = instance.get(&path).await.expect(200).body;
        assert_eq!(
            (&shown["schemas"], &shown[ACME]),
            (&json!([USER]), &Value::Null)
        );
        let (done, text) = exported(instance).await;
        assert!(
            done.holding_hidden == 1 && !text.contains("acme"),
            "{done:?} {text}"
        );
        instance.get(&format!("/Schemas/{ACME}")).await.expect(404);
    }
    first.put(&path, user("a")).await.expect(200);
    second.operator.verify(true).await.unwrap();
    let third = start(&server, vec![acme(&both())]).await;
    third.operator.verify(true).await.unwrap();
    for instance in [&first, &second, &third] {
        assert_eq!(
            instance.get(&path).await.expect(200).body[ACME],
            json!({"level": 1, "code": "A"})
        );
        assert_eq!(
            found(instance, &filter(&format!("{ACME}:code eq \"a\""))).await,
            ["a"]
        );
        assert_eq!(exported(instance).await.0.holding_hidden, 0);
    }
    agrees(&first).await;
    // A start without a folder, or with the same files, changes nothing.
    let changes = server
        .number("select cast(value as bigint) from shared where name = 'schema_changes'")
        .await;
    server.second().await;
    start(&server, vec![acme(&both())]).await;
    let now = server
        .number("select cast(value as bigint) from shared where name = 'schema_changes'")
        .await;
    assert_eq!(now, changes);
}

async fn values_of_a_removed_file_are_hidden(server: Server) {
    let path = {
        let server = start(&server, vec![acme(&both())]).await;
        format!(
            "/Users/{}",
            server
                .post("/Users", with("a", &json!({"level": 1, "code": "A"})))
                .await
                .id()
        )
    };
    let code = json!([{"name": "code", "uniqueness": "server"}]);
    start(&server, vec![acme(&code)]).await;
    assert_eq!(
        server.get(&path).await.expect(200).body[ACME],
        json!({"code": "A"})
    );
    start(&server, Vec::new()).await;
    start(&server, vec![acme(&code)]).await;
    assert_eq!(
        server.get(&path).await.expect(200).body[ACME],
        json!({"code": "A"})
    );
    assert_eq!(
        server.get("/Users").await.body["Resources"][0][ACME],
        json!({"code": "A"})
    );
    assert!(!exported(&server).await.1.contains("level"));
    // This also applies to a schema that a command removes and adds again.
    start(&server, Vec::new()).await;
    change(&server, None, &attributes(json!([{"name": "code"}])))
        .await
        .unwrap();
    assert_eq!(
        server.get(&path).await.expect(200).body[ACME],
        json!({"code": "A"})
    );
    agrees(&server).await;
}

async fn a_file_takes_precedence_over_a_command(server: Server) {
    let own = server.tenant("own", &TenantChange::default()).await;
    change(
        &server,
        Some("own"),
        &attributes(json!([{"name": "badge"}])),
    )
    .await
    .unwrap();
    let made = server
        .by(&own)
        .post("/Users", with("a", &json!({"badge": "B", "level": 2})))
        .await
        .expect(201);
    assert_eq!(made.body[ACME], json!({"badge": "B"}));
    let path = format!("/Users/{}", made.id());

    start(&server, vec![acme(&both())]).await;
    assert_eq!(
        server.by(&own).get(&path).await.expect(200).body[ACME],
        Value::Null
    );
    let taken = server
        .by(&own)
        .post("/Users", with("b", &json!({"level": 3})))
        .await
        .expect(201);
    assert_eq!(taken.body[ACME], json!({"level": 3}));
    let refusal = change(&server, Some("own"), &attributes(json!([{"name": "more"}])))
        .await
        .unwrap_err();
    assert!(
        refusal[0].contains("is from the file dir/acme.json"),
        "{refusal:?}"
    );

    start(&server, Vec::new()).await;
    assert_eq!(
        server.by(&own).get(&path).await.expect(200).body[ACME],
        json!({"badge": "B"})
    );
    let hidden = server
        .by(&own)
        .get(&format!("/Users/{}", taken.id()))
        .await
        .expect(200)
        .body;
    assert_eq!(hidden[ACME], Value::Null);
    server.operator.verify(true).await.unwrap();
    agrees(&server).await;
}

/// Resources whose schema was removed may have values missing from the index: a repair is requested.
async fn a_schema_of_a_file_can_have_values(server: Server) {
    let remembered =
        "select count(*) from shared where name = 'index_shapes' and value like '%acme%:level%?%'";
    change(&server, None, &attributes(json!([{"name": "level"}])))
        .await
        .unwrap();
    server
        .post("/Users", with("a", &json!({"level": "1"})))
        .await
        .expect(201);
    change(&server, None, &super::gone()).await.unwrap();
    assert_eq!(server.number(remembered).await, 0);
    start(&server, vec![acme(&json!([{"name": "level"}]))]).await;
    assert_eq!(server.number(remembered).await, 1);
    assert_eq!(server.operator.verify(true).await.unwrap().len(), 1);
    assert_eq!(server.number(remembered).await, 0);
    assert_eq!(
        found(&server, &filter(&format!("{ACME}:level eq \"1\""))).await,
        ["a"]
    );
    agrees(&server).await;
}

/// A start with invalid files changes nothing.
async fn contradicting_files_are_refused(server: Server) {
    start(&server, vec![acme(&both())]).await;
    let twice = vec![
        acme(&both()),
        SchemaFile {
            origin: "dir/other.json".to_owned(),
            ..acme(&both())
        },
    ];
    let robots =
        json!({"id": ACME, "attributes": [{"name": "a"}], "x-scimd": {"extends": ["Robot"]}});
    let robots = vec![SchemaFile {
        origin: "dir/r.json".to_owned(),
        text: robots.to_string(),
    }];
    for (files, said) in [
        (twice, "dir/other.json: /id: "),
        (robots, "there is no resource type \"Robot\""),
    ] {
        let refusal = server.refused(files).await;
        assert!(refusal.contains(said), "{refusal}");
    }
    server.get(&format!("/Schemas/{ACME}")).await.expect(200);
    agrees(&server).await;
}

async fn searchable_attributes_are_the_same_for_all_instances(server: Server) {
    let few = || Options {
        searchable: vec!["userName".into(), "displayName".into()],
        ..Options::default()
    };
    let configured = server.other(few()).await;
    let mut body = user("a");
    body["title"] = json!("Boss");
    configured.post("/Users", body).await.expect(201);
    for instance in [&server, &server.second().await] {
        assert_eq!(instance.operator.verify(true).await.unwrap(), []);
        instance
            .get(&format!("/Users?{}", filter("title eq \"boss\"")))
            .await
            .refused(400, "invalidFilter");
    }
    let all = vec!["userName".into(), "displayName".into(), "title".into()];
    server
        .other(Options {
            searchable: all,
            ..Options::default()
        })
        .await;
    assert_eq!(server.operator.verify(true).await.unwrap().len(), 1);
    assert_eq!(
        found(&configured, &filter("title eq \"boss\"")).await,
        ["a"]
    );
    agrees(&configured).await;
}

/// An operator repairs, exports and imports in a shell without the server's configuration.
#[tokio::test]
async fn a_shell_without_the_configuration_has_the_same_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let dir = folder.join("schemas");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("acme.json"), acme(&both()).text).unwrap();
    let config = folder.join("scimd.toml");
    std::fs::write(&config, format!("[schemas]\ndir = \"{}\"\n", dir.display())).unwrap();
    let mut served = Served::start(
        folder,
        &format!("--issue-token okta --config {}", config.display()),
    );
    let base = served.line("SCIM base URL: ");
    let token = served.line("Bearer token \"okta\" (shown once): ");
    let post = |body: Value| {
        let request = reqwest::Client::new()
            .post(format!("{base}/Users"))
            .bearer_auth(&token);
        let request = request
            .header("content-type", "application/scim+json")
            .body(body.to_string());
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(
        post(with("a", &json!({"level": 1, "code": "A"}))).await,
        201
    );
    assert_eq!(printed(folder, "verify --repair"), "");
    assert_eq!(post(with("b", &json!({"code": "a"}))).await, 409);
    let lines = printed(folder, "export");
    assert!(lines.contains("\"level\":1"), "{lines}");
    assert!(
        printed(folder, "schema list").contains("file "),
        "the origin is shown"
    );
    served.signal(Signal::SIGTERM);

    let elsewhere = tempfile::tempdir().unwrap();
    let file = folder.join("lines");
    std::fs::write(&file, &lines).unwrap();
    let import = format!("import {}", file.display());
    let (code, stderr) = refused(elsewhere.path(), &import);
    assert!(
        code == Some(1) && stderr.contains("--drop-unknown") && stderr.contains(ACME),
        "{stderr}"
    );
    assert_eq!(printed(elsewhere.path(), "export"), "");
    let output = run(elsewhere.path(), &format!("{import} --json"));
    let stderr: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&stderr["failedLines"][0]["line"], &stderr["done"]["failed"]),
        (&json!(1), &json!(1))
    );
    printed(elsewhere.path(), &format!("{import} --drop-unknown"));
    assert!(!printed(elsewhere.path(), "export").contains("acme"));

    // The configuration of a command is not applied, but a difference is reported.
    let output = scimd(elsewhere.path(), "schema list")
        .env("SCIMD_SCHEMAS__DIR", &dir)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("schemas.dir") && stderr.contains("scimd migrate"),
        "{stderr}"
    );
    assert!(!String::from_utf8(output.stdout).unwrap().contains(ACME));
    printed(
        elsewhere.path(),
        &format!("schema add {}", dir.join("acme.json").display()),
    );
    let output = scimd(elsewhere.path(), "migrate")
        .env("SCIMD_SCHEMAS__DIR", &dir)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && stderr.contains("was added by a command"),
        "{stderr}"
    );
    assert!(printed(elsewhere.path(), "schema list").contains("acme.json"));
}

/// After the server has stopped, the embedded database is complete in its file.
#[tokio::test]
async fn a_stopped_server_has_its_database_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut served = Served::start(folder, "--issue-token okta");
    let base = served.line("SCIM base URL: ");
    let token = served.line("Bearer token \"okta\" (shown once): ");
    let client = reqwest::Client::new();
    for i in 0..50 {
        let request = client.post(format!("{base}/Users")).bearer_auth(&token);
        let request = request
            .header("content-type", "application/scim+json")
            .body(user(&format!("u{i}")).to_string());
        assert_eq!(request.send().await.unwrap().status(), 201);
    }
    assert_eq!(served.signal(Signal::SIGTERM), Some(0));
    assert_eq!(copied(folder).await, (50, 0));
    let file = folder.join("lines");
    for i in 51..71 {
        std::fs::write(&file, user(&format!("u{i}")).to_string()).unwrap();
        printed(folder, &format!("import {}", file.display()));
        assert_eq!(copied(folder).await, (i, 0), "so does a command");
    }
}

/// The number of users in a copy of only the database file, and of the other files in its folder.
async fn copied(folder: &std::path::Path) -> (i64, u64) {
    use sqlx::ConnectOptions;
    let data = folder.join("data");
    let beside = std::fs::metadata(data.join("scimd.db-wal")).map_or(0, |log| log.len());
    let copy = folder.join("copy");
    std::fs::create_dir_all(&copy).unwrap();
    std::fs::copy(data.join("scimd.db"), copy.join("scimd.db")).unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(copy.join("scimd.db"));
    let mut database = options.connect().await.unwrap();
    let state: String = sqlx::query_scalar("pragma integrity_check")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(state, "ok");
    let users = sqlx::query_scalar("select count(*) from resource")
        .fetch_one(&mut database)
        .await
        .unwrap();
    (users, beside)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_starts_at_once_end_with_the_files_of_one() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = Server::on(database).await;
        let (level, code) = (json!([{"name": "level"}]), json!([{"name": "code"}]));
        let (a, b) = tokio::join!(
            start(&server, vec![acme(&level)]),
            start(&server, vec![acme(&code)])
        );
        let shown = |body: Value| body["attributes"][0]["name"].clone();
        let path = format!("/Schemas/{ACME}");
        let (a, b) = (
            a.get(&path).await.expect(200).body,
            b.get(&path).await.expect(200).body,
        );
        assert_eq!(shown(a), shown(b));
    }
}
