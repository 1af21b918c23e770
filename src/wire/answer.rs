//! The response to one request, from its admission to the last written byte.

use crate::wire::admission;
use crate::wire::app::App;
use crate::wire::connection_limit::UNREAD_GRACE;
use crate::wire::deadlines::ConnectionDeadlines;
use crate::wire::endless::EndlessResponse;
use crate::wire::layers::client_address::Peer;
use crate::wire::rate::network;
use crate::wire::unwritten::{CountedBody, Endless, Unwritten};
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::{HeaderValue, Method, StatusCode, Version};
use bytes::Bytes;
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use std::future::ready;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::Service;

/// Maximum number of requests of one connection that wait or have unread responses, while there are too many in total.
pub(crate) const FEW: usize = 8;

/// The future of one request. hyper reserves space for it as long as the connection lasts, so it is only a pointer.
pub(crate) type Answering =
    Pin<Box<dyn Future<Output = Result<hyper::Response<CountedBody>, Crowded>> + Send>>;

/// Handles one request. An error ends the HTTP/2 stream, or the HTTP/1 connection, without a response.
pub(crate) fn answer(
    app: &App,
    deadlines: &ConnectionDeadlines,
    peer: SocketAddr,
    endless: Option<&EndlessResponse>,
    mut request: Request<Incoming>,
) -> Answering {
    // Other versions have no chunks, and the response to HEAD has no body.
    let is_chunked = request.version() == Version::HTTP_11 && request.method() == Method::GET;
    let endless = endless.filter(|_| is_chunked).cloned();
    let (open, fault) = deadlines.begin(request.method().as_str(), request.version());
    let ticket = app.in_flight.begin();
    let credentials = request.headers().get(AUTHORIZATION);
    let client = admission::client(credentials.map(HeaderValue::as_bytes), network(peer.ip()));
    let is_greedy = || {
        deadlines.has_more_than(FEW) && app.admission.is_over_share(client)
            || deadlines.leaves_unread(FEW, UNREAD_GRACE)
    };
    if app.in_flight.is_crowded() && is_greedy() {
        deadlines.abandon();
        return Box::pin(ready(Err(Crowded)));
    }
    let wait = app.admission.enqueue(client);
    let extensions = request.extensions_mut();
    extensions.insert(Peer(peer));
    extensions.insert(ticket.clone());
    extensions.insert(deadlines.clone());
    if let Some(fault) = fault {
        extensions.insert(fault);
    }
    let request = request.map(|body| body_of(body, deadlines));
    let mut handler = app.handler.clone();
    Box::pin(async move {
        ticket.hold_slot(wait.end().await);
        let Ok(mut response) = handler.call(request).await;
        ticket.release_slot();
        open.ready();
        // axum declares every empty body; these responses have none (RFC 9110 section 8.6).
        if matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        ) {
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        let is_endless = response.extensions().get::<Endless>().is_some();
        let unwritten = Arc::new(Unwritten {
            open,
            _ticket: (!is_endless).then_some(ticket),
        });
        Ok(response.map(|body| {
            let body = CountedBody::new(body, unwritten.clone());
            match endless.filter(|_| is_endless) {
                Some(endless) => CountedBody::new(Body::new(endless.begin(body)), unwritten),
                None => body,
            }
        }))
    })
}

/// There are too many requests without a token, and the client has used its share of them.
#[derive(Debug, thiserror::Error)]
#[error("too many requests wait, or have unread responses")]
pub(crate) struct Crowded;

/// The body of a request, whose end the connection awaits before it is idle.
fn body_of(body: Incoming, deadlines: &ConnectionDeadlines) -> Body {
    if hyper::body::Body::is_end_stream(&body) {
        return Body::new(body);
    }
    deadlines.await_body();
    Body::new(Awaited {
        body,
        deadlines: deadlines.clone(),
    })
}

/// A body that reports its end to its connection.
struct Awaited {
    body: Incoming,
    deadlines: ConnectionDeadlines,
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
            self.deadlines.end_body();
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
