//! `scimd doctor` against this server, against broken servers, and against addresses without a server.

mod broken;
mod proxy;

use crate::harness::{Answer, Database, GROUP, Server, user};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// The program, without settings of this machine.
pub(super) fn doctor(base: &str, arguments: &str, token: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scimd"));
    command
        .env_clear()
        .env("SCIMD_DOCTOR_TOKEN", token)
        .args(["doctor", base]);
    command
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end; checks that the output does not contain the token.
pub(super) async fn outcome(
    base: &str,
    arguments: &str,
    token: &str,
) -> (Option<i32>, String, String) {
    let child = doctor(base, arguments, token).spawn().unwrap();
    let output: Output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap())
        .await
        .unwrap();
    let (out, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(
        !out.contains(token) && !stderr.contains(token),
        "{out}{stderr}"
    );
    (output.status.code(), out, stderr)
}

/// Output of `--json`, and the exit code.
pub(super) async fn examined(base: &str, arguments: &str, token: &str) -> (Option<i32>, Value) {
    let (code, out, stderr) = outcome(base, &format!("--json {arguments}"), token).await;
    (
        code,
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code:?} {out}{stderr}")),
    )
}

/// The names of the checks with an outcome.
pub(super) fn ended<'a>(report: &'a Value, outcome: &str) -> Vec<&'a str> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["outcome"] == outcome)
        .map(|check| check["name"].as_str().unwrap())
        .collect()
}

/// A user and a group that the doctor must not change.
async fn bystanders(server: &Server) -> [String; 2] {
    let bystander = server
        .post("/Users", user("scimd-doctor-bystander@example.com"))
        .await
        .expect(201)
        .id();
    let body =
        json!({"schemas": [GROUP], "displayName": "Bystanders", "members": [{"value": bystander}]});
    let group = server.post("/Groups", body).await.expect(201).id();
    [format!("/Users/{bystander}"), format!("/Groups/{group}")]
}

/// The numbers of users and groups.
pub(super) async fn population(server: &Server) -> [Value; 2] {
    let total = |answer: Answer| answer.expect(200).body["totalResults"].clone();
    [
        total(server.get("/Users?count=0").await),
        total(server.get("/Groups?count=0").await),
    ]
}

async fn this_server_passes_and_is_unchanged(server: Server) {
    let paths = bystanders(&server).await;
    let [person, group] = [
        server.get(&paths[0]).await.body,
        server.get(&paths[1]).await.body,
    ];
    let (code, report) = examined(&server.base, "", &server.token).await;
    assert_eq!(
        (code, ended(&report, "fail")),
        (Some(0), vec![]),
        "{report:#}"
    );
    // Plain HTTP to a server on this machine.
    assert_eq!(ended(&report, "note"), ["address"], "{report:#}");
    assert!(
        report["ok"].as_u64() > Some(50) && report["leftBehind"] == json!([]),
        "{report:#}"
    );
    assert_eq!(population(&server).await, [1, 1]);
    assert_eq!(
        [
            server.get(&paths[0]).await.body,
            server.get(&paths[1]).await.body
        ],
        [person, group]
    );
}

async fn one_identity_provider_is_played(server: Server) {
    for (only, has, has_not) in [
        ("okta", "PUT of the unchanged user", "manager as a string"),
        ("entra", "manager as a string", "deactivate by PUT"),
    ] {
        let (code, report) = examined(
            &server.base,
            &format!("--only {only} --members 9"),
            &server.token,
        )
        .await;
        let names = ended(&report, "ok");
        assert!(
            code == Some(0) && names.contains(&has) && !names.contains(&has_not),
            "{code:?} {report:#}"
        );
    }
    assert_eq!(population(&server).await, [0, 0]);
}

async fn an_interrupt_leaves_nothing(server: Server) {
    let child = doctor(&server.base, "", &server.token).spawn().unwrap();
    while population(&server).await[0].as_u64() < Some(20) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap())
        .await
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1) && stderr.contains("Interrupted"),
        "{stderr}"
    );
    assert_eq!(population(&server).await, [0, 0]);
}

crate::on_both! {
    this_server_passes_and_is_unchanged,
    one_identity_provider_is_played,
    an_interrupt_leaves_nothing,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_is_readable_text() {
    let server = Server::on(Database::Sqlite).await;
    let (code, out, stderr) = outcome(&server.base, "--only okta --members 8", &server.token).await;
    assert!(code == Some(0) && stderr.is_empty(), "{stderr}");
    assert!(
        out.starts_with(&format!(
            "Report on {}\n\nConnector test\n  note  address",
            server.base
        )),
        "{out}"
    );
    assert!(
        out.contains("          why       ") && out.contains(" 0 failed, notes: 1\n"),
        "{out}"
    );
    assert!(
        out.ends_with("Cleanup complete: every test resource was deleted.\n"),
        "{out}"
    );
}

/// Invalid arguments result in exit code 2 and a remedy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_without_a_server_have_a_remedy() {
    let server = Server::on(Database::Sqlite).await;
    let root = server.base.strip_suffix("/scim/v2").unwrap();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/scim/v2", listener.local_addr().unwrap())
    };
    let tls = server.base.replace("http://", "https://");
    let [html, redirect] = [proxy::of_html().await, proxy::of_redirects().await];
    for (base, token, says) in [
        (root, server.token.as_str(), "one at http://127.0.0.1:"),
        (
            &format!("{}/Users", server.base),
            &server.token,
            "give that URL",
        ),
        (&closed, &server.token, "nothing listens on that port"),
        (&tls, &server.token, "does not speak TLS"),
        (
            "http://scim.invalid/scim/v2",
            &server.token,
            "cannot be reached",
        ),
        (&html, &server.token, "an HTML page"),
        (&redirect, &server.token, "redirects"),
        (
            &server.base,
            "scimd_wrong",
            "refuses the token with status 401",
        ),
        (&server.base, "wrong\u{1}token", "not allowed in a header"),
        ("scim.example.com", &server.token, "not a URL"),
    ] {
        let (code, out, stderr) = outcome(base, "--members 8", token).await;
        assert!(
            code == Some(2) && out.is_empty() && stderr.contains(says),
            "{base}: {code:?} {out}{stderr}"
        );
    }
    assert!(
        outcome(&server.base, "--members 0", &server.token)
            .await
            .2
            .contains("--members")
    );
    assert_eq!(population(&server).await, [0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_read_from_each_source() {
    use std::io::Write;
    let server = Server::on(Database::Sqlite).await;
    let (base, token) = (&server.base, &server.token);
    let mut piped = doctor(base, "- --only okta --members 1", "")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(piped.stdin.take().unwrap(), "Bearer {token}").unwrap();
    let piped = tokio::task::spawn_blocking(|| piped.wait_with_output().unwrap())
        .await
        .unwrap();
    assert_eq!(piped.status.code(), Some(0), "{piped:?}");
    assert_eq!(
        outcome(
            base,
            &format!("{token} --only okta --members 1"),
            "unused-token"
        )
        .await
        .0,
        Some(0)
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{token}\n")).unwrap();
    let arguments = format!(
        "--token-file {} --only okta --members 1",
        file.path().display()
    );
    assert_eq!(outcome(base, &arguments, "unused-token").await.0, Some(0));
    let mut none = doctor(base, "", "");
    let none = tokio::task::spawn_blocking(move || none.output().unwrap())
        .await
        .unwrap();
    assert!(
        none.status.code() == Some(2)
            && String::from_utf8(none.stderr)
                .unwrap()
                .contains("SCIMD_DOCTOR_TOKEN")
    );
}
