//! One connection, from its first byte to its last.

use crate::http::app::App;
use crate::http::exchange::Peer;
use crate::http::pulse::Pulse;
use crate::http::seats::PATIENCE;
use crate::http::settings::ServerSettings;
use crate::http::stream::Timed;
use crate::http::unwritten::{Held, Unwritten};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::Service;

/// Most header lines of a request.
const HEADER_LINES: usize = 100;

/// Answers that may stay unread on one connection while there are too many of them in all.
const UNREAD: usize = 8;

/// What all connections of a server have in common.
pub(super) struct Host {
    app: App,
    settings: ServerSettings,
    builder: auto::Builder<TokioExecutor>,
    draining: watch::Receiver<bool>,
}

impl Host {
    pub(super) fn new(app: App, settings: ServerSettings, draining: watch::Receiver<bool>) -> Self {
        let builder = builder(&settings, app.head_bytes());
        Self {
            app,
            settings,
            builder,
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
        let service = service_fn(|request| answer(&self.app, &pulse, peer, request));
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let mut draining = self.draining.clone();
        let stopping = async { draining.wait_for(|draining| *draining).await.is_ok() };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = stopping => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

fn builder(settings: &ServerSettings, head_bytes: usize) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // The pulse keeps the time of heads; hyper's own timer, which runs between requests as
    // well, is a net below it.
    let net = settings.header_time() + settings.idle_time();
    // Twice what the guard takes: up to there the refusal has a reason in its body.
    let room = head_bytes.saturating_mul(2).max(16 << 10);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(net)
        .max_buf_size(room)
        .max_headers(HEADER_LINES);
    let room = u32::try_from(room).unwrap_or(u32::MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(room)
        .max_concurrent_streams(settings.http2_streams);
    builder.http2().max_send_buf_size(settings.http2_send_bytes);
    builder
}

/// The work on one request. hyper keeps room for it as long as the connection lasts, so there is but a pointer.
type Answering = Pin<Box<dyn Future<Output = Result<hyper::Response<Held>, Unread>> + Send>>;

/// Answers one request. An error ends the stream of HTTP/2, or the connection of HTTP/1, without an answer.
fn answer(app: &App, pulse: &Pulse, peer: SocketAddr, mut request: Request<Incoming>) -> Answering {
    let (busy, fault) = pulse.begin(request.method().as_str(), request.version());
    let ticket = app.in_flight.begin();
    let is_unread = app.in_flight.is_crowded() && pulse.leaves_unread(UNREAD, PATIENCE);
    if is_unread {
        pulse.abandon();
    }
    let extensions = request.extensions_mut();
    extensions.insert(Peer(peer));
    extensions.insert(ticket.clone());
    extensions.insert(pulse.clone());
    if let Some(fault) = fault {
        extensions.insert(fault);
    }
    let response = (!is_unread).then(|| app.router.clone().call(request.map(Body::new)));
    Box::pin(async move {
        let Ok(mut response) = response.ok_or(Unread)?.await;
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

/// Answers stay unread on a connection while there are too many such answers.
#[derive(Debug, thiserror::Error)]
#[error("answers are not read")]
struct Unread;
