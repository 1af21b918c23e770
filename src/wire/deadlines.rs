//! The state of a connection and its current deadline. hyper has one timer for the head of a request and none for a
//! silent connection; here each state has its own time limit.

use crate::wire::raw_head::{AmbiguousHead, RawHead};
use crate::wire::settings::ServerSettings;
use axum::http::Version;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// The state of one connection, shared by its stream and its requests.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionDeadlines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    head_time: Duration,
    idle_time: Duration,
    write_time: Duration,
    answer_time: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests whose responses are not written yet.
    in_flight: usize,
    /// Requests in flight whose responses are ready: the client has to read.
    unread: usize,
    /// Time at which a part of a response was last written, or the first unread one was ready.
    progress: Instant,
    /// Whether any byte was ever received.
    has_received: bool,
    /// Whether bytes wait for the task of the connection to run for the first time.
    awaits_task: bool,
    /// Whether a valid token was received.
    is_known: bool,
    /// Whether the connection must end at once, without finishing its requests.
    is_abandoned: bool,
    /// Whether further bytes are read and discarded before the connection is closed.
    lingers: bool,
    /// Start of the last request, or the time at which none was left.
    since: Instant,
    /// Start of the head of the next request.
    head_since: Option<Instant>,
    /// Whether there was any request.
    has_asked: bool,
    /// Whether the protocol is HTTP/2, where received bytes do not start a head because there are frames between
    /// requests.
    is_http2: bool,
    /// Whether a part of the body of the last request is missing.
    awaits_body: bool,
    /// Whether bytes wait to be written.
    is_stalled: bool,
    /// The task that waits for bytes, and must be woken for a new deadline.
    reader: Option<Waker>,
    raw: RawHead,
}

