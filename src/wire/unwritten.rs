//! A response body that keeps its request counted until the last byte is written to the socket, or the connection is
//! closed.
//!
//! hyper drops a body after its last piece, and can hold the pieces as long as the client does not read. So each piece
//! holds the request, and hyper drops a piece when it is written.

use crate::wire::deadlines::OpenRequest;
use crate::wire::in_flight::Ticket;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Bytes of a piece, which a client must read within the write time.
const PIECE: usize = 16 << 10;

/// An extension of a response with an endless body: its request is not counted as running.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endless;

/// A request whose response is not written yet.
#[derive(Debug)]
pub(crate) struct Unwritten {
    pub(crate) open: OpenRequest,
    /// Counts the request; `None` for an endless response.
    pub(crate) _ticket: Option<Ticket>,
}

/// A piece of a body; the last of them to be dropped ends the request.
struct Piece {
    bytes: Bytes,
    request: Arc<Unwritten>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.request.open.progress();
    }
}

/// The body of a response, in pieces.
pub(crate) struct CountedBody {
    body: Body,
    /// The part of the body that was read and not passed on.
    rest: Bytes,
    request: Arc<Unwritten>,
}

impl CountedBody {
    /// A body whose bytes are counted for a request.
    pub(crate) fn new(body: Body, request: Arc<Unwritten>) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            request,
        }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        let bytes = self.rest.split_to(self.rest.len().min(PIECE));
        Frame::data(Bytes::from_owner(Piece {
            bytes,
            request: self.request.clone(),
        }))
    }
}

impl hyper::body::Body for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        Poll::Ready(Some(Ok(self.piece())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}
