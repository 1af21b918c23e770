//! A minimal keep-alive connection with HTTP/1.1, because CPU time of the driver is not available to the server.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

const PATIENCE: Duration = Duration::from_secs(60);

/// The address of a server, and the token for requests.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// Host and port.
    pub(crate) host: String,
    /// Base path, without a slash at the end.
    pub(crate) path: String,
    pub(crate) token: String,
    /// Address of this machine from which connections are opened, if it matters.
    pub(crate) from: Option<IpAddr>,
}

impl Address {
    /// From a base URL such as `http://127.0.0.1:8080/scim/v2`.
    pub(crate) fn new(url: &str, token: &str) -> Result<Self, String> {
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| format!("{url}: must begin with http://"))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = if path.is_empty() {
            String::new()
        } else {
            format!("/{}", path.trim_end_matches('/'))
        };
        Ok(Self {
            host: host.to_owned(),
            path,
            token: format!("Bearer {token}"),
            from: None,
        })
    }

    /// The same server and token, from another address of this machine.
    pub(crate) fn from(&self, address: IpAddr) -> Self {
        Self {
            from: Some(address),
            ..self.clone()
        }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let Some(from) = self.from else {
            return TcpStream::connect(&self.host).await;
        };
        let to: SocketAddr = self.host.parse().map_err(io::Error::other)?;
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.bind((from, 0).into())?;
        socket.connect(to).await
    }
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// A connection, opened when it is needed.
#[derive(Debug)]
pub(crate) struct Client {
    address: Address,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(crate) fn new(address: &Address) -> Self {
        Self {
            address: address.clone(),
            open: None,
        }
    }

    /// Sends a request and reads the response; an error is a broken connection or a minute without a response.
    pub(crate) async fn send(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, String> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(method, path, body)).await;
        answer
            .unwrap_or_else(|_| Err("no answer".to_owned()))
            .inspect_err(|_| self.open = None)
    }

    async fn exchange(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, String> {
        if self.open.as_ref().is_none_or(SendRequest::is_closed) {
            self.open = Some(connect(&self.address).await?);
        }
        let Some(connection) = &mut self.open else {
            return Err("no connection".to_owned());
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address.path))
            .header("host", &self.address.host)
            .header("authorization", &self.address.token);
        if body.is_some() {
            let kind = if self.address.path.starts_with("/api/") {
                "application/json"
            } else {
                "application/scim+json"
            };
            request = request.header("content-type", kind);
        }
        let request = request
            .body(Full::from(body.unwrap_or_default()))
            .map_err(|error| error.to_string())?;
        connection
            .ready()
            .await
            .map_err(|error| error.to_string())?;
        let response = connection
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        Ok(Answer { status, body })
    }
}

async fn connect(address: &Address) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = address
        .connect()
        .await
        .map_err(|error| format!("{}: {error}", address.host))?;
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}