impl ConnectionDeadlines {
    /// The deadlines of a new connection. `answer_time` is the time limit of a request until its response is ready.
    /// From then on, a part of it must be written within each interval of the write time, because an HTTP/2 client can
    /// refuse to read without blocking the stream.
    pub(crate) fn new(settings: &ServerSettings, answer_time: Duration) -> Self {
        let state = State {
            in_flight: 0,
            unread: 0,
            progress: Instant::now(),
            has_received: false,
            awaits_task: false,
            is_known: false,
            is_abandoned: false,
            lingers: false,
            since: Instant::now(),
            head_since: None,
            has_asked: false,
            is_http2: false,
            awaits_body: false,
            is_stalled: false,
            reader: None,
            raw: RawHead::default(),
        };
        let [head_time, idle_time, write_time] = [
            settings.header_time(),
            settings.idle_time(),
            settings.write_time(),
        ];
        Self(Arc::new(Shared {
            head_time,
            idle_time,
            write_time,
            answer_time,
            state: Mutex::new(state),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records received bytes.
    pub(crate) fn received(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.awaits_task = false;
        state.has_received |= !bytes.is_empty();
        if state.is_http2 || bytes.is_empty() {
            return;
        }
        let idle = state.in_flight == 0;
        if idle && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
        state.raw.received(bytes, idle);
    }

    /// Records received bytes that the task of the connection, which has not run yet, will read.
    pub(crate) fn note_waiting(&self) {
        let mut state = self.state();
        (state.has_received, state.awaits_task) = (true, true);
    }

    /// Records received bytes that belong to no request, such as a TLS handshake.
    pub(crate) fn note_received(&self) {
        let mut state = self.state();
        (state.has_received, state.awaits_task) = (true, false);
    }

    /// Whether any byte was ever received.
    pub(crate) fn has_received(&self) -> bool {
        self.state().has_received
    }

    /// The deadline for more bytes, or for the responses of requests in flight.
    pub(crate) fn deadline(&self, reader: &Waker) -> Instant {
        let mut state = self.state();
        if state.is_abandoned {
            return Instant::now();
        }
        if state.in_flight > 0 {
            state.reader = Some(reader.clone());
            if state.unread > 0 {
                return state.progress + self.0.write_time;
            }
            return state.since + self.0.answer_time;
        }
        match state.head_since {
            Some(began) => began + self.0.head_time,
            None if !state.has_asked => state.since + self.0.head_time,
            None => state.since + self.0.idle_time,
        }
    }

    /// Start of the idle time of an HTTP/1 connection: the last response is written, its request is complete, and
    /// nothing was received after it. `None` while there is work.
    pub(crate) fn rests_since(&self) -> Option<Instant> {
        let state = self.state();
        let is_busy = state.in_flight > 0
            || state.awaits_body
            || state.is_stalled
            || state.lingers
            || state.is_abandoned
            || state.is_http2
            || state.head_since.is_some();
        (state.has_asked && !is_busy).then_some(state.since)
    }

    /// Records that the last request has an incomplete body.
    pub(crate) fn await_body(&self) {
        self.state().awaits_body = true;
    }

    /// Records the end of the body.
    pub(crate) fn end_body(&self) {
        self.state().awaits_body = false;
    }

    /// Whether bytes wait to be written.
    pub(crate) fn stall(&self, is_stalled: bool) {
        self.state().is_stalled = is_stalled;
    }

    /// Records the start of a request, which ends when the guard is dropped after its response is written. Also returns
    /// the error of its head.
    pub(crate) fn begin(
        &self,
        method: &str,
        version: Version,
    ) -> (OpenRequest, Option<AmbiguousHead>) {
        let mut state = self.state();
        state.awaits_body = false;
        state.in_flight += 1;
        state.since = Instant::now();
        state.has_asked = true;
        state.head_since = None;
        state.is_http2 = version == Version::HTTP_2;
        let fault = if state.is_http2 {
            None
        } else {
            state.raw.take(method)
        };
        drop(state);
        (
            OpenRequest {
                deadlines: self.clone(),
                is_ready: AtomicBool::new(false),
            },
            fault,
        )
    }

    /// Whether this number of responses are unread. For a connection with a valid token, only if the client has not
    /// read for that time: a client that sends many requests at once has as many responses to read.
    pub(crate) fn leaves_unread(&self, answers: usize, grace: Duration) -> bool {
        let state = self.state();
        state.unread >= answers && (!state.is_known || state.progress.elapsed() > grace)
    }

    /// Whether more than this number of requests are running.
    pub(crate) fn has_more_than(&self, requests: usize) -> bool {
        self.state().in_flight > requests
    }

    /// Ends the connection at once, without finishing its requests.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.is_abandoned = true;
        wake(state);
    }

    /// Makes the connection read further bytes before it closes: with unread bytes the operating system would reset it,
    /// and the response could be lost.
    pub(crate) fn linger(&self) {
        self.state().lingers = true;
    }

    /// Whether further bytes are read before the connection closes.
    pub(crate) fn lingers(&self) -> bool {
        self.state().lingers
    }

    /// Records a valid token on the connection.
    pub(crate) fn know(&self) {
        let mut state = self.state();
        (state.has_received, state.is_known) = (true, true);
    }

    /// Whether bytes wait until the client reads.
    pub(crate) fn is_stalled(&self) -> bool {
        self.state().is_stalled
    }

    /// Whether the connection must end at once.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.state().is_abandoned
    }

    /// Whether a valid token was received on the connection.
    pub(crate) fn is_known(&self) -> bool {
        self.state().is_known
    }

    /// The event for which the connection waits.
    pub(crate) fn activity(&self) -> Activity {
        let state = self.state();
        match (state.in_flight, state.unread) {
            (0, _) if state.awaits_task => Activity::AtWork,
            (0, _) => Activity::Idle(state.since),
            (in_flight, unread) if in_flight == unread => Activity::Unread(state.progress),
            _ => Activity::AtWork,
        }
    }

    /// Whether a head was received that is not passed to a handler yet.
    pub(crate) fn has_unread_head(&self) -> bool {
        let state = self.state();
        state.in_flight == 0 && state.head_since.is_some()
    }

    /// The received part of the path in that head.
    pub(crate) fn path_of_unread_head(&self) -> Option<String> {
        self.state().raw.path()
    }
}

/// The event for which a connection waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// For the next request, since this time.
    Idle(Instant),
    /// For the client to read; it has read nothing since this time.
    Unread(Instant),
    /// For the server.
    AtWork,
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct OpenRequest {
    deadlines: ConnectionDeadlines,
    /// Whether its response is ready.
    is_ready: AtomicBool,
}

impl OpenRequest {
    /// Records that the response is ready: the client has to read now. The reader gets its new deadline when the
    /// response is passed to the connection.
    pub(crate) fn ready(&self) {
        if self.is_ready.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut state = self.deadlines.state();
        if state.unread == 0 {
            state.progress = Instant::now();
        }
        state.unread += 1;
    }

    /// Records that a part of the response was written.
    pub(crate) fn progress(&self) {
        self.deadlines.state().progress = Instant::now();
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut state = self.deadlines.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.unread = state
            .unread
            .saturating_sub(usize::from(*self.is_ready.get_mut()));
        if state.in_flight == 0 {
            state.since = Instant::now();
            wake(state);
        }
    }
}

/// Wakes the reader, which then checks its deadline again.
fn wake(mut state: MutexGuard<'_, State>) {
    if let Some(reader) = state.reader.take() {
        drop(state);
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadlines() -> ConnectionDeadlines {
        let settings = ServerSettings {
            header_seconds: 10,
            idle_seconds: 75,
            write_seconds: 30,
            ..ServerSettings::default()
        };
        ConnectionDeadlines::new(&settings, Duration::from_secs(99))
    }

    fn seconds_left(deadlines: &ConnectionDeadlines) -> u64 {
        let at = deadlines.deadline(Waker::noop());
        (at - Instant::now() + Duration::from_millis(500)).as_secs()
    }

    #[test]
    fn each_state_has_its_time() {
        let deadlines = deadlines();
        assert_eq!(seconds_left(&deadlines), 10);
        deadlines.received(b"GET / HT");
        assert!(deadlines.has_unread_head());
        assert_eq!(seconds_left(&deadlines), 10);
        let (open, _) = deadlines.begin("GET", Version::HTTP_11);
        assert_eq!(seconds_left(&deadlines), 99);
        assert!(!deadlines.has_unread_head());
        let (second, _) = deadlines.begin("GET", Version::HTTP_11);
        drop(open);
        assert_eq!(seconds_left(&deadlines), 99);
        drop(second);
        assert_eq!(seconds_left(&deadlines), 75);
        deadlines.received(b"G");
        assert_eq!(seconds_left(&deadlines), 10);
    }

    #[test]
    fn a_ready_response_must_be_read() {
        let deadlines = deadlines();
        let [(first, _), (second, _)] = [0; 2].map(|_| deadlines.begin("GET", Version::HTTP_2));
        first.ready();
        first.ready();
        assert_eq!(
            (
                seconds_left(&deadlines),
                deadlines.leaves_unread(1, Duration::ZERO)
            ),
            (30, true)
        );
        assert!(
            !deadlines.leaves_unread(2, Duration::ZERO),
            "a response is ready once"
        );
        drop(first);
        assert_eq!(
            (
                seconds_left(&deadlines),
                deadlines.leaves_unread(1, Duration::ZERO)
            ),
            (99, false)
        );
        deadlines.abandon();
        assert_eq!(seconds_left(&deadlines), 0);
        drop(second);
    }

    #[test]
    fn a_client_with_a_good_token_has_time_to_read() {
        let deadlines = deadlines();
        let answers = [0; 8].map(|_| deadlines.begin("GET", Version::HTTP_2).0);
        answers.iter().for_each(OpenRequest::ready);
        let long = Duration::from_secs(3600);
        assert!(deadlines.leaves_unread(8, long), "a stranger has none");
        deadlines.know();
        assert!(!deadlines.leaves_unread(8, long));
        assert!(deadlines.leaves_unread(8, Duration::ZERO));
    }

    #[test]
    fn a_connection_is_idle_without_work() {
        let deadlines = deadlines();
        let rests = || deadlines.rests_since().is_some();
        assert!(!rests(), "no request was received yet");
        let (open, _) = deadlines.begin("POST", Version::HTTP_11);
        deadlines.await_body();
        assert!(!rests());
        drop(open);
        assert!(!rests(), "the body is incomplete");
        deadlines.end_body();
        assert!(rests());
        deadlines.stall(true);
        assert!(!rests(), "the response is not written");
        deadlines.stall(false);
        deadlines.received(b"G");
        assert!(!rests(), "the next request has begun");
        drop(deadlines.begin("GET", Version::HTTP_11));
        assert!(rests());
        deadlines.linger();
        assert!(!rests(), "the connection is closing");
    }

    #[test]
    fn http2_frames_between_requests_start_no_head() {
        let deadlines = deadlines();
        deadlines.received(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        drop(deadlines.begin("GET", Version::HTTP_2));
        deadlines.received(b"ping");
        assert_eq!(seconds_left(&deadlines), 75);
    }
}
