//! The feed over HTTP: cursors, waiting and responses.

use super::client::{FeedClient, text};
use super::users;
use crate::harness::raw::RawRequest;
use crate::harness::{Options, Server};
use reqwest::Method;
use scimd::scim_api::HttpSettings;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

crate::on_both!(
    pages_follow_each_other,
    a_deleted_cursor_is_reported,
    a_reader_waits,
    a_waiting_read_ends_within_the_request_time,
    answers_are_compressed_for_those_who_ask,
    wire_refusals_have_the_form_of_each_api,
);

/// A request head that is refused before it reaches an API, for each reason.
async fn wire_refusals_have_the_form_of_each_api(server: Server) {
    for (root, form) in [
        ("/feed/v1/events", "application/problem+json"),
        ("/scim/v2/Users", "application/scim+json"),
        ("/feed/v10", "application/scim+json"),
    ] {
        let long = |length| RawRequest::new("GET", &format!("{root}?{}", "a".repeat(length)));
        let short = RawRequest::new("GET", root);
        let lines = (0..200).fold(RawRequest::new("GET", root), |request, _| {
            request.field("X", "y")
        });
        for (request, status) in [
            (long(20_000), 414),
            (short.field("X", &"y".repeat(40_000)), 431),
            // hyper refuses these two by itself.
            (lines, 431),
            (long(200_000), 431),
        ] {
            let answer = server.say(&request.bytes()).await;
            assert_eq!(answer.status, status, "{root}: {}", answer.body);
            assert_eq!(
                answer.header("content-type"),
                Some(form),
                "{root}: {status}"
            );
            assert!([json!(status), json!(status.to_string())].contains(&answer.json()["status"]));
        }
    }
}

async fn pages_follow_each_other(server: Server) {
    let ids = users(&server, "u", 7).await;
    let reader = FeedClient::of_all(&server).await;
    let (mut seen, mut after) = (Vec::new(), "start".to_owned());
    loop {
        let page = reader
            .read(&format!("/events?after={after}&limit=3&types=user.*"))
            .await;
        let events = page["events"].as_array().unwrap();
        assert!(events.len() <= 3);
        seen.extend(
            events
                .iter()
                .map(|event| text(&event["data"]["resource"]["id"]).to_owned()),
        );
        after = text(&page["cursor"]).to_owned();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(seen, ids);
    let head = reader.read("/head").await;
    assert_eq!(head["cursor"], after.as_str());
    let first = reader.read("/events?limit=1&types=user.created").await;
    let event = &first["events"][0];
    let again = reader
        .read(&format!("/events/{}", text(&event["id"])))
        .await;
    assert_eq!(again, *event);
    for (path, status) in [
        ("/events?limit=0", 400),
        ("/events?limit=1001", 400),
        ("/events?wait=26", 400),
        ("/events?types=user", 400),
        ("/events?after=x", 400),
        ("/events?aftr=start", 400),
        ("/events/evt_1", 404),
        ("/events?tenant=nobody", 404),
        ("/resources", 400),
        ("/resources?type=User&after=1", 400),
        ("/nothing", 404),
    ] {
        let (found, body) = reader.get(path).await;
        assert_eq!((found, &body["status"]), (status, &json!(status)), "{path}");
    }
}

async fn a_deleted_cursor_is_reported(server: Server) {
    users(&server, "u", 5).await;
    let reader = FeedClient::of_all(&server).await;
    let head = text(&reader.read("/head").await["cursor"]).to_owned();
    let first = text(&reader.read("/events?limit=1").await["cursor"]).to_owned();
    let (position, check) = head.split_once('-').unwrap();
    let ahead = format!("{}-{check}", position.parse::<i64>().unwrap() + 1);
    let other = format!(
        "{position}-{}",
        if check == "000000" {
            "000001"
        } else {
            "000000"
        }
    );
    for gone in [ahead, other] {
        let (status, problem) = reader.get(&format!("/events?after={gone}")).await;
        assert_eq!(status, 410, "{problem}");
        assert_eq!(problem["type"], "urn:scimd:problem:cursor-gone");
    }
    server.operator.forget_changes(-1).await.unwrap();
    let (status, problem) = reader.get(&format!("/events?after={first}")).await;
    assert_eq!(status, 410, "{problem}");
    let oldest = text(&problem["oldest"]);
    assert_eq!(oldest, text(&reader.read("/head").await["oldest"]));
    let page = reader.read(&format!("/events?after={oldest}")).await;
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
    assert_eq!(
        reader.read(&format!("/events?after={head}")).await["events"],
        json!([])
    );
}

async fn a_reader_waits(server: Server) {
    users(&server, "u", 1).await;
    let reader = FeedClient::of_all(&server).await;
    let begun = Instant::now();
    let head = reader.read("/head").await["cursor"].clone();
    let path = format!("/events?after={}&wait=20", text(&head));
    let waiting = reader.read(&path);
    let writing = async {
        sleep(Duration::from_millis(300)).await;
        users(&server, "later", 1).await;
    };
    let (page, ()) = tokio::join!(waiting, writing);
    assert_eq!(page["events"][0]["type"], "user.created");
    assert!(begun.elapsed() < Duration::from_secs(15));
    // The wait ends when the token is revoked, and when the server stops.
    let waiting = reader.get("/events?after=now&wait=20");
    let revoking = async {
        sleep(Duration::from_millis(300)).await;
        let id = reader.token.split('_').nth(1).unwrap();
        server.operator.revoke_token(id).await.unwrap();
    };
    let ((status, _), ()) = tokio::join!(waiting, revoking);
    assert_eq!(status, 401);
    let reader = FeedClient::of_all(&server).await;
    let waiting = reader.read("/events?after=now&wait=20");
    let stopping = async {
        sleep(Duration::from_millis(300)).await;
        server.feed().close();
    };
    let (page, ()) = tokio::join!(waiting, stopping);
    assert_eq!(page["events"], json!([]));
    assert!(begun.elapsed() < Duration::from_secs(19));
}

/// A waiting reader gets a response within the time limit of a request.
async fn a_waiting_read_ends_within_the_request_time(first: Server) {
    let http = HttpSettings {
        request_seconds: 5,
        ..Options::default().http
    };
    let options = Options {
        http,
        ..Options::default()
    };
    let server = first.other(options).await;
    let reader = FeedClient::of_all(&server).await;
    let begun = Instant::now();
    let page = reader.read("/events?after=now&wait=25").await;
    assert_eq!(page["events"], json!([]));
    assert!(begun.elapsed() >= Duration::from_secs(2), "it has waited");
}

async fn answers_are_compressed_for_those_who_ask(server: Server) {
    users(&server, "u", 5).await;
    let reader = FeedClient::of_all(&server).await;
    let plain = reader.send(Method::GET, "/events", None).await;
    assert_eq!(plain.headers().get("content-encoding"), None);
    let plain = plain.bytes().await.unwrap();
    let asked = reqwest::Client::new()
        .get(format!("{}/events", reader.root))
        .bearer_auth(&reader.token)
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(asked.headers()["content-encoding"], "gzip");
    let packed = asked.bytes().await.unwrap();
    assert_eq!(packed[..2], [0x1f, 0x8b]);
    assert!(packed.len() < plain.len() / 2);
    // The length of the text is at the end (RFC 1952 section 2.3.1).
    let size = packed.last_chunk().map(|size| u32::from_le_bytes(*size));
    assert_eq!(size, Some(u32::try_from(plain.len()).unwrap()));
}
