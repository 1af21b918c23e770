//! The disk of the database is full, and later has space again (FLT-9).

use crate::cli::scimd;
use crate::harness::{Database, Server, user};
use sqlx::AssertSqlSafe;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// PostgreSQL refuses writes that need space, here by a trigger, because a test must not fill a disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgresql_is_503_until_it_has_space() {
    let server = Server::on(Database::Postgres).await;
    let mut operator = server.session().await;
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    for code in ["53100", "53200", "58030"] {
        let fill = format!(
            "create function no_room() returns trigger language plpgsql as $$ begin \
             raise exception 'could not extend file' using errcode = '{code}'; end $$; \
             create trigger no_room before insert on resource execute function no_room()"
        );
        sqlx::raw_sql(AssertSqlSafe(fill))
            .execute(&mut operator)
            .await
            .unwrap();
        for _ in 0..2 {
            let answer = server.post("/Users", user("bob")).await.refused(503, "");
            assert!(answer.header("retry-after").is_some(), "{code}");
        }
        server.get(&format!("/Users/{id}")).await.expect(200);
        sqlx::raw_sql("drop trigger no_room on resource; drop function no_room")
            .execute(&mut operator)
            .await
            .unwrap();
        server.post("/Users", user(code)).await.expect(201);
    }
    server.is_sound().await;
}

/// A program whose files are limited to one MiB; the system reports the limit like a full disk.
struct Limited(Child);

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_embedded_database_is_503_until_it_has_space() {
    let folder = tempfile::tempdir().unwrap();
    let given = scimd(folder.path(), "serve --listen 127.0.0.1:0 --issue-token t");
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -S -f 2048; exec \"$0\" \"$@\""])
        .arg(given.get_program());
    command
        .args(given.get_args())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut server = Limited(command.spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let base = lines
        .next()
        .unwrap()
        .strip_prefix("SCIM base URL: ")
        .unwrap()
        .to_owned();
    let said = lines.next().unwrap();
    let (_, token) = said.rsplit_once(' ').unwrap();
    let client = reqwest::Client::new();
    let create = |name: String| {
        let body = serde_json::json!({"schemas": [crate::harness::USER], "userName": name, "title": "x".repeat(9000)});
        let request = client.post(format!("{base}/Users")).bearer_auth(token);
        request
            .header("content-type", "application/scim+json")
            .body(body.to_string())
            .send()
    };
    let mut created = 0;
    let refused = loop {
        let answer = create(format!("u{created}")).await.unwrap();
        if answer.status() != 201 {
            break answer;
        }
        created += 1;
        assert!(created < 1000, "the files have no limit");
    };
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(create("again".into()).await.unwrap().status(), 503);
    let listed = client
        .get(format!("{base}/Users?count=0"))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let listed: serde_json::Value = serde_json::from_str(&listed.text().await.unwrap()).unwrap();
    assert_eq!(listed["totalResults"], created);
    let pid = server.0.id().to_string();
    assert!(
        Command::new("prlimit")
            .args(["--fsize=unlimited", "--pid", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(create("after".into()).await.unwrap().status(), 201);
    server.0.kill().unwrap();
    let log = BufReader::new(server.0.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let stderr = log
        .filter(|line| line.contains("the embedded database cannot read or write its file"))
        .count();
    assert_eq!(stderr, 1, "once a minute");
}
