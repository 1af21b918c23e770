//! Tests with a real server on a real socket, byte by byte.

mod crowd;
mod framing;
mod lifetime;
mod protocol;
mod unread;

use crate::error::{Result, ScimError};
use crate::protocol::ScimReply;
use crate::scim_api::app::ScimApp;
use crate::scim_api::exchange::ScimCall;
use crate::scim_api::json_body::object;
use crate::scim_api::log::Logs;
use crate::scim_api::settings::HttpSettings;
use crate::wire::body::{BodyLimits, Upload};
use crate::wire::rate::TokenLimits;
use crate::wire::{ServerSettings, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A server whose handler selects its behaviour by the last segment of the path.
struct Server {
    address: SocketAddr,
    app: ScimApp,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<std::io::Result<()>>,
}

fn short() -> ServerSettings {
    ServerSettings {
        header_seconds: 1,
        idle_seconds: 5,
        drain_seconds: 2,
        ..ServerSettings::default()
    }
}

impl Server {
    async fn start() -> Self {
        Self::with(
            HttpSettings {
                request_seconds: 1,
                body_bytes: 1000,
                ..HttpSettings::default()
            },
            short(),
        )
        .await
    }

    async fn with(settings: HttpSettings, server: ServerSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let app = ScimApp::new(
            settings.clone(),
            Arc::new(TokenLimits::new(settings.rates())),
            (Logs::default(), None),
            move |call, upload| handle(settings.clone(), call, upload),
        );
        let running = tokio::spawn(serve(listener, app.wire(), server, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            app,
            stop: Some(stop),
            running,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the server closes the connection, which must happen within a few seconds.
    async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        rest(&mut stream).await
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_secs(12), stream.read_to_end(&mut bytes)).await;
    read.expect("the server keeps the connection").unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads one response with an empty body or a declared length, and leaves the connection open.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut bytes = [0; 4096];
        let count = timeout(Duration::from_secs(5), stream.read(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        text += std::str::from_utf8(&bytes[..count]).unwrap();
        assert!(count > 0, "closed after {text:?}");
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

fn request(method: &str, path: &str, fields: &str) -> String {
    format!("{method} /scim/v2/{path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn get(path: &str) -> String {
    request("GET", path, "Connection: close\r\n")
}

fn status(answer: &str) -> u16 {
    answer
        .get(9..12)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

/// Asserts that a response is a SCIM error with this status, and that the server closed the connection after it.
#[track_caller]
fn assert_refused(answer: &str, expected: u16) {
    assert_eq!(status(answer), expected, "{answer}");
    assert!(
        answer.contains("content-type: application/scim+json\r\n"),
        "{answer}"
    );
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(
        answer.ends_with(&format!("\"status\":\"{expected}\"}}")),
        "{answer}"
    );
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

async fn handle(settings: HttpSettings, call: ScimCall, mut upload: Upload) -> Result<ScimReply> {
    let outcome = perform(settings, &call, &mut upload).await;
    if outcome.is_err() {
        call.refuse();
        upload.discard().await;
    }
    outcome
}

async fn perform(
    settings: HttpSettings,
    call: &ScimCall,
    upload: &mut Upload,
) -> Result<ScimReply> {
    let limits = BodyLimits {
        bytes: settings.body_bytes,
        time: Duration::from_millis(500),
    };
    let path = call.head.uri.path();
    match path.rsplit('/').next().unwrap_or_default() {
        "read" => {
            let object = object(upload, &call.head.headers, limits, 4).await?;
            Ok(ScimReply::ok(format!("{{\"members\":{}}}", object.len())))
        }
        // The query is the name of both the token and the tenant.
        "page" => {
            admit(call)?;
            call.expect(50_000)?;
            Ok(ScimReply::ok(format!("\"{}\"", "a".repeat(100_000))))
        }
        "held" => {
            admit(call)?;
            sleep(Duration::from_secs(20)).await;
            Ok(ScimReply::ok("\"held\"".into()))
        }
        "big" => Ok(ScimReply::ok(format!("\"{}\"", "a".repeat(100_000)))),
        "slow" => {
            sleep(Duration::from_millis(500)).await;
            Ok(ScimReply::ok("\"slow\"".into()))
        }
        "endless" => {
            sleep(Duration::from_secs(20)).await;
            Ok(ScimReply::ok("\"never\"".into()))
        }
        "panic" => panic!("as it was told"),
        "none" => Ok(ScimReply::empty(204)),
        "unmodified" => Ok(ScimReply {
            etag: Some("W/\"1\"".into()),
            ..ScimReply::empty(304)
        }),
        "refuse" => Err(ScimError::forbidden("no")),
        _ => Ok(ScimReply::ok(format!("\"{} {path}\"", call.head.method))),
    }
}

/// Admits a request; the query is the name of both the token and the tenant.
fn admit(call: &ScimCall) -> Result<()> {
    let token = call.head.uri.query().unwrap_or_default();
    let tenant = token.split('.').next().unwrap_or_default();
    call.know();
    call.admit(&token.into(), &tenant.into())
}
