//! Server-Sent Events (WHATWG HTML section 9.2) with new entries of the log of a tenant.

use crate::admin_api::respond;
use crate::operator::{LogEvent, LogReader, request_as_json};
use crate::wire::unwritten::Endless;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;

/// Interval of comments that keep the stream alive.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Maximum number of events that wait for a slow client.
const MAX_QUEUED: usize = 4;

/// The response with the entries of a reader, until the reader ends or the client disconnects.
pub(crate) fn answer(tenant: &str, reader: LogReader) -> Response {
    let (sender, events) = mpsc::channel(MAX_QUEUED);
    tokio::spawn(send_events(tenant.to_owned(), reader, sender));
    let mut response = respond::text(200, "text/event-stream", String::new());
    *response.body_mut() = Body::new(Events(events));
    response.extensions_mut().insert(Endless);
    response
}

/// The body of a stream.
struct Events(Receiver<Bytes>);

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let event = self.0.poll_recv(context);
        event.map(|event| event.map(|text| Ok(Frame::data(text))))
    }
}

async fn send_events(tenant: String, mut reader: LogReader, sender: Sender<Bytes>) {
    // The first bytes show the client that the stream is open.
    let mut text = KEEPALIVE_COMMENT.to_owned();
    while sender.send(text.into()).await.is_ok() {
        let next = tokio::select! {
            next = timeout(KEEPALIVE_INTERVAL, reader.next()) => next,
            () = sender.closed() => return,
        };
        text = match next {
            Ok(Some(event)) => of_event(&tenant, &event),
            Ok(None) => return,
            Err(_) => KEEPALIVE_COMMENT.to_owned(),
        };
    }
}

fn of_event(tenant: &str, event: &LogEvent) -> String {
    match event {
        LogEvent::Gap => "event: gap\ndata: {}\n\n".to_owned(),
        LogEvent::Request(logged) => {
            let (place, request) = &**logged;
            // The JSON has no line breaks.
            let data = request_as_json(tenant, request);
            format!("event: request\nid: {}\ndata: {data}\n\n", place.number())
        }
    }
}

const KEEPALIVE_COMMENT: &str = ":\n\n";
