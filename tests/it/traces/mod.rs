//! Traces that a collector receives from the program.

mod message;

use crate::cli::{Served, printed};
use crate::harness::create_database;
use crate::webhooks::sink::Sink;
use message::Span;
use nix::sys::signal::Signal;
use serde_json::json;
use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A collector that stores received requests.
struct Collector {
    endpoint: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A request to the collector.
#[derive(Clone)]
struct Received {
    head: String,
    body: Vec<u8>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let kept = received.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(receive(stream, kept.clone()));
            }
        });
        Self { endpoint, received }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.received().into_iter();
        let spans = requests.flat_map(|request| {
            let (spans, services) = message::read(&request.body);
            assert_eq!(services, ["directory"]);
            spans
        });
        spans.collect()
    }
}

async fn receive(stream: TcpStream, kept: Arc<Mutex<Vec<Received>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            let line = line.to_ascii_lowercase();
            if let Some(given) = line.strip_prefix("content-length: ") {
                length = given.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        kept.lock().unwrap().push(Received { head, body });
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// A server that sends its traces to a collector.
struct Traced {
    served: Served,
    collector: Collector,
    base: String,
    token: String,
    client: reqwest::Client,
    folder: tempfile::TempDir,
}

impl Traced {
    async fn start(url: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let collector = Collector::start().await;
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of-the-collector"),
            ("OTEL_SERVICE_NAME", "directory"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ];
        let mut served = Served::in_environment(folder.path(), url, &variables, Stdio::null());
        let base = served.line("SCIM base URL: ");
        let token = served.line("Bearer token \"test\" (shown once): ");
        Self {
            served,
            collector,
            base,
            token,
            client: reqwest::Client::new(),
            folder,
        }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    /// Creates a user; returns the id.
    async fn user(&self, name: &str) -> String {
        let body =
            json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
        let answer = self
            .request(reqwest::Method::POST, "/Users")
            .header("content-type", "application/scim+json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        let body: serde_json::Value = answer.json().await.unwrap();
        body["id"].as_str().unwrap().to_owned()
    }

    /// Stops the server, which sends the remaining spans.
    fn end(mut self) -> Collector {
        assert_eq!(self.served.signal(Signal::SIGTERM), Some(0));
        self.collector
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_their_statements_are_spans_below_the_span_of_the_client() {
    for database in [None, Some(create_database().await)] {
        let system = if database.is_some() {
            "postgresql"
        } else {
            "sqlite"
        };
        let traced = Traced::start(database.as_deref()).await;
        let id = traced.user("augusta.ada@example.com").await;
        let answer = traced
            .request(reqwest::Method::GET, &format!("/Users/{id}"))
            .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let (token, collector) = (traced.token.clone(), traced.end());
        let spans = collector.spans();

        let create = spans
            .iter()
            .find(|span| span.name == "POST /Users")
            .unwrap();
        assert!(create.parent.is_empty());
        let of_create = &create.attributes;
        assert_eq!(of_create["http.response.status_code"], "201");
        assert_eq!(of_create["tenant"], "default");
        // On PostgreSQL, concurrent creations are executed with one statement.
        let place = (create.trace.clone(), create.id.clone());
        let is_written = |span: &Span| {
            span.name == "resource.create" && span.parent == create.id
                || span.name == "coalesced writes" && span.links.contains(&place)
        };
        assert!(spans.iter().any(is_written), "{spans:?}");

        let get = spans
            .iter()
            .find(|span| span.name == "GET /Users/{id}")
            .unwrap();
        assert_eq!((get.trace.as_str(), get.parent.as_str()), (TRACE, PARENT));
        assert_eq!(get.attributes["http.route"], "/Users/{id}");
        let find = spans
            .iter()
            .find(|span| span.name == "resource.find_fast" && span.trace == get.trace)
            .unwrap();
        assert_eq!(find.parent, get.id);
        let of_find = &find.attributes;
        assert_eq!(of_find["db.system.name"], system);
        assert_eq!(of_find["db.response.returned_rows"], "1");
        assert!(find.start >= get.start);
        assert!(find.end <= get.end);
        let alone: Vec<&Span> = spans.iter().filter(|span| is_background(span)).collect();
        assert!(alone.is_empty(), "{alone:?}");

        for request in collector.received() {
            assert!(
                request.head.starts_with("post /v1/traces"),
                "{}",
                request.head
            );
            assert!(
                request.head.contains("x-key: of-the-collector"),
                "{}",
                request.head
            );
            let body = String::from_utf8_lossy(&request.body);
            let secret = token.rsplit('_').next().unwrap();
            for value in ["augusta", &id, secret] {
                assert!(!body.contains(value), "{value}");
            }
        }
    }
}

/// Whether a span is that of a statement of no request.
fn is_background(span: &Span) -> bool {
    span.parent.is_empty() && span.attributes.contains_key("db.query.summary")
}

/// Concurrent reads are one statement of PostgreSQL, in a span with links to all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coalesced_reads_link_to_the_requests_that_wait_for_them() {
    let traced = Traced::start(Some(&create_database().await)).await;
    let id = traced.user("ada").await;
    let path = format!("/Users/{id}");
    for _ in 0..20 {
        let requests: Vec<_> = (0..24)
            .map(|_| tokio::spawn(traced.request(reqwest::Method::GET, &path).send()))
            .collect();
        for request in requests {
            assert_eq!(request.await.unwrap().unwrap().status(), 200);
        }
    }
    let spans = traced.end().spans();
    let waits: HashMap<_, _> = spans
        .iter()
        .filter(|span| span.name == "resource.find_fast")
        .map(|span| ((span.trace.clone(), span.id.clone()), 0))
        .collect();
    assert_eq!(waits.len(), 20 * 24);
    let mut linked = waits;
    let mut largest = 0;
    for shared in spans.iter().filter(|span| span.name == "coalesced reads") {
        largest = largest.max(shared.links.len());
        for link in &shared.links {
            if let Some(count) = linked.get_mut(link) {
                *count += 1;
            }
        }
    }
    assert!(largest > 1, "nothing was coalesced");
    assert!(
        linked.values().all(|count| *count == 1),
        "each read has one link"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_variable_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ];
    let file = std::fs::File::create(&log).unwrap();
    let mut served = Served::in_environment(folder.path(), None, &variables, file.into());
    assert_eq!(served.ended(), Some(2));
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(
        said.contains("OTEL_EXPORTER_OTLP_PROTOCOL = \"grpc\": allowed is http/protobuf"),
        "{said}"
    );
}

/// An unavailable collector loses spans, not requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_served_without_the_collector() {
    let folder = tempfile::tempdir().unwrap();
    // A port without a listener: the listener is closed.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    let log = folder.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let mut served = Served::in_environment(folder.path(), None, &variables, file.into());
    let base = served.line("SCIM base URL: ");
    let token = served.line("Bearer token \"test\" (shown once): ");
    let client = reqwest::Client::new();
    let get = || {
        client
            .get(format!("{base}/Users?count=1"))
            .bearer_auth(&token)
            .send()
    };
    while !std::fs::read_to_string(&log).unwrap().contains("ERROR") {
        assert_eq!(get().await.unwrap().status(), 200);
        // Below the rate limit of the token.
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(get().await.unwrap().status(), 200);
    assert_eq!(served.signal(Signal::SIGTERM), Some(0));
}

/// A receiver gets the trace context of the delivery of an event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_gets_the_span_of_a_delivery() {
    let (traced, sink) = (Traced::start(None).await, Sink::start().await);
    let add = format!("webhook add app {} --allow-private", sink.url());
    tokio::task::block_in_place(|| printed(traced.folder.path(), &add));
    traced.user("ada").await;
    let received = sink.wait_accepted(1).await;
    let spans = traced.end().spans();
    let deliveries: Vec<_> = spans
        .iter()
        .filter(|span| span.name == "delivery")
        .collect();
    let [delivery] = deliveries.as_slice() else {
        panic!("{deliveries:?}");
    };
    let header = &received[0].headers["traceparent"];
    assert_eq!(*header, format!("00-{}-{}-01", delivery.trace, delivery.id));
    assert_eq!(delivery.attributes["event"], received[0].id());
    assert_eq!(delivery.attributes["http.response.status_code"], "204");
}
