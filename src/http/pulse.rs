//! What a connection is doing, and until when it may go on so. hyper has one timer for the head
//! of a request and none for a connection that says nothing; here each state has its own time.

use crate::http::raw_head::{Fault, RawHead};
use crate::http::settings::ServerSettings;
use axum::http::Version;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// The state of one connection, shared by its stream and its requests.
#[derive(Debug, Clone)]
pub(super) struct Pulse(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    head_time: Duration,
    idle_time: Duration,
    write_time: Duration,
    answer_time: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests whose answers are not written yet.
    in_flight: usize,
    /// Those of them whose answers are ready: the client has to read.
    unread: usize,
    /// When some of an answer was last written, or the first of those that are unread was ready.
    progress: Instant,
    /// Whether anybody ever showed a good token.
    is_known: bool,
    /// Whether the connection is to end as it stands.
    is_abandoned: bool,
    /// Whether what still comes is to be read and thrown away before the connection is closed.
    lingers: bool,
    /// When the last one began, or since when none is left.
    since: Instant,
    /// When the head of the next request began.
    head_since: Option<Instant>,
    /// Whether there was a request at all.
    has_asked: bool,
    /// HTTP/2 speaks between requests too, so that bytes begin no head.
    is_http2: bool,
    /// Whether a part of the body of the last request may still come.
    awaits_body: bool,
    /// Whether bytes wait to be written.
    is_stalled: bool,
    /// Who waits for bytes, and must hear of a new deadline.
    reader: Option<Waker>,
    raw: RawHead,
}

impl Pulse {
    /// `answer_time` is what a request may take until its answer is ready. From then on some of it must be
    /// written within the time for writing, again and again: a client of HTTP/2 can refuse to read without
    /// ever blocking the stream.
    pub(super) fn new(settings: &ServerSettings, answer_time: Option<Duration>) -> Self {
        let state = State {
            in_flight: 0,
            unread: 0,
            progress: Instant::now(),
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

    /// Bytes came in.
    pub(super) fn received(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.is_http2 || bytes.is_empty() {
            return;
        }
        let idle = state.in_flight == 0;
        if idle && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
        state.raw.received(bytes, idle);
    }

    /// Until when more bytes must come, or the requests in flight be answered.
    pub(super) fn deadline(&self, reader: &Waker) -> Option<Instant> {
        let mut state = self.state();
        if state.is_abandoned {
            return Some(Instant::now());
        }
        if state.in_flight > 0 {
            state.reader = Some(reader.clone());
            if state.unread > 0 {
                return Some(state.progress + self.0.write_time);
            }
            return self.0.answer_time.map(|time| state.since + time);
        }
        Some(match state.head_since {
            Some(began) => began + self.0.head_time,
            None if !state.has_asked => state.since + self.0.head_time,
            None => state.since + self.0.idle_time,
        })
    }

    /// Since when an HTTP/1 connection rests: the last answer is written, all of its request has come, and nothing
    /// has come after it. `None` while there is something to do.
    pub(super) fn rests_since(&self) -> Option<Instant> {
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

    /// The request that began last has a body, of which a part may still come.
    pub(super) fn await_body(&self) {
        self.state().awaits_body = true;
    }

    /// The body of the request has come to its end.
    pub(super) fn end_body(&self) {
        self.state().awaits_body = false;
    }

    /// Whether bytes wait to be written.
    pub(super) fn stall(&self, is_stalled: bool) {
        self.state().is_stalled = is_stalled;
    }

    /// A request begins; it lasts until the guard is dropped, which is when its answer is written. Also says
    /// what is wrong with its head.
    pub(super) fn begin(&self, method: &str, version: Version) -> (Busy, Option<Fault>) {
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
            Busy {
                pulse: self.clone(),
                is_ready: AtomicBool::new(false),
            },
            fault,
        )
    }

    /// Whether so many answers are ready that the client does not read. Of a connection on which a good token was
    /// shown, only if it has read nothing for that long: a client that sends many requests at once has as many
    /// answers to read.
    pub(super) fn leaves_unread(&self, answers: usize, patience: Duration) -> bool {
        let state = self.state();
        state.unread >= answers && (!state.is_known || state.progress.elapsed() > patience)
    }

    /// Ends the connection as it stands.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        state.is_abandoned = true;
        wake(state);
    }

    /// Has the connection read on for a while before it closes: bytes that nobody reads would make the
    /// operating system reset it, and the answer would be lost on its way.
    pub(super) fn linger(&self) {
        self.state().lingers = true;
    }

    pub(super) fn lingers(&self) -> bool {
        self.state().lingers
    }

    /// Somebody showed a good token on the connection.
    pub(super) fn know(&self) {
        self.state().is_known = true;
    }

    /// Whether anybody ever showed a good token on the connection.
    pub(super) fn is_known(&self) -> bool {
        self.state().is_known
    }

    /// Whom the connection waits for.
    pub(super) fn standing(&self) -> Standing {
        let state = self.state();
        match (state.in_flight, state.unread) {
            (0, _) => Standing::Idle(state.since),
            (in_flight, unread) if in_flight == unread => Standing::Unread(state.progress),
            _ => Standing::AtWork,
        }
    }

    /// Whether a head came in that no handler has got.
    pub(super) fn has_unread_head(&self) -> bool {
        let state = self.state();
        state.in_flight == 0 && state.head_since.is_some()
    }
}

/// Whom a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// For the next request, since then.
    Idle(Instant),
    /// For the client to read, which has read nothing since then.
    Unread(Instant),
    /// For the server.
    AtWork,
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Busy {
    pulse: Pulse,
    /// Whether its answer is ready.
    is_ready: AtomicBool,
}

impl Busy {
    /// The answer is ready: the client has to read now. The reader hears of its new deadline when the answer is
    /// handed to the connection.
    pub(super) fn ready(&self) {
        if self.is_ready.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut state = self.pulse.state();
        if state.unread == 0 {
            state.progress = Instant::now();
        }
        state.unread += 1;
    }

