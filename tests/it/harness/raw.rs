//! Requests as bytes, for input that no client library sends.

use super::Server;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any expected response time.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A raw response.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl RawAnswer {
    fn read(text: &str) -> Self {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: {head:?}"));
        Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields
            .find(|(there, _)| there.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

impl Server {
    pub(crate) async fn connect(&self) -> TcpStream {
        let (address, _) = self
            .base
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap();
        TcpStream::connect(address).await.unwrap()
    }

    /// A request with the server's token; the path is sent unchanged.
    pub(crate) fn request(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        self.request_by(
            &self.token,
            method,
            path,
            "Content-Type: application/scim+json\r\n",
            body,
        )
    }

    /// A request with a token and further header lines; the path is sent unchanged.
    pub(crate) fn request_by(
        &self,
        token: &str,
        method: &str,
        path: &str,
        fields: &str,
        body: &[u8],
    ) -> Vec<u8> {
        let head = format!(
            "{method} /scim/v2{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {}\r\n{fields}Connection: close\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    /// Sends bytes and reads until the server closes the connection.
    pub(crate) async fn say(&self, bytes: &[u8]) -> RawAnswer {
        let mut stream = self.connect().await;
        // The server may refuse, and close, before it has read all of it.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let read = timeout(TIME_LIMIT, stream.read_to_end(&mut answer)).await;
        if let Err(error) = read.expect("the server keeps the connection") {
            assert!(!answer.is_empty(), "no answer: {error}");
        }
        RawAnswer::read(std::str::from_utf8(&answer).unwrap())
    }
}

/// A request that is put together line by line.
#[derive(Debug)]
pub(crate) struct RawRequest {
    head: String,
    body: String,
}

impl RawRequest {
    /// The target is sent unchanged.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        Self {
            head,
            body: String::new(),
        }
    }

    /// The request with another header field.
    pub(crate) fn field(self, name: &str, value: &str) -> Self {
        Self {
            head: format!("{}{name}: {value}\r\n", self.head),
            ..self
        }
    }

    /// The request with a body and its length.
    pub(crate) fn body(self, body: String) -> Self {
        let length = body.len().to_string();
        Self { body, ..self }.field("Content-Length", &length)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        format!("{}\r\n{}", self.head, self.body).into_bytes()
    }
}
