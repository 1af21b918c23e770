//! A receiver of webhooks that returns the responses set by a test and keeps the requests it received.

use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The number of the request, from 0, in the order of arrival.
    number: usize,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    /// Whether the response was 2xx.
    pub(crate) accepted: bool,
    /// Time of the response.
    pub(crate) at: Instant,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// The kind of response to a request.
#[derive(Debug, Clone)]
pub(crate) enum Manner {
    /// A status, optionally with a header.
    Status(u16, &'static str),
    /// A status and a JSON body.
    Body(u16, &'static str),
    /// No response; the connection stays open.
    Hang,
    /// No response; the connection is closed.
    Drop,
    /// A status and an endless body.
    Endless(u16),
    /// 10 MB of headers.
    Headers,
    /// A status, sent one byte a second.
    Trickle(u16),
    /// A status at once, and a body sent one byte a second.
    TrickleBody(u16),
}

/// Selects the response to a request by its number, from 0, and its body.
type Choose = Box<dyn Fn(usize, &Value) -> Manner + Send + Sync>;

pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    choose: Mutex<Choose>,
    /// Number of requests that arrived. Each gets its number on arrival: requests are concurrent, and a request counts
    /// as received only after the response.
    arrived: AtomicUsize,
    received: watch::Sender<Vec<Received>>,
}

impl Sink {
    /// Starts a receiver that responds with 204.
    pub(crate) async fn start() -> Self {
        Self::with(|_, _| Manner::Status(204, "")).await
    }

    pub(crate) async fn with(
        choose: impl Fn(usize, &Value) -> Manner + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            choose: Mutex::new(Box::new(choose)),
            arrived: AtomicUsize::new(0),
            received: watch::Sender::new(Vec::new()),
        });
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone()));
            }
        });
        Self { address, state }
    }

    /// Changes the responses from now on.
    pub(crate) fn answer(&self, choose: impl Fn(usize, &Value) -> Manner + Send + Sync + 'static) {
        *self.state.choose.lock().unwrap() = Box::new(choose);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks?key=k", self.address)
    }

    /// The received requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.received.borrow().clone()
    }

    /// The accepted requests so far.
    pub(crate) fn accepted(&self) -> Vec<Received> {
        let mut received = self.received();
        received.retain(|received| received.accepted);
        received
    }

    /// Waits until the received requests meet a condition.
    #[track_caller]
    pub(crate) fn wait(
        &self,
        what: &'static str,
        is_there: impl Fn(&[Received]) -> bool,
    ) -> impl Future<Output = Vec<Received>> {
        let mut received = self.state.received.subscribe();
        async move {
            let there = received.wait_for(|received| is_there(received));
            let found = tokio::time::timeout(Duration::from_secs(40), there).await;
            match found {
                Ok(found) => found.unwrap().clone(),
                Err(_) => panic!("{what} did not come: {} requests", self.received().len()),
            }
        }
    }

    /// Waits until it has accepted the given number of requests.
    pub(crate) async fn wait_accepted(&self, count: usize) -> Vec<Received> {
        self.wait("events", move |received| {
            received.iter().filter(|one| one.accepted).count() >= count
        })
        .await;
        self.accepted()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut buffer = Vec::new();
    while let Some((headers, body)) = Box::pin(request(&mut stream, &mut buffer)).await {
        let json = serde_json::from_str(&body).unwrap_or_default();
        let number = state.arrived.fetch_add(1, Ordering::Relaxed);
        let manner = state.choose.lock().unwrap()(number, &json);
        let accepted = matches!(
            manner,
            Manner::Status(200..300, _) | Manner::Endless(200..300) | Manner::TrickleBody(200..300)
        );
        // The response is sent first: a request counted as received was accepted.
        let goes_on = answer(&mut stream, &manner).await;
        state.received.send_modify(|received| {
            // Another connection may have overtaken this one since its response.
            let place = received.partition_point(|earlier| earlier.number < number);
            let one = Received {
                number,
                headers,
                body,
                accepted,
                at: Instant::now(),
            };
            received.insert(place, one);
        });
        match manner {
            Manner::Hang => {
                let mut rest = [0; 16];
                while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {}
                return;
            }
            Manner::TrickleBody(_) => {
                trickle(&mut stream, &"b".repeat(1000)).await;
                return;
            }
            Manner::Endless(_) => while stream.write_all(b"5\r\nabcde\r\n").await.is_ok() {},
            _ if goes_on => {}
            _ => return,
        }
    }
}

/// Sends the response; returns whether the connection stays open.
async fn answer(stream: &mut TcpStream, manner: &Manner) -> bool {
    match manner {
        Manner::Status(status, header) => {
            let line = if header.is_empty() {
                String::new()
            } else {
                format!("{header}\r\n")
            };
            let length = if *status == 204 {
                ""
            } else {
                "content-length: 0\r\n"
            };
            let text = format!("HTTP/1.1 {status} Status\r\n{line}{length}\r\n");
            stream.write_all(text.as_bytes()).await.is_ok()
        }
        Manner::Body(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream
                .write_all(format!("{head}{body}").as_bytes())
                .await
                .is_ok()
        }
        Manner::Hang | Manner::Drop => false,
        Manner::Trickle(status) => {
            let text = format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n");
            trickle(stream, &text).await
        }
        Manner::TrickleBody(status) => {
            let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: 1000\r\n\r\n");
            stream.write_all(head.as_bytes()).await.is_ok()
        }
        Manner::Endless(status) => {
            let head = format!("HTTP/1.1 {status} Status\r\ntransfer-encoding: chunked\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            false
        }
        Manner::Headers => {
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n").await;
            let line = format!("x: {}\r\n", "y".repeat(1000));
            for _ in 0..10_000 {
                if stream.write_all(line.as_bytes()).await.is_err() {
                    return false;
                }
            }
            false
        }
    }
}

/// Writes one byte a second while the client reads; returns whether everything was written.
async fn trickle(stream: &mut TcpStream, text: &str) -> bool {
    for byte in text.bytes() {
        if stream.write_all(&[byte]).await.is_err() {
            return false;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    true
}

/// The next request on a connection.
async fn request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> Option<(HashMap<String, String>, String)> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
            let headers: HashMap<String, String> = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers["content-length"].parse().unwrap();
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Some((headers, String::from_utf8(body).unwrap()));
            }
        }
        let mut more = [0; 16 * 1024];
        match stream.read(&mut more).await {
            Ok(read) if read > 0 => buffer.extend_from_slice(&more[..read]),
            _ => return None,
        }
    }
}
