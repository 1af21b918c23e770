//! One connection, from its first byte to its last.

use crate::http::admission;
use crate::http::app::App;
use crate::http::exchange::Peer;
use crate::http::pulse::Pulse;
use crate::http::rate::network;
use crate::http::seats::PATIENCE;
use crate::http::settings::ServerSettings;
use crate::http::stream::{Protocol, Timed, Timer};
use crate::http::unwritten::{Held, Unwritten};
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::error::Error;
use std::future::{poll_fn, ready};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::Service;

/// Most header lines of a request.
const HEADER_LINES: usize = 100;

/// Answers that may stay unread on one connection while there are too many of them in all.
const UNREAD: usize = 8;

/// How long a connection of HTTP/1 rests until its buffers are freed.
const REST: Duration = Duration::from_millis(500);

/// What all connections of a server have in common.
pub(super) struct Host {
    app: App,
    settings: ServerSettings,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    draining: watch::Receiver<bool>,
}

impl Host {
    pub(super) fn new(app: App, settings: ServerSettings, draining: watch::Receiver<bool>) -> Self {
        let (http1, http2) = (
            http1(&settings, app.head_bytes()),
            http2(&settings, app.head_bytes()),
        );
        Self {
            app,
            settings,
            http1,
            http2,
            draining,
        }
    }

    /// The state of a new connection.
    pub(super) fn pulse(&self) -> Pulse {
        let answer_time = self
            .app
            .request_time()
            .map(|time| time + self.settings.idle_time());
        Pulse::new(&self.settings, answer_time)
    }

    /// Serves a connection to its end.
    pub(super) async fn welcome(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        pulse: Pulse,
        tls: Option<TlsAcceptor>,
    ) {
        // Answers are small and written at once; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.converse(stream, peer, pulse).await,
            // In a place of its own, so that a connection without TLS is no larger than it must be.
            Some(acceptor) => Box::pin(self.secure(stream, peer, pulse, acceptor)).await,
        }
    }

    async fn secure(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        pulse: Pulse,
        acceptor: TlsAcceptor,
    ) {
        match timeout(self.settings.header_time(), acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.converse(stream, peer, pulse).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS handshake"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
        }
    }

    async fn converse<IO>(&self, stream: IO, peer: SocketAddr, pulse: Pulse)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = Timed::new(stream, pulse.clone(), self.settings.write_time());
        if let Err(error) = self.serve(stream, peer, &pulse).await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }

    /// Serves requests until the connection ends. hyper keeps two buffers for each connection of HTTP/1, so a
    /// connection that rests is taken back from it, and given to it again with the next byte.
    async fn serve<IO>(
        &self,
        mut stream: Timed<IO>,
        peer: SocketAddr,
        pulse: &Pulse,
    ) -> Result<(), Broken>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut draining = self.draining.clone();
        let protocol = tokio::select! {
            protocol = stream.protocol() => protocol?,
            _ = draining.wait_for(|draining| *draining) => None,
        };
        if protocol == Some(Protocol::Http2) {
            return Box::pin(self.http2(stream, peer, pulse)).await;
        }
        let mut has_more = protocol.is_some();
        while has_more {
            // In a place of its own, which is free while the connection rests.
            match Box::pin(self.http1(stream, peer, pulse)).await? {
                Some(resting) => stream = resting,
                None => return Ok(()),
            }
            has_more = tokio::select! {
                has_more = stream.has_more() => has_more?,
                _ = draining.wait_for(|draining| *draining) => false,
            };
        }
        Ok(stream.shutdown().await?)
    }

    async fn http2<IO>(
        &self,
        stream: Timed<IO>,
        peer: SocketAddr,
        pulse: &Pulse,
    ) -> Result<(), Broken>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| answer(&self.app, pulse, peer, request));
        let connection = self.http2.serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let mut draining = self.draining.clone();
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            _ = draining.wait_for(|draining| *draining) => connection.as_mut().graceful_shutdown(),
        }
        Ok(connection.await?)
    }

    /// Serves requests of HTTP/1 until the connection rests, in which case the stream is handed back, or ends.
    async fn http1<IO>(
        &self,
        stream: Timed<IO>,
        peer: SocketAddr,
        pulse: &Pulse,
    ) -> Result<Option<Timed<IO>>, Broken>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| answer(&self.app, pulse, peer, request));
        let mut connection = self.http1.serve_connection(TokioIo::new(stream), service);
        let mut draining = self.draining.clone();
        let mut resting = Timer::default();
        let rests = poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(Some(ended));
            }
            match pulse.rests_since() {
                Some(since) => resting.poll(since + REST, cx).map(|()| None),
                None => Poll::Pending,
            }
        });
        let ended = tokio::select! {
            ended = rests => ended,
            _ = draining.wait_for(|draining| *draining) => None,
        };
        if let Some(ended) = ended {
            return Ok(ended.map(|()| None)?);
        }
        // One that is idle ends at once; another one after the answer to the request under way.
        Pin::new(&mut connection).graceful_shutdown();
        let is_idle = poll_fn(|cx| Poll::Ready(connection.poll_without_shutdown(cx))).await;
        if is_idle.is_pending() {
            return Ok(connection.await.map(|()| None)?);
        }
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        stream.put_back(&parts.read_buf);
        Ok(Some(stream))
    }
}

