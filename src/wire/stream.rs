//! The byte stream of a connection, with its deadlines.

use crate::wire::deadlines::ConnectionDeadlines;
use crate::wire::refusal::{Refusal, RefusalForms, Refuse, Refused};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Body;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Limits on the time and bytes read from a connection after the last response, until the client closes it.
const LINGER_TIME: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 128 << 20;

/// The first bytes of every client of HTTP/2 (RFC 9113 section 3.4).
const HTTP2_PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that ends at its deadline.
pub(crate) struct DeadlineStream<IO> {
    io: IO,
    /// Received bytes for the next reader.
    received: Bytes,
    deadlines: ConnectionDeadlines,
    write_time: Duration,
    reading: Timer,
    writing: Timer,
    /// The deadline for the client to read.
    stalled_until: Option<Instant>,
    /// The API's format of refusals.
    refuse: RefusalForms,
    replaced: Option<ReplacedAnswer>,
    lingering: Option<Box<Lingering>>,
}

impl<IO> DeadlineStream<IO> {
    /// The stream of a connection with its deadlines.
    pub(crate) fn new(
        io: IO,
        deadlines: ConnectionDeadlines,
        write_time: Duration,
        refuse: RefusalForms,
    ) -> Self {
        Self {
            io,
            received: Bytes::new(),
            deadlines,
            write_time,
            reading: Timer::default(),
            writing: Timer::default(),
            stalled_until: None,
            refuse,
            replaced: None,
            lingering: None,
        }
    }

