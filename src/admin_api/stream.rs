//! Server-Sent Events (WHATWG HTML section 9.2) with new entries of the log.

use crate::admin_api::respond;
use crate::operator::{LogEvent, LogReader};
use crate::wire::unwritten::Endless;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Frame;
use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Interval of comments that keep the stream alive.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Whether events have an id, from which a client can continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// The position in the log of the tenant.
    Positions,
    /// None: tenants have separate positions.
    Without,
}

/// The response with the entries of a reader, until the reader ends or the client disconnects.
pub(crate) fn answer(reader: LogReader, ids: Ids) -> Response {
    let mut response = respond::text(200, "text/event-stream", String::new());
    *response.body_mut() = Body::new(Events {
        ids,
        is_open: false,
        reading: Box::pin(read(reader, ids)),
        alive: Box::pin(sleep(KEEPALIVE_INTERVAL)),
    });
    response.extensions_mut().insert(Endless);
    response
}

/// The body of a stream.
struct Events {
    ids: Ids,
    /// Whether the first bytes were sent.
    is_open: bool,
    reading: Pin<Box<dyn Future<Output = Read> + Send>>,
    /// When the next comment is sent.
    alive: Pin<Box<Sleep>>,
}

/// The text of the next events, with the reader for later ones; `None` at the end.
type Read = Option<(Bytes, LogReader)>;

async fn read(mut reader: LogReader, ids: Ids) -> Read {
    let events = reader.next_together().await?;
    let mut text = String::new();
    for event in events {
        push(&mut text, &event, ids);
    }
    Some((text.into(), reader))
}

impl Events {
    fn poll_text(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.is_open {
            // They show the client that the stream is open.
            self.is_open = true;
            return Poll::Ready(Some(KEEPALIVE_COMMENT));
        }
        if let Poll::Ready(read_text) = self.reading.as_mut().poll(context) {
            let Some((text, reader)) = read_text else {
                return Poll::Ready(None);
            };
            self.reading = Box::pin(read(reader, self.ids));
            self.alive
                .as_mut()
                .reset(Instant::now() + KEEPALIVE_INTERVAL);
            return Poll::Ready(Some(text));
        }
        ready!(self.alive.as_mut().poll(context));
        self.alive
            .as_mut()
            .reset(Instant::now() + KEEPALIVE_INTERVAL);
        Poll::Ready(Some(KEEPALIVE_COMMENT))
    }
}

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let text = ready!(self.poll_text(context));
        Poll::Ready(text.map(|text| Ok(Frame::data(text))))
    }
}

/// Appends an event.
fn push(text: &mut String, event: &LogEvent, ids: Ids) {
    let LogEvent::Request(entry) = event else {
        text.push_str("event: gap\ndata: {}\n\n");
        return;
    };
    text.push_str("event: request\n");
    if ids == Ids::Positions {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "id: {}", entry.position.number());
    }
    for part in ["data: ", entry.json(), "\n\n"] {
        text.push_str(part);
    }
}

const KEEPALIVE_COMMENT: Bytes = Bytes::from_static(b":\n\n");
