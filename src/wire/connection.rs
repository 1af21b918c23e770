//! One connection, from its first byte to its last.

use crate::wire::answer::{Answering, FEW, answer};
use crate::wire::app::App;
use crate::wire::deadlines::ConnectionDeadlines;
use crate::wire::endless::{self, EndlessResponse};
use crate::wire::settings::ServerSettings;
use crate::wire::shutdown::{Leaving, Phase, Shutdown};
use crate::wire::stream::{DeadlineStream, Protocol, Timer};
use crate::wire::unwritten::CountedBody;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Maximum number of header lines of a request.
const HEADER_LINES: usize = 100;

/// Idle time of an HTTP/1 connection after which its buffers are freed.
const REST: Duration = Duration::from_millis(500);

/// The shared state of all connections of a server.
pub(crate) struct ConnectionServer {
    app: App,
    settings: ServerSettings,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    /// The builder for connections that are opened while there are too many requests. A client whose connections were
    /// closed for that reason reconnects, and each refused request would cost as much as a response.
    http2_crowded: http2::Builder<TokioExecutor>,
    shutdown: Shutdown,
}

impl ConnectionServer {
    /// The parts that all connections of a listener share.
    pub(crate) fn new(app: App, settings: ServerSettings, shutdown: Shutdown) -> Self {
        let few = settings
            .http2_streams
            .min(u32::try_from(FEW).unwrap_or(u32::MAX));
        Self {
            http1: http1(&settings, app.head_bytes()),
            http2: http2(&settings, app.head_bytes(), settings.http2_streams),
            http2_crowded: http2(&settings, app.head_bytes(), few),
            app,
            settings,
            shutdown,
        }
    }

    /// The state of a new connection.
    pub(crate) fn deadlines(&self) -> ConnectionDeadlines {
        let answer_time = self.app.request_time() + self.settings.idle_time();
        ConnectionDeadlines::new(&self.settings, answer_time)
    }

