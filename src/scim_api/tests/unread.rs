//! Tests of clients that do not read responses.

use super::*;
use crate::wire::answer::FEW;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Instant;

type Sender = SendRequest<Empty<Bytes>>;
type Response = hyper::Response<Incoming>;

impl Server {
    /// An HTTP/2 connection with a flow-control window of the given number of bytes for each response.
    async fn http2(&self, window: u32) -> (Sender, JoinHandle<hyper::Result<()>>) {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(window);
        let (sender, connection) = builder
            .handshake(TokioIo::new(self.connect().await))
            .await
            .unwrap();
        (sender, tokio::spawn(connection))
    }

    async fn get(&self, sender: &Sender, path: &str) -> hyper::Result<Response> {
        let url = format!("http://{}/scim/v2/{path}", self.address);
        sender
            .clone()
            .send_request(Request::get(url).body(Empty::new()).unwrap())
            .await
    }
}

/// A server whose tokens can have four running requests, and three pages of 100 000 bytes.
async fn strict() -> Server {
    let settings = HttpSettings {
        token_requests: 4,
        token_memory_bytes: 350_000,
        memory_bytes: 810_000,
        ..HttpSettings::default()
    };
    Server::with(
        settings,
        ServerSettings {
            write_seconds: 2,
            ..short()
        },
    )
    .await
}

/// The statuses of this number of responses, whose bodies are not read.
async fn ask(
    server: &Server,
    sender: &Sender,
    path: &str,
    times: usize,
) -> (Vec<u16>, Vec<Response>) {
    let mut answers = Vec::new();
    for _ in 0..times {
        let began = Instant::now();
        let answer = timeout(Duration::from_secs(1), server.get(sender, path))
            .await
            .unwrap()
            .unwrap();
        if answer.status() != 200 {
            assert!(
                began.elapsed() < Duration::from_millis(100),
                "{:?}",
                began.elapsed()
            );
            assert_eq!(answer.headers()["retry-after"], "1");
        }
        answers.push(answer);
    }
    (
        answers
            .iter()
            .map(|answer| answer.status().as_u16())
            .collect(),
        answers,
    )
}

async fn is_read_to_its_end(answer: Response) -> bool {
    timeout(Duration::from_secs(2), answer.into_body().collect())
        .await
        .is_ok_and(|body| body.is_ok())
}

#[tokio::test]
async fn unread_responses_count() {
    let server = strict().await;
    for window in [0, 1, 65_535] {
        let (sender, connection) = server.http2(window).await;
        let (statuses, held) = ask(&server, &sender, "page?a.1", 5).await;
        assert_eq!(statuses, [200, 200, 200, 429, 429], "window {window}");
        let (others, _) = ask(&server, &server.http2(65_535).await.0, "page?b.1", 1).await;
        assert_eq!(others, [200], "another token");
        drop((held, sender));
        connection.abort();
        let _ = connection.await;
        until_nothing_is_under_way(&server).await;
    }
}

#[tokio::test]
async fn read_responses_no_longer_count() {
    let server = strict().await;
    let (sender, _connection) = server.http2(65_535).await;
    for _ in 0..20 {
        let answer = server.get(&sender, "page?a.1").await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(is_read_to_its_end(answer).await);
    }
    until_nothing_is_under_way(&server).await;
}

#[tokio::test]
async fn all_tokens_together_have_a_limit() {
    let server = strict().await;
    let (sender, _connection) = server.http2(0).await;
    let mut statuses = Vec::new();
    let mut held = Vec::new();
    for tenant in ["a", "b", "c", "d"] {
        let (found, answers) = ask(&server, &sender, &format!("page?{tenant}.1"), 3).await;
        statuses.extend(found);
        held.extend(answers);
    }
    assert_eq!(statuses[..8], [200; 8][..]);
    assert_eq!(statuses[8..], [503; 4][..]);
}

