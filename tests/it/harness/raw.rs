//! Requests as bytes, for what no client library sends.

use super::Server;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer takes as long.
const PATIENCE: Duration = Duration::from_secs(20);

impl Server {
    pub(crate) async fn connect(&self) -> TcpStream {
        let (address, _) = self.base.strip_prefix("http://").unwrap().split_once('/').unwrap();
        TcpStream::connect(address).await.unwrap()
    }

    /// A request with a token; the path is taken as it is.
    pub(crate) fn request(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "{method} /scim/v2{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\
             Content-Type: application/scim+json\r\nConnection: close\r\n\r\n",
            self.token,
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    /// Sends bytes and reads until the server closes the connection.
    pub(crate) async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may refuse, and close, before it has read all of it.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server keeps the connection");
        if let Err(error) = read {
            assert!(!answer.is_empty(), "no answer: {error}");
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}