    /// Some of the answer is written.
    pub(super) fn progress(&self) {
        self.pulse.state().progress = Instant::now();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.pulse.state();
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

/// Has the reader look at its deadline again.
fn wake(mut state: MutexGuard<'_, State>) {
    if let Some(reader) = state.reader.take() {
        drop(state);
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse() -> Pulse {
        let settings = ServerSettings {
            header_seconds: 10,
            idle_seconds: 75,
            write_seconds: 30,
            ..ServerSettings::default()
        };
        Pulse::new(&settings, Some(Duration::from_secs(99)))
    }

    fn seconds_left(pulse: &Pulse) -> Option<u64> {
        let at = pulse.deadline(Waker::noop())?;
        Some((at - Instant::now() + Duration::from_millis(500)).as_secs())
    }

    #[test]
    fn each_state_has_its_time() {
        let pulse = pulse();
        assert_eq!(seconds_left(&pulse), Some(10));
        pulse.received(b"GET / HT");
        assert!(pulse.has_unread_head());
        assert_eq!(seconds_left(&pulse), Some(10));
        let (busy, _) = pulse.begin("GET", Version::HTTP_11);
        assert_eq!(seconds_left(&pulse), Some(99));
        assert!(!pulse.has_unread_head());
        let (second, _) = pulse.begin("GET", Version::HTTP_11);
        drop(busy);
        assert_eq!(seconds_left(&pulse), Some(99));
        drop(second);
        assert_eq!(seconds_left(&pulse), Some(75));
        pulse.received(b"G");
        assert_eq!(seconds_left(&pulse), Some(10));
    }

    #[test]
    fn an_answer_that_is_ready_must_be_read() {
        let pulse = pulse();
        let [(first, _), (second, _)] = [0; 2].map(|_| pulse.begin("GET", Version::HTTP_2));
        first.ready();
        first.ready();
        assert_eq!(
            (seconds_left(&pulse), pulse.leaves_unread(1, Duration::ZERO)),
            (Some(30), true)
        );
        assert!(
            !pulse.leaves_unread(2, Duration::ZERO),
            "an answer is ready once"
        );
        drop(first);
        assert_eq!(
            (seconds_left(&pulse), pulse.leaves_unread(1, Duration::ZERO)),
            (Some(99), false)
        );
        pulse.abandon();
        assert_eq!(seconds_left(&pulse), Some(0));
        drop(second);
    }

    #[test]
    fn a_client_with_a_good_token_has_time_to_read() {
        let pulse = pulse();
        let answers = [0; 8].map(|_| pulse.begin("GET", Version::HTTP_2).0);
        answers.iter().for_each(Busy::ready);
        let long = Duration::from_secs(3600);
        assert!(pulse.leaves_unread(8, long), "a stranger has none");
        pulse.know();
        assert!(!pulse.leaves_unread(8, long));
        assert!(pulse.leaves_unread(8, Duration::ZERO));
    }

    #[test]
    fn a_connection_rests_when_nothing_is_left_to_do() {
        let pulse = pulse();
        let rests = || pulse.rests_since().is_some();
        assert!(!rests(), "no request came yet");
        let (busy, _) = pulse.begin("POST", Version::HTTP_11);
        pulse.await_body();
        assert!(!rests());
        drop(busy);
        assert!(!rests(), "the body may still come");
        pulse.end_body();
        assert!(rests());
        pulse.stall(true);
        assert!(!rests(), "the answer is not written");
        pulse.stall(false);
        pulse.received(b"G");
        assert!(!rests(), "the next request has begun");
        drop(pulse.begin("GET", Version::HTTP_11));
        assert!(rests());
        pulse.linger();
        assert!(!rests(), "the connection is closing");
    }

    #[test]
    fn http2_chatters_between_requests() {
        let pulse = pulse();
        pulse.received(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        drop(pulse.begin("GET", Version::HTTP_2));
        pulse.received(b"ping");
        assert_eq!(seconds_left(&pulse), Some(75));
    }
}