#[tokio::test]
async fn unread_http1_responses_count_too() {
    let server = Server::with(
        HttpSettings {
            token_requests: 2,
            ..HttpSettings::default()
        },
        ServerSettings {
            write_seconds: 2,
            ..short()
        },
    )
    .await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        // Far more than the operating system buffers.
        stream
            .write_all(request("GET", "page?a.1", "").repeat(200).as_bytes())
            .await
            .unwrap();
        held.push(stream);
    }
    sleep(Duration::from_millis(300)).await;
    let refused = server.say(get("page?a.1")).await;
    assert_eq!(status(&refused), 429, "{refused:.300}");
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    let began = Instant::now();
    while status(&server.say(get("page?a.1")).await) != 200 {
        assert!(
            began.elapsed() < Duration::from_secs(6),
            "connections that are not read stay"
        );
        sleep(Duration::from_millis(100)).await;
    }
    drop(held);
    until_nothing_is_under_way(&server).await;
}

#[tokio::test]
async fn a_connection_with_unread_responses_is_closed() {
    let server = strict().await;
    let (sender, connection) = server.http2(0).await;
    let _answers = ask(&server, &sender, "page?a.1", 2).await;
    let began = Instant::now();
    let closed = timeout(Duration::from_secs(6), async {
        // Later requests do not keep the connection open.
        while let Ok(Ok(_)) = timeout(Duration::from_millis(500), server.get(&sender, "none")).await
        {
            sleep(Duration::from_millis(100)).await;
        }
    });
    closed.await.expect("the connection stays open");
    assert!(
        began.elapsed() > Duration::from_millis(1500),
        "{:?}",
        began.elapsed()
    );
    let _ = timeout(Duration::from_secs(1), connection)
        .await
        .expect("it is not closed");
    until_nothing_is_under_way(&server).await;
}

/// A connection on which no response is read, and the responses to at most the given number of requests that are
/// rejected.
struct Unread {
    _sender: Sender,
    connection: JoinHandle<hyper::Result<()>>,
    answers: Vec<Response>,
}

async fn unread(server: &Server, requests: usize) -> Unread {
    let (sender, connection) = server.http2(0).await;
    let mut answers = Vec::new();
    while answers.len() < requests
        && let Ok(Ok(answer)) = timeout(Duration::from_secs(2), server.get(&sender, "refuse")).await
    {
        answers.push(answer);
    }
    Unread {
        _sender: sender,
        connection,
        answers,
    }
}

#[tokio::test]
async fn a_connection_opened_under_load_has_few_streams() {
    let server = Server::start().await;
    let mut crowd = Vec::new();
    // All but one of the allowed requests without a token, and then a few more.
    for requests in [[90; 11].as_slice(), &[33, 5]].concat() {
        crowd.push(unread(&server, requests).await);
    }
    assert!(server.app.wire().in_flight.is_crowded());
    let late = unread(&server, 90).await;
    assert_eq!(late.answers.len(), FEW);
    assert!(!late.connection.is_finished(), "the client waits");
    drop(crowd);
}

#[tokio::test]
async fn unread_refusals_are_limited() {
    let server = Server::start().await;
    let mut held = Vec::new();
    for _ in 0..15 {
        held.push(unread(&server, 90).await);
    }
    let unread: usize = held.iter().map(|held| held.answers.len()).sum();
    assert!((900..1200).contains(&unread), "{unread}");
    // A client that reads gets a response nevertheless.
    assert_eq!(status(&server.say(get("refuse")).await), 403);
    let (sender, _connection) = server.http2(65_535).await;
    for _ in 0..20 {
        assert!(is_read_to_its_end(server.get(&sender, "refuse").await.unwrap()).await);
    }
}

#[tokio::test]
async fn a_disconnected_client_frees_its_place() {
    let settings = HttpSettings {
        token_requests: 1,
        ..HttpSettings::default()
    };
    let server = Server::with(settings, short()).await;
    for _ in 0..3 {
        let mut stream = server.connect().await;
        let held = request("GET", "held?a.1", "");
        stream.write_all(held.as_bytes()).await.unwrap();
        while status(&server.say(get("page?a.1")).await) != 429 {}
        drop(stream);
        until_nothing_is_under_way(&server).await;
        assert_eq!(status(&server.say(get("page?a.1")).await), 200);
    }
}

async fn until_nothing_is_under_way(server: &Server) {
    let began = Instant::now();
    while !server.app.wire().in_flight.is_idle() {
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            server.app.wire().in_flight
        );
        sleep(Duration::from_millis(10)).await;
    }
}