/// Why a connection ended before its time.
type Broken = Box<dyn Error + Send + Sync>;

fn http1(settings: &ServerSettings, head_bytes: usize) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // The pulse keeps the time of heads; hyper's own timer, which runs between requests as
    // well, is a net below it.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_time() + settings.idle_time())
        .max_buf_size(room(head_bytes))
        .max_headers(HEADER_LINES);
    builder
}

fn http2(settings: &ServerSettings, head_bytes: usize) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let room = u32::try_from(room(head_bytes)).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(room)
        .max_concurrent_streams(settings.http2_streams)
        .max_send_buf_size(settings.http2_send_bytes);
    builder
}

/// Twice what the guard takes: up to there the refusal has a reason in its body.
fn room(head_bytes: usize) -> usize {
    head_bytes.saturating_mul(2).max(16 << 10)
}

/// The work on one request. hyper keeps room for it as long as the connection lasts, so there is but a pointer.
type Answering = Pin<Box<dyn Future<Output = Result<hyper::Response<Held>, Crowded>> + Send>>;

/// Answers one request. An error ends the stream of HTTP/2, or the connection of HTTP/1, without an answer.
fn answer(app: &App, pulse: &Pulse, peer: SocketAddr, mut request: Request<Incoming>) -> Answering {
    let (busy, fault) = pulse.begin(request.method().as_str(), request.version());
    let ticket = app.in_flight.begin();
    let credentials = request.headers().get(AUTHORIZATION);
    let client = admission::client(credentials.map(HeaderValue::as_bytes), network(peer.ip()));
    if app.in_flight.is_crowded()
        && (app.admission.is_over_share(client) || pulse.leaves_unread(UNREAD, PATIENCE))
    {
        pulse.abandon();
        return Box::pin(ready(Err(Crowded)));
    }
    let wait = app.admission.turn(client);
    let extensions = request.extensions_mut();
    extensions.insert(Peer(peer));
    extensions.insert(ticket.clone());
    extensions.insert(pulse.clone());
    if let Some(fault) = fault {
        extensions.insert(fault);
    }
    let request = request.map(|body| body_of(body, pulse));
    let mut router = app.router.clone();
    Box::pin(async move {
        ticket.begin_turn(wait.end().await);
        let Ok(mut response) = router.call(request).await;
        ticket.end_turn();
        busy.ready();
        // axum declares every empty body; these answers have none (RFC 9110 section 8.6).
        if matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        ) {
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        Ok(response.map(|body| {
            Held::new(
                body,
                Arc::new(Unwritten {
                    busy,
                    _ticket: ticket,
                }),
            )
        }))
    })
}

/// There are too many requests that count for nobody, and the client has its share of them.
#[derive(Debug, thiserror::Error)]
#[error("too many requests wait, or have answers that are not read")]
struct Crowded;

/// The body of a request, whose end the connection waits for before it rests.
fn body_of(body: Incoming, pulse: &Pulse) -> Body {
    if hyper::body::Body::is_end_stream(&body) {
        return Body::new(body);
    }
    pulse.await_body();
    Body::new(Awaited {
        body,
        pulse: pulse.clone(),
    })
}

/// A body that tells its connection of its end.
struct Awaited {
    body: Incoming,
    pulse: Pulse,
}

impl hyper::body::Body for Awaited {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(None) = frame {
            self.pulse.end_body();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