    /// Returns received bytes to the stream, for the next reader.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        // A copy: the buffer from hyper can be a part of a larger one, even if it is empty.
        self.received = Bytes::copy_from_slice(bytes);
    }

    fn progress<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        let was_stalled = self.stalled_until.is_some();
        if outcome.is_ready() {
            self.stalled_until = None;
            if was_stalled {
                self.deadlines.stall(false);
            }
            return outcome;
        }
        if !was_stalled {
            self.deadlines.stall(true);
        }
        let until = *self
            .stalled_until
            .get_or_insert_with(|| Instant::now() + self.write_time);
        self.writing
            .poll(until, cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<IO: AsyncRead + Unpin> DeadlineStream<IO> {
    /// Waits for the first bytes; `None` if the client closes the connection instead.
    ///
    /// # Errors
    /// Errors of the connection; `TimedOut` after the time limit for the first bytes.
    pub(crate) async fn protocol(&mut self) -> io::Result<Option<Protocol>> {
        let (mut bytes, mut count) = ([0; HTTP2_PREFACE.len()], 0);
        while let Some(room) = bytes.get_mut(count..).filter(|room| !room.is_empty()) {
            let read = self.read(room).await?;
            count += read;
            if read == 0 || bytes.get(..count) != HTTP2_PREFACE.get(..count) {
                break;
            }
        }
        self.received = Bytes::copy_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(match count {
            0 => None,
            _ if bytes == HTTP2_PREFACE => Some(Protocol::Http2),
            _ => Some(Protocol::Http1),
        })
    }

    /// Waits for the next byte; `false` if the client closes the connection instead.
    ///
    /// # Errors
    /// Errors of the connection; `TimedOut` after the idle time between two requests.
    pub(crate) async fn has_more(&mut self) -> io::Result<bool> {
        if self.received.is_empty() {
            let mut byte = [0];
            let count = self.read(&mut byte).await?;
            self.received = Bytes::copy_from_slice(byte.get(..count).unwrap_or_default());
        }
        Ok(!self.received.is_empty())
    }
}

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A timer that needs memory only after its first use.
#[derive(Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready at a time, or at once if it has passed.
    pub(crate) fn poll(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for DeadlineStream<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.deadlines.is_abandoned() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if !this.received.is_empty() {
            let count = this.received.len().min(buffer.remaining());
            buffer.put_slice(&this.received.split_to(count));
            if this.received.is_empty() {
                this.received = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let Poll::Ready(outcome) = Pin::new(&mut this.io).poll_read(cx, buffer) else {
            return this.poll_end(cx);
        };
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        this.deadlines.received(bytes);
        Poll::Ready(outcome)
    }
}

impl<IO> DeadlineStream<IO> {
    /// Ready with an error when the deadline of the connection has passed.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let until = self.deadlines.deadline(cx.waker());
        self.reading
            .poll(until, cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for DeadlineStream<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.replace_refusal(bytes, cx);
        let outcome = match &mut this.replaced {
            Some(replaced) => replaced
                .poll_write(Pin::new(&mut this.io), cx)
                .map_ok(|()| bytes.len()),
            None => Pin::new(&mut this.io).poll_write(cx, bytes),
        };
        this.progress(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices
            .iter()
            .find(|slice| !slice.is_empty())
            .map_or(&[][..], |slice| slice);
        self.replace_refusal(first, cx);
        if self.replaced.is_some() {
            return self.poll_write(cx, first);
        }
        let outcome = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.progress(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.io).poll_flush(cx);
        self.progress(outcome, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            let outcome = Pin::new(&mut this.io).poll_shutdown(cx);
            match ready!(this.progress(outcome, cx)) {
                Ok(()) if this.deadlines.lingers() => this.lingering = Some(Box::default()),
                outcome => return Poll::Ready(outcome),
            }
        }
        match &mut this.lingering {
            Some(lingering) => lingering.poll(Pin::new(&mut this.io), cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// Reads and discards bytes after the last response: if a connection is closed with unread bytes, the operating system
/// resets it, and the client may not get the response.
struct Lingering {
    time: Pin<Box<Sleep>>,
    left: usize,
    scratch: [u8; 4096],
}

impl Default for Lingering {
    fn default() -> Self {
        let time = Box::pin(sleep_until(Instant::now() + LINGER_TIME));
        Self {
            time,
            left: LINGER_BYTES,
            scratch: [0; 4096],
        }
    }
}

impl Lingering {
    /// Ready when the client has closed the connection, or exceeds the limits.
    fn poll<IO: AsyncRead>(&mut self, mut io: Pin<&mut IO>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut buffer = ReadBuf::new(&mut self.scratch);
            match io.as_mut().poll_read(cx, &mut buffer) {
                Poll::Pending => return self.time.as_mut().poll(cx),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {}
            }
            let count = buffer.filled().len();
            match self.left.checked_sub(count) {
                Some(left) if count > 0 && !self.time.is_elapsed() => self.left = left,
                _ => return Poll::Ready(()),
            }
        }
    }
}

/// The response that replaces hyper's own.
///
/// A workaround for hyper 1.12, which responds to an invalid head itself, with an empty body and without a hook.
/// Clients of an API expect its error message. The response is recognised by its bytes: all others contain the request
/// id.
struct ReplacedAnswer {
    bytes: Vec<u8>,
    written: usize,
}

impl<IO> DeadlineStream<IO> {
    fn replace_refusal(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        // hyper writes nothing after this response on a connection.
        if self.replaced.is_none() && is_of_hyper(bytes) && self.deadlines.has_unread_head() {
            let path = self.deadlines.path_of_unread_head();
            let refuse = self.refuse.at(path.as_deref().unwrap_or_default());
            self.replaced = ReplacedAnswer::of(bytes, refuse, cx);
            self.deadlines.linger();
        }
    }
}

/// Whether a response is hyper's own.
fn is_of_hyper(bytes: &[u8]) -> bool {
    let named = b"x-request-id:";
    bytes.starts_with(b"HTTP/1.1 4") && !bytes.windows(named.len()).any(|window| window == named)
}

impl ReplacedAnswer {
    fn of(bytes: &[u8], refuse: Refuse, cx: &mut Context<'_>) -> Option<Self> {
        let status: u16 = std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()?;
        let refusal = match status {
            414 => Refusal::too_large(414, "The URI is too long."),
            431 => Refusal::too_large(431, "The header fields are too many or too large."),
            _ => Refusal::malformed("The request is not valid HTTP."),
        };
        tracing::info!(target: "scimd::request", status = refusal.status, route = "refused", "request");
        Some(Self {
            bytes: as_http1(refuse(refusal, &Refused::default()), cx),
            written: 0,
        })
    }

    fn poll_write<IO: AsyncWrite>(
        &mut self,
        mut io: Pin<&mut IO>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .bytes
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match ready!(io.as_mut().poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A response as bytes of HTTP/1.1, the last one on its connection. Its body must be ready.
fn as_http1(mut response: Response, cx: &mut Context<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    while let Poll::Ready(Some(Ok(frame))) = Pin::new(response.body_mut()).poll_frame(cx) {
        body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    let mut bytes = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    let end = format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    bytes.extend_from_slice(end.as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::settings::ServerSettings;
    use axum::http::Version;
    use axum::response::IntoResponse;
    use tokio::time::timeout;

    #[tokio::test]
    async fn an_abandoned_connection_ends_at_once() {
        let settings = ServerSettings::default();
        let hour = Duration::from_secs(3600);
        let deadlines = ConnectionDeadlines::new(&settings, hour);
        let _open = deadlines.begin("GET", Version::HTTP_2);
        let (_client, io) = tokio::io::duplex(64);
        let refuse = RefusalForms::new(|_, _| ().into_response());
        let mut stream = DeadlineStream::new(io, deadlines.clone(), hour, refuse);
        let reading = tokio::spawn(async move { stream.read(&mut [0]).await });
        tokio::task::yield_now().await;
        deadlines.abandon();
        let ended = timeout(Duration::from_secs(5), reading).await.unwrap();
        assert_eq!(ended.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
