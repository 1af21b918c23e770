//! Turns of HTTP/2 connections: a connection is read only in its turn.
//!
//! One read of an HTTP/2 connection can return a hundred requests, and thousands of these connections can have unread
//! input at the same time. If all of them ran, their tasks would delay every other request. The number of running
//! connections is therefore limited, and connections of one client get a part of the slots.
//!
//! The client of a connection is known after a valid token was received. All other connections of an address are one
//! client, and connections without input yet are another one, so that a new connection does not wait for input of
//! others from its address.

use crate::wire::admission::{self, Admission, AdmissionSlot, Client, Wait};
use crate::wire::deadlines::ConnectionDeadlines;
use std::net::IpAddr;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::available_parallelism;
use tokio::sync::oneshot;

/// Maximum bytes read in one turn while other connections wait.
pub(crate) const PART: usize = 2 << 10;

/// The turns of all connections of a server: each core reads from two connections, and a client has a quarter of them.
pub(crate) fn turns() -> Admission {
    let cores = available_parallelism().map_or(1, NonZero::get);
    Admission::new(2 * cores, cores.div_ceil(2))
}

/// The turn of a connection, until it has processed the bytes that it has read.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldTurn(Arc<Mutex<Option<AdmissionSlot>>>);

impl HeldTurn {
    /// Polls a connection; its turn ends when it is pending or finished.
    pub(crate) fn used_by<'a, C: Future>(&'a self, connection: Pin<&'a mut C>) -> UsedBy<'a, C> {
        UsedBy {
            turn: self,
            connection,
        }
    }

    fn is_held(&self) -> bool {
        self.turn().is_some()
    }

    fn turn(&self) -> MutexGuard<'_, Option<AdmissionSlot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the turn.
    pub(crate) fn end(&self) {
        self.replace(None);
    }

    fn replace(&self, turn: Option<AdmissionSlot>) {
        let before = std::mem::replace(&mut *self.turn(), turn);
        // The next turn is woken without the lock.
        drop(before);
    }
}

/// A running connection, see [`HeldTurn::used_by`].
#[derive(Debug)]
pub(crate) struct UsedBy<'a, C> {
    turn: &'a HeldTurn,
    connection: Pin<&'a mut C>,
}

impl<C: Future> Future for UsedBy<'_, C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let outcome = self.connection.as_mut().poll(cx);
        self.turn.end();
        outcome
    }
}

/// The turns of one connection.
#[derive(Debug)]
pub(crate) struct ReadingTurns {
    turns: Admission,
    held: HeldTurn,
    deadlines: ConnectionDeadlines,
    /// The client of the connection until a valid token is received, before and after its first turn.
    strangers: [Client; 2],
    had_turn: bool,
    waiting: Option<oneshot::Receiver<AdmissionSlot>>,
}

impl ReadingTurns {
    /// The turns of a connection from an address; `held` ends them.
    pub(crate) fn new(
        turns: Admission,
        held: HeldTurn,
        deadlines: ConnectionDeadlines,
        address: IpAddr,
    ) -> Self {
        let old = admission::client(None, address);
        Self {
            turns,
            held,
            deadlines,
            strangers: [!old, old],
            had_turn: false,
            waiting: None,
        }
    }

    /// Ends the previous turn.
    pub(crate) fn end(&self) {
        self.held.end();
    }

    /// Whether the connection waits for its turn.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Whether a connection waits for its turn.
    pub(crate) fn is_crowded(&self) -> bool {
        self.turns.is_crowded()
    }

    /// Ready when the connection has its turn.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.held.is_held() {
            return Poll::Ready(());
        }
        let waiting = match &mut self.waiting {
            Some(waiting) => waiting,
            None => match self.turns.turn(self.client()) {
                Wait::Over(turn) => {
                    self.begin(Some(turn));
                    return Poll::Ready(());
                }
                Wait::For(waiting) => self.waiting.insert(waiting),
            },
        };
        // An error means that the server has stopped.
        let turn = ready!(Pin::new(waiting).poll(cx)).ok();
        self.waiting = None;
        self.begin(turn);
        Poll::Ready(())
    }

    fn begin(&mut self, turn: Option<AdmissionSlot>) {
        self.had_turn = true;
        self.held.replace(turn);
    }

    fn client(&self) -> Client {
        let [new, old] = self.strangers;
        let stranger = if self.had_turn { old } else { new };
        self.deadlines.known_client().unwrap_or(stranger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::settings::ServerSettings;
    use std::net::Ipv4Addr;
    use std::task::Waker;
    use std::time::Duration;

    fn connection(turns: &Admission) -> (ReadingTurns, HeldTurn) {
        let held = HeldTurn::default();
        let settings = ServerSettings::default();
        let deadlines = ConnectionDeadlines::new(&settings, Duration::from_secs(1));
        let address = Ipv4Addr::LOCALHOST.into();
        let connection = ReadingTurns::new(turns.clone(), held.clone(), deadlines, address);
        (connection, held)
    }

    fn has_turn(connection: &mut ReadingTurns) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        connection.poll(&mut cx).is_ready()
    }

    #[test]
    fn connections_without_a_token_wait_only_for_each_other() {
        let turns = Admission::new(8, 1);
        let mut flood: Vec<_> = (0..3).map(|_| connection(&turns)).collect();
        for (one, held) in &mut flood {
            assert!(has_turn(one));
            held.end();
        }
        let begun: Vec<_> = flood.iter_mut().map(|(one, _)| has_turn(one)).collect();
        assert_eq!(begun, [true, false, false]);
        assert!(turns.is_crowded());
        let (mut new, _held) = connection(&turns);
        assert!(has_turn(&mut new), "a connection that is opened");
        let (mut known, _held) = connection(&turns);
        known.had_turn = true;
        known.deadlines.note_client(7);
        known.deadlines.know();
        assert!(has_turn(&mut known), "a client with a token");
        flood[0].1.end();
        let begun: Vec<_> = flood[1..]
            .iter_mut()
            .map(|(one, _)| has_turn(one))
            .collect();
        assert_eq!(begun, [true, false]);
        drop(flood);
        assert!(!turns.is_crowded());
    }
}