    /// Serves a connection to its end.
    pub(crate) async fn run(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        deadlines: ConnectionDeadlines,
        tls: Option<TlsAcceptor>,
    ) {
        // Responses are small and written at once; Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.serve_stream(stream, peer, deadlines).await,
            // Boxed, so that a connection without TLS is small.
            Some(acceptor) => Box::pin(self.secure(stream, peer, deadlines, acceptor)).await,
        }
    }

    async fn secure(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        deadlines: ConnectionDeadlines,
        acceptor: TlsAcceptor,
    ) {
        let handshake = async {
            stream.readable().await?;
            deadlines.note_received();
            acceptor.accept(stream).await
        };
        match timeout(self.settings.header_time(), handshake).await {
            Ok(Ok(stream)) => self.serve_stream(stream, peer, deadlines).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS handshake"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
        }
    }

    async fn serve_stream<IO>(&self, stream: IO, peer: SocketAddr, deadlines: ConnectionDeadlines)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = DeadlineStream::new(
            stream,
            deadlines.clone(),
            self.settings.write_time(),
            self.app.refuse,
        );
        if let Err(error) = self.serve(stream, peer, &deadlines).await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }

    /// Serves requests until the connection ends. hyper keeps two buffers for each HTTP/1 connection, so an idle
    /// connection is taken from it, and returned to it with the next byte.
    async fn serve<IO>(
        &self,
        mut stream: DeadlineStream<IO>,
        peer: SocketAddr,
        deadlines: &ConnectionDeadlines,
    ) -> Result<(), Broken>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut shutdown = self.shutdown.clone();
        let protocol = tokio::select! {
            protocol = stream.protocol() => protocol?,
            () = shutdown.after(Phase::Draining) => None,
        };
        if protocol == Some(Protocol::Http2) {
            return Box::pin(self.http2(stream, peer, deadlines)).await;
        }
        let mut has_more = protocol.is_some();
        while has_more {
            // Boxed, and freed while the connection is idle.
            match Box::pin(self.http1(stream, peer, deadlines)).await? {
                Http1End::Resting(resting) => stream = resting,
                Http1End::Endless(mut stream, body) => {
                    // Boxed, so that other connections are small.
                    Box::pin(endless::write(&mut stream, body)).await?;
                    return Ok(stream.shutdown().await?);
                }
                Http1End::Closed => return Ok(()),
            }
            has_more = tokio::select! {
                has_more = stream.has_more() => has_more?,
                () = shutdown.after(Phase::Draining) => false,
            };
        }
        Ok(stream.shutdown().await?)
    }

    fn answer(
        &self,
        deadlines: &ConnectionDeadlines,
        peer: SocketAddr,
        endless: Option<&EndlessResponse>,
        mut request: Request<Incoming>,
    ) -> Answering {
        if self.shutdown.phase() >= Phase::Leaving {
            request.extensions_mut().insert(Leaving);
        }
        answer(&self.app, deadlines, peer, endless, request)
    }

    async fn http2<IO>(
        &self,
        stream: DeadlineStream<IO>,
        peer: SocketAddr,
        deadlines: &ConnectionDeadlines,
    ) -> Result<(), Broken>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| self.answer(deadlines, peer, None, request));
        let builder = match self.app.in_flight.is_crowded() {
            true => &self.http2_crowded,
            false => &self.http2,
        };
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let mut shutdown = self.shutdown.clone();
        // A connection that was opened during the shutdown delay is closed in order when the server drains.
        let since = shutdown.phase();
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            () = shutdown.after(since) => connection.as_mut().graceful_shutdown(),
        }
        Ok(connection.await?)
    }

    /// Serves HTTP/1 requests until the connection is idle, has an endless response, or ends.
    async fn http1<IO>(
        &self,
        stream: DeadlineStream<IO>,
        peer: SocketAddr,
        deadlines: &ConnectionDeadlines,
    ) -> Result<Http1End<IO>, Broken>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let endless = EndlessResponse::default();
        let service = service_fn(|request| self.answer(deadlines, peer, Some(&endless), request));
        let mut connection = self.http1.serve_connection(TokioIo::new(stream), service);
        let mut shutdown = self.shutdown.clone();
        let mut resting = Timer::default();
        // hyper's part of an endless response has no end, so both waits look for one.
        let endless_body = || match deadlines.is_stalled() {
            // The client has not read the head yet.
            true => None,
            false => endless.take(),
        };
        let rests = poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(Served::Ended(ended));
            }
            if let Some(body) = endless_body() {
                return Poll::Ready(Served::Endless(body));
            }
            match deadlines.rests_since() {
                Some(since) => resting.poll(since + REST, cx).map(|()| Served::Rests),
                None => Poll::Pending,
            }
        });
        let mut served = tokio::select! {
            served = rests => served,
            () = shutdown.after(Phase::Draining) => Served::Rests,
        };
        if matches!(served, Served::Rests) {
            // An idle connection ends at once; another one after the response to the running request.
            Pin::new(&mut connection).graceful_shutdown();
            let is_idle = poll_fn(|cx| Poll::Ready(connection.poll_without_shutdown(cx))).await;
            if is_idle.is_pending() {
                let ends = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
                    Poll::Ready(ended) => Poll::Ready(Served::Ended(ended)),
                    Poll::Pending => match endless_body() {
                        Some(body) => Poll::Ready(Served::Endless(body)),
                        None => Poll::Pending,
                    },
                });
                served = ends.await;
            }
        }
        let body = match served {
            Served::Ended(ended) => return Ok(ended.map(|()| Http1End::Closed)?),
            Served::Endless(body) => Some(body),
            Served::Rests => None,
        };
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        stream.put_back(&parts.read_buf);
        Ok(match body {
            Some(body) => Http1End::Endless(stream, body),
            None => Http1End::Resting(stream),
        })
    }
}

/// Why hyper no longer serves an HTTP/1 connection.
enum Http1End<IO> {
    /// The connection is idle.
    Resting(DeadlineStream<IO>),
    /// The response is endless, and the head is written.
    Endless(DeadlineStream<IO>, Box<CountedBody>),
    /// The connection is closed.
    Closed,
}

/// The outcome of waiting for an HTTP/1 connection.
enum Served {
    Ended(hyper::Result<()>),
    Endless(Box<CountedBody>),
    Rests,
}

/// Why a connection ended before its time.
type Broken = Box<dyn Error + Send + Sync>;

fn http1(settings: &ServerSettings, head_bytes: usize) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // [`ConnectionDeadlines`] limits the time of heads. hyper's own timer, which also runs between requests, is an
    // additional limit.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_time() + settings.idle_time())
        .max_buf_size(room(head_bytes))
        .max_headers(HEADER_LINES);
    builder
}

fn http2(
    settings: &ServerSettings,
    head_bytes: usize,
    streams: u32,
) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let room = u32::try_from(room(head_bytes)).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(room)
        .max_concurrent_streams(streams)
        .max_send_buf_size(settings.http2_send_bytes);
    builder
}

/// The buffer size: twice the limit of the guard, so that a refusal up to this size has a reason in its body.
fn room(head_bytes: usize) -> usize {
    head_bytes.saturating_mul(2).max(16 << 10)
}
