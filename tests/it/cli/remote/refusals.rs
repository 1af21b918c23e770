//! Servers that refuse, are unavailable or have no management API, and invalid tokens.

use super::{Ended, remotely, through};
use crate::cli::{SCIMD, Served, refused};
use crate::harness::{Admin, Server, operator_token};
use crate::on_both;
use scimd::operator::OperatorTokenRequest;
use scimd::store::OperatorRole;
use secrecy::ExposeSecret;
use std::process::Command;

on_both!(invalid_tokens_are_refused);

async fn invalid_tokens_are_refused(server: Server) {
    let admin = Admin::over(&server).await;
    let expired = OperatorTokenRequest {
        name: "expired".to_owned(),
        role: OperatorRole::Admin,
        scopes: None,
        tenants: None,
        seconds: Some(-1),
    };
    let expired = server
        .operator
        .issue_operator_token(&expired)
        .await
        .unwrap();
    let viewer = operator_token(&server, OperatorRole::Viewer, &[]).await;
    server.tenant("acme", &Default::default()).await;
    let limited = operator_token(&server, OperatorRole::Admin, &["acme"]).await;
    for (token, line, said) in [
        (
            expired.text.expose_secret(),
            "tenant list",
            "The operator token has expired",
        ),
        ("scimdop_nothing", "tenant list", "SCIMD_OPERATOR_TOKEN"),
        (server.token.as_str(), "tenant list", "SCIMD_OPERATOR_TOKEN"),
        (
            viewer.as_str(),
            "tenant create other",
            "does not have the scope \"tenants:write\"",
        ),
        (
            limited.as_str(),
            "tenant show default",
            "There is no tenant \"default\"",
        ),
        (
            limited.as_str(),
            "tenant create other",
            "limited to some tenants",
        ),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ended: Ended = through(&admin.root, token, &arguments)
            .output()
            .unwrap()
            .into();
        assert!(
            ended.code == Some(1) && ended.out.is_empty() && ended.stderr.contains(said),
            "{line}: {ended:?}"
        );
        assert!(!ended.stderr.contains(token), "{}", ended.stderr);
    }
    let own: Ended = through(&admin.root, &limited, &["token", "list", "--json"])
        .output()
        .unwrap()
        .into();
    assert!(
        own.code == Some(0) && own.out.contains("\"acme\"") && !own.out.contains("\"default\"")
    );
    // Another listener does not serve the management API.
    let scim = server.base.strip_suffix("/scim/v2").unwrap();
    let ended: Ended = through(scim, &admin.token, &["tenant", "list"])
        .output()
        .unwrap()
        .into();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    // Commands that work only on the database say so.
    for command in ["operator", "migrate", "verify", "serve", "events", "export"] {
        let arguments = match command {
            "operator" => vec!["operator", "revoke", "x"],
            "events" => vec!["events", "head"],
            command => vec![command],
        };
        let ended = remotely(&admin, &arguments);
        assert!(
            ended.code == Some(2) && ended.stderr.contains("works on the database"),
            "{ended:?}"
        );
    }
}

#[test]
fn an_unavailable_server_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ended: Ended = through(&root, "scimdop_x", &["tenant", "list"])
        .output()
        .unwrap()
        .into();
    assert!(
        ended.code == Some(1)
            && ended
                .stderr
                .starts_with(&format!("scimd: {root} did not respond")),
        "{ended:?}"
    );
    for (url, said) in [
        ("http://scim.example.com", "unencrypted"),
        ("scim.example.com", "use a URL"),
    ] {
        let ended: Ended = through(url, "scimdop_x", &["tenant", "list"])
            .output()
            .unwrap()
            .into();
        assert!(
            ended.code == Some(2) && ended.stderr.contains(said),
            "{ended:?}"
        );
    }
    let mut command = Command::new(SCIMD);
    command
        .args(["tenant", "list", "--server", &root])
        .env_clear();
    let ended: Ended = command.output().unwrap().into();
    assert!(
        ended.code == Some(2) && ended.stderr.contains("scimd login"),
        "{ended:?}"
    );
    let both = refused(
        std::path::Path::new("."),
        "tenant list --server http://127.0.0.1:1",
    );
    assert!(
        both.0 == Some(2) && both.1.contains("cannot be used with"),
        "{both:?}"
    );
}

/// The program itself with a certificate of an authority of our own.
#[test]
fn a_private_authority_is_trusted_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    crate::start::certify(folder).unwrap();
    let file = folder.join("scimd.toml");
    let tls = format!(
        "[server]\ntls_certificate = \"{0}/server.pem\"\ntls_key = \"{0}/server.key\"\n",
        folder.display()
    );
    std::fs::write(&file, tls).unwrap();
    let config = format!("--config {}", file.display());
    let mut served = Served::start(folder, &format!("{config} --admin-listen 127.0.0.1:0"));
    served.line("SCIM base URL: ");
    let api = served
        .line("Management API: ")
        .replace("127.0.0.1", "localhost");
    let issue = format!("operator issue --name ops --role admin {config}");
    let token = crate::cli::printed(folder, &issue);
    let ask = |more: &[&str]| -> Ended {
        let mut command = through(&api, token.trim(), &["tenant", "list"]);
        command.args(more).output().unwrap().into()
    };
    let ended = ask(&[]);
    assert!(
        ended.code == Some(1) && ended.stderr.contains("--ca-file"),
        "{ended:?}"
    );
    let authority = folder.join("ca.pem").display().to_string();
    let ended = ask(&["--ca-file", &authority]);
    assert!(
        ended.code == Some(0) && ended.out.contains("default"),
        "{ended:?}"
    );
    let ended = ask(&["--ca-file", "/no/such/file"]);
    assert!(
        ended.code == Some(2) && ended.stderr.contains("/no/such/file"),
        "{ended:?}"
    );
}
