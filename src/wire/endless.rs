//! An endless response of HTTP/1.1 without hyper.
//!
//! hyper keeps two buffers of 8 KiB for a connection as long as a response lasts. For an endless one it writes only the
//! head: its body is a [`HeadOnly`], which has no end. Then the connection is taken from it, and the body is written in
//! chunks (RFC 9112 section 7.1) from here, until it ends and with it the connection.

use crate::wire::stream::DeadlineStream;
use crate::wire::unwritten::CountedBody;
use bytes::Bytes;
use hyper::body::{Body, Frame};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Maximum number of received bytes that are read at once. A client has nothing to send.
const RECEIVED: usize = 64;

/// The endless response of a connection, if there is one; clones share it.
#[derive(Clone, Default)]
pub(crate) struct EndlessResponse(Arc<Shared>);

#[derive(Default)]
struct Shared {
    body: Mutex<Option<Box<CountedBody>>>,
    /// Whether hyper has passed the head to the stream.
    has_head: AtomicBool,
}

/// The body for hyper: nothing follows the head.
pub(crate) struct HeadOnly(EndlessResponse);

impl EndlessResponse {
    /// Takes the body of a response over; returns the one that hyper gets.
    pub(crate) fn begin(&self, body: CountedBody) -> HeadOnly {
        *self.body() = Some(Box::new(body));
        HeadOnly(self.clone())
    }

    /// The body, once hyper has written the head.
    pub(crate) fn take(&self) -> Option<Box<CountedBody>> {
        if !self.0.has_head.load(Ordering::Relaxed) {
            return None;
        }
        self.body().take()
    }

    fn body(&self) -> MutexGuard<'_, Option<Box<CountedBody>>> {
        let body = &self.0.body;
        body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for HeadOnly {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // hyper asks for the body after it has serialized the head, and flushes when there is nothing.
        self.0.0.has_head.store(true, Ordering::Relaxed);
        Poll::Pending
    }
}

/// Writes a body, until it ends or the client closes the connection.
///
/// # Errors
/// Errors of the connection; `TimedOut` if the client does not read.
pub(crate) async fn write<IO>(
    stream: &mut DeadlineStream<IO>,
    mut body: Box<CountedBody>,
) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut is_listening = true;
    loop {
        let mut received = [0; RECEIVED];
        let frame = tokio::select! {
            frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)) => frame,
            count = stream.read(&mut received), if is_listening => {
                if count? == 0 {
                    return Ok(());
                }
                // A further request is not read, so that the client cannot fill the memory.
                is_listening = false;
                continue;
            }
        };
        let Some(frame) = frame else {
            return stream.write_all(b"0\r\n\r\n").await;
        };
        let piece = frame.map_err(io::Error::other)?.into_data();
        // Trailers have no place in an endless body.
        if let Ok(piece) = piece.map(|piece| (chunk(&piece), piece)) {
            stream.write_all(&piece.0).await?;
            stream.flush().await?;
        }
    }
}

/// A piece as a chunk; an empty one would end the body.
fn chunk(piece: &[u8]) -> Vec<u8> {
    if piece.is_empty() {
        return Vec::new();
    }
    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
}
