//! What a running server reloads at SIGHUP, and its health checks.

use crate::cli::{Served, migrated, printed, refused};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// Waits until a condition holds.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn page_max(base: &str, token: &str) -> Value {
    let url = format!("{base}/ServiceProviderConfig");
    let config = reqwest::Client::new()
        .get(url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    config.json::<Value>().await.unwrap()["filter"]["maxResults"].clone()
}

#[tokio::test]
async fn a_hangup_applies_limits_and_level() {
    let folder = tempfile::tempdir().unwrap();
    let [file, log] = ["scimd.toml", "log"].map(|name| folder.path().join(name));
    let configure = |level: &str, page_max: u32| {
        let text = format!(
            "[limits]\npage_default = 2\npage_max = {page_max}\nrequest_bytes = {}\n[log]\nlevel = \"{level}\"\n",
            page_max * 1000
        );
        std::fs::write(&file, text).unwrap();
    };
    configure("error", 50);
    let arguments = format!("--config {} --issue-token test", file.display());
    let mut served = Served::logging_to(
        folder.path(),
        &arguments,
        File::create(&log).unwrap().into(),
    );
    let base = served.line("SCIM base URL: ");
    let token = served.line("Bearer token \"test\" (shown once): ");
    assert_eq!(page_max(&base, &token).await, 50);
    let logged = || std::fs::read_to_string(&log).unwrap();
    assert!(!logged().contains("INFO"), "{}", logged());

    configure("info\"\nformat = \"text", 7);
    served.send(Signal::SIGHUP);
    until("the new limit", async || page_max(&base, &token).await == 7).await;
    until("the new level", async || logged().contains("SIGHUP")).await;
    assert!(logged().contains(" INFO SIGHUP"), "{}", logged());
    let body = format!("{{\"userName\":\"a\",\"title\":\"{}\"}}", "x".repeat(8000));
    let large = reqwest::Client::new()
        .post(format!("{base}/Users"))
        .bearer_auth(&token)
        .body(body);
    assert_eq!(large.send().await.unwrap().status(), 413);

    std::fs::write(&file, "[limits]\npage_max = 0\n").unwrap();
    served.send(Signal::SIGHUP);
    until("the complaint", async || {
        logged().contains("the configuration is invalid")
    })
    .await;
    assert_eq!(page_max(&base, &token).await, 7);
    assert_eq!(served.signal(Signal::SIGTERM), Some(0));
}

/// All settings are applied or none: with an invalid certificate the others are not applied either.
#[tokio::test]
async fn a_hangup_with_a_bad_certificate_changes_no_limit() {
    let folder = tempfile::tempdir().unwrap();
    let [file, log] = ["scimd.toml", "log"].map(|name| folder.path().join(name));
    let configure = |page_max: u32, more: &str| {
        let text = format!("[limits]\npage_default = 2\npage_max = {page_max}\n{more}");
        std::fs::write(&file, text).unwrap();
    };
    configure(50, "");
    let arguments = format!("--config {} --issue-token test", file.display());
    let output = File::create(&log).unwrap().into();
    let mut served = Served::logging_to(folder.path(), &arguments, output);
    let base = served.line("SCIM base URL: ");
    let token = served.line("Bearer token \"test\" (shown once): ");
    configure(
        7,
        "[server]\ntls_certificate = \"/no/such/file\"\ntls_key = \"/no/such/file\"\n",
    );
    served.send(Signal::SIGHUP);
    until("the complaint", async || {
        let logged = std::fs::read_to_string(&log).unwrap();
        logged.contains("the configuration is invalid") && logged.contains("/no/such/file")
    })
    .await;
    assert_eq!(page_max(&base, &token).await, 50);
    configure(7, "");
    served.send(Signal::SIGHUP);
    until("the new limit", async || page_max(&base, &token).await == 7).await;
    assert_eq!(served.signal(Signal::SIGTERM), Some(0));
}

/// Status of the response to a request to the management API with this token.
async fn managed(api: &str, token: &str) -> u16 {
    let request = reqwest::Client::new().get(api).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

/// The limits also apply to operator tokens, and take effect with the others or not at all.
#[tokio::test]
async fn a_hangup_applies_limits_of_the_management_api() {
    let folder = migrated();
    let [file, log] = ["scimd.toml", "log"].map(|name| folder.path().join(name));
    let configure = |bad_tokens: u32, more: &str| {
        let text = format!("[limits]\nbad_tokens = {bad_tokens}\n{more}");
        std::fs::write(&file, text).unwrap();
    };
    configure(0, "");
    let issued = printed(folder.path(), "operator issue --name ops --role viewer");
    let cut_off = &issued.trim()[..40];
    let arguments = format!("--config {} --admin-listen 127.0.0.1:0", file.display());
    let output = File::create(&log).unwrap().into();
    let mut served = Served::logging_to(folder.path(), &arguments, output);
    served.line("SCIM base URL: ");
    let api = served.line("Management API: ");
    let is_limited = async || {
        let (first, second) = (managed(&api, cut_off).await, managed(&api, cut_off).await);
        assert!([401, 429].contains(&first), "{first}");
        second == 429
    };
    assert!(!is_limited().await);
    let bad = "[server]\ntls_certificate = \"/no/such/file\"\ntls_key = \"/no/such/file\"\n";
    configure(1, bad);
    served.send(Signal::SIGHUP);
    until("the complaint", async || {
        let logged = std::fs::read_to_string(&log).unwrap();
        logged.contains("the configuration is invalid")
    })
    .await;
    assert!(!is_limited().await);
    configure(1, "");
    served.send(Signal::SIGHUP);
    until("the new limit", is_limited).await;
    configure(0, "");
    served.send(Signal::SIGHUP);
    until("no limit", async || !is_limited().await).await;
    assert_eq!(served.signal(Signal::SIGTERM), Some(0));
}

#[test]
fn health_checks_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scimd.toml");
    let [certificate, key] = ["test_certificate.pem", "test_key.pem"].map(|name| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/scim_api/tests")
            .join(name)
    });
    let tls = format!(
        "[server]\ntls_certificate = \"{}\"\ntls_key = \"{}\"\n",
        certificate.display(),
        key.display()
    );
    std::fs::write(&file, &tls).unwrap();
    let config = file.display().to_string();
    let mut served = Served::start(folder.path(), &format!("--config {config}"));
    let base = served.line("SCIM base URL: ");
    let root = base.strip_suffix("/scim/v2").unwrap();
    let address = root.strip_prefix("https://").unwrap();
    std::fs::write(&file, format!("{tls}listen = \"{address}\"\n")).unwrap();
    for ask in [
        format!("health {root}/readyz"),
        format!("health --config {config}"),
        format!("health --config {config} /healthz"),
        format!("health {}/healthz", root.replace("127.0.0.1", "localhost")),
    ] {
        printed(folder.path(), &ask);
    }
    for (ask, code, said) in [
        (
            format!("health --config {config} /nothing"),
            1,
            "returned 404",
        ),
        (
            format!("health http://{address}/readyz"),
            1,
            "did not respond",
        ),
        ("health ftp://127.0.0.1/".to_owned(), 2, "use a URL such as"),
    ] {
        let (found, message) = refused(folder.path(), &ask);
        assert_eq!(found, Some(code), "{ask}: {message}");
        assert!(message.contains(said), "{ask}: {message}");
    }
    assert_eq!(served.signal(Signal::SIGTERM), Some(0));
}
