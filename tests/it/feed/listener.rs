//! The server with the feed, on the listener of the SCIM API or on its own listener, until it is stopped.

use super::client::{FeedClient, text};
use crate::cli::{Served, printed};
use nix::sys::signal::Signal;
use reqwest::Method;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::block_in_place;

/// Less than the longest wait of a reader, and less than the time limit of pending requests when the server stops.
const SOON: Duration = Duration::from_secs(15);

fn feed_token(folder: &Path) -> String {
    let issued = printed(folder, "token issue --name app --scope feed --all-tenants");
    issued.trim().to_owned()
}

/// The URLs of the feed and of the SCIM API, without a slash at the end.
fn addresses(served: &mut Served) -> (String, String) {
    let base = served.line("SCIM base URL: ");
    let root = base.strip_suffix("/scim/v2").unwrap().to_owned();
    (format!("{root}/feed/v1"), root)
}

/// Readers that wait when the server stops get an empty page immediately.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_ends_waiting_requests() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start(folder.path(), "--issue-token okta");
    let (feed, root) = addresses(&mut served);
    let token = feed_token(folder.path());
    let client = FeedClient::at(&feed, &token);
    let head = client.read("/head").await["cursor"].clone();
    let address = root.strip_prefix("http://").unwrap();
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let path = format!("/feed/v1/events?after={}&wait=25", text(&head));
        let bearer = format!("Authorization: Bearer {token}\r\n");
        waiting.push(asked(address, &path, &bearer).await);
    }
    // Connections are accepted in order: when this one gets a response, the others are being served.
    let live = answer(asked(address, "/healthz", "").await).await;
    assert!(live.starts_with("HTTP/1.1 200"), "{live}");
    let begun = Instant::now();
    assert_eq!(block_in_place(|| served.signal(Signal::SIGTERM)), Some(0));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let page = format!("{{\"events\":[],\"cursor\":{head},\"more\":false}}");
    for stream in waiting {
        let answer = answer(stream).await;
        let is_page = answer.starts_with("HTTP/1.1 200") && answer.ends_with(&page);
        assert!(is_page, "{answer}");
    }
}

/// A reader waits as usual during the shutdown delay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_wait_until_the_delay_of_the_stop_is_over() {
    const DELAY: Duration = Duration::from_secs(3);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("scimd.toml");
    let delay = format!("[server]\nshutdown_delay_seconds = {}\n", DELAY.as_secs());
    std::fs::write(&config, delay).unwrap();
    let arguments = format!("--config {} --issue-token okta", config.display());
    let mut served = Served::start(folder.path(), &arguments);
    let (feed, root) = addresses(&mut served);
    let scim = served.line("Bearer token \"okta\" (shown once): ");
    let token = feed_token(folder.path());
    let client = FeedClient::at(&feed, &token);
    let head = client.read("/head").await["cursor"].clone();
    let address = root.strip_prefix("http://").unwrap();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let path = |wait: &str| format!("/feed/v1/events?after={}&{wait}", text(&head));
    let none = asked(address, &path("wait=25&types=group.*"), &bearer).await;
    let one = asked(address, &path("wait=25"), &bearer).await;
    let live = answer(asked(address, "/healthz", "").await).await;
    assert!(live.starts_with("HTTP/1.1 200"), "{live}");
    served.send(Signal::SIGTERM);
    let signalled = Instant::now();
    let body = Some(crate::harness::user("ann"));
    let created = status(Method::POST, &format!("{root}/scim/v2/Users"), &scim, body).await;
    assert_eq!(created, 201);
    assert!(answer(one).await.contains("user.created"));
    assert!(signalled.elapsed() < DELAY, "{:?}", signalled.elapsed());
    assert!(answer(none).await.contains("{\"events\":[],"));
    let waited = signalled.elapsed();
    assert!((DELAY..SOON).contains(&waited), "{waited:?}");
    assert_eq!(block_in_place(|| served.ended()), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_has_a_separate_listener() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("scimd.toml");
    std::fs::write(&config, "[feed]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let arguments = format!("--config {} --issue-token okta", config.display());
    let mut served = Served::start(folder.path(), &arguments);
    let (beside, root) = addresses(&mut served);
    let scim = served.line("Bearer token \"okta\" (shown once): ");
    served.line("Try: ");
    let feed = served.line("Change feed: ");
    assert!(feed.ends_with("/feed/v1") && feed != beside, "{feed}");
    let own = feed.strip_suffix("/feed/v1").unwrap();
    let token = feed_token(folder.path());
    let client = FeedClient::at(&feed, &token);
    let head = client.read("/head").await["cursor"].clone();
    let path = format!("/events?after={}&wait=20", text(&head));
    let (waiting, user) = (client.read(&path), crate::harness::user("ann"));
    let users = format!("{root}/scim/v2/Users");
    let writing = status(Method::POST, &users, &scim, Some(user));
    let (page, created) = tokio::join!(waiting, writing);
    assert_eq!(created, 201);
    assert_eq!(page["events"][0]["type"], "user.created");
    // Each address serves only its API, and both have the probes.
    for (url, token, expected) in [
        (format!("{beside}/head"), &token, 404),
        (format!("{own}/scim/v2/Users"), &scim, 404),
        (format!("{own}/"), &scim, 404),
        (format!("{own}/.well-known/jwks.json"), &token, 404),
        (format!("{own}/healthz"), &token, 200),
        (format!("{own}/readyz"), &token, 200),
        (format!("{own}/feed/v1/head"), &scim, 403),
    ] {
        let found = status(Method::GET, &url, token, None).await;
        assert_eq!(found, expected, "{url}");
    }
    assert_eq!(block_in_place(|| served.signal(Signal::SIGTERM)), Some(0));
}

async fn asked(address: &str, path: &str, fields: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn status(
    method: Method,
    url: &str,
    token: &str,
    body: Option<serde_json::Value>,
) -> reqwest::StatusCode {
    let request = reqwest::Client::new()
        .request(method, url)
        .bearer_auth(token);
    let request = match body {
        Some(body) => request
            .header("content-type", "application/scim+json")
            .body(body.to_string()),
        None => request,
    };
    request.send().await.unwrap().status()
}

/// Plain HTTP on a public address is refused for this listener too; a polled stream is reachable at its URL.
#[test]
fn the_address_of_the_feed_is_checked_and_printed() {
    let folder = crate::cli::migrated();
    let config = folder.path().join("scimd.toml");
    let with = |text: &str| {
        std::fs::write(&config, format!("[feed]\n{text}")).unwrap();
        format!("--config {}", config.display())
    };
    let exposed = with("listen = \"0.0.0.0:0\"\n");
    let (code, stderr) = crate::cli::refused(folder.path(), &format!("serve {exposed}"));
    assert!(
        code != Some(0) && stderr.contains("feed.listen"),
        "{stderr}"
    );
    let named = with("listen = \"127.0.0.1:0\"\npublic_url = \"https://feed.example.com/\"\n");
    let added = format!("stream add siem --poll --audience https://siem.example.com {named}");
    let url = printed(folder.path(), &added);
    assert_eq!(
        url.trim(),
        "https://feed.example.com/feed/v1/streams/siem/poll"
    );
}
