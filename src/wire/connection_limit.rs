//! The open connections, and the choice of the one to close when the limit is reached.
//!
//! Connections without a valid token are closed first, so that clients without a token cannot block others: the oldest
//! of the address with most of them, if that is more than its share, otherwise the oldest of all. Connections on which
//! nothing was received are closed before those with a partial request, because a client with a token sends its
//! request at once. A connection that was just opened is not closed, so that its client has time to send a token, and
//! no other is closed instead. While only connections whose token is being checked are without one, a connection with
//! a token whose client does not read its responses is closed. If all have a valid token, the one that has been idle
//! longest is closed, then the one whose client has not read for longest. A connection with a token and running
//! requests is not closed.
//!
//! Thousands of connections can be opened and closed per second at the limit. The cost of each therefore does not
//! depend on the number of open ones: connections are in sets in the order in which they can be closed, and move from
//! one set to the next only when they are considered.

use crate::wire::connection_set::ConnectionSet;
use crate::wire::deadlines::{Activity, ConnectionDeadlines};
use crate::wire::rate::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Divisor of all connections for the share of one address without a token at the limit.
const SHARE: usize = 4;

/// Times for which a connection is not closed.
#[derive(Debug, Clone, Copy)]
struct Grace {
    /// The time after opening without a valid token, if nothing was received. A request arrives with the end of the TCP
    /// handshake or directly after it.
    silent: Duration,
    /// The time after opening without a valid token, if something was received.
    asking: Duration,
    /// The time after the client has read last, with unread responses.
    unread: Duration,
}

const GRACE: Grace = Grace {
    silent: Duration::from_millis(2),
    asking: Duration::from_millis(200),
    unread: UNREAD_GRACE,
};

/// Time without reading after which a client's connection can be closed.
pub(crate) const UNREAD_GRACE: Duration = Duration::from_millis(500);

/// Interval of checks for a connection to close: one that becomes idle sends no notification.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// The connections of a server; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    max: usize,
    grace: Grace,
    next: u64,
    taken: HashMap<u64, OpenConnection>,
    /// Connections on which nothing was received at the last check.
    silent: ConnectionSet,
    /// Connections on which something was received, without a valid token at the last check.
    asking: ConnectionSet,
}

#[derive(Debug)]
struct OpenConnection {
    network: IpAddr,
    since: Instant,
    deadlines: ConnectionDeadlines,
    leave: Arc<Notify>,
}

/// The action for a new connection at the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Eviction {
    /// Closes the connection of this number.
    Close(u64),
    /// Waits at most this time.
    Wait(Duration),
}

/// The slot of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    connections: ConnectionLimit,
    number: u64,
    leave: Arc<Notify>,
}

impl ConnectionLimit {
    /// Maximum number.
    pub(crate) fn new(max: usize) -> Self {
        Self::with_grace(max, GRACE)
    }

    fn with_grace(max: usize, grace: Grace) -> Self {
        let state = State {
            max: max.max(1),
            grace,
            next: 0,
            taken: HashMap::new(),
            silent: ConnectionSet::default(),
            asking: ConnectionSet::default(),
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            freed: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the limit; no connection is closed for it now.
    pub(crate) fn set(&self, max: usize) {
        self.state().max = max.max(1);
    }

    /// Waits until there is a free slot, or a connection that can be closed.
    pub(crate) async fn room(&self) {
        while let Some(pause) = self.wait() {
            // The check is repeated after a notification or the pause.
            let _ = timeout(pause, self.0.freed.notified()).await;
        }
    }

    /// Time to wait for a slot; `None` if there is one, or a connection that can be closed.
    fn wait(&self) -> Option<Duration> {
        let mut state = self.state();
        if !state.is_full() {
            return None;
        }
        match state.step() {
            Eviction::Close(_) => None,
            Eviction::Wait(pause) => Some(pause),
        }
    }

    /// Whether the limit is reached.
    pub(crate) fn is_full(&self) -> bool {
        self.state().is_full()
    }

    /// Adds a connection; at the limit another one is closed.
    pub(crate) fn take(&self, address: IpAddr, deadlines: ConnectionDeadlines) -> Slot {
        let mut state = self.state();
        while state.is_full()
            && let Eviction::Close(number) = state.step()
            && let Some(closed) = state.remove(number)
        {
            closed.leave.notify_one();
        }
        let (number, leave) = state.add(network(address), deadlines);
        drop(state);
        Slot {
            connections: self.clone(),
            number,
            leave,
        }
    }
}

impl State {
    fn is_full(&self) -> bool {
        self.taken.len() >= self.max
    }

    fn add(&mut self, network: IpAddr, deadlines: ConnectionDeadlines) -> (u64, Arc<Notify>) {
        let (number, leave) = (self.next, Arc::new(Notify::new()));
        self.next += 1;
        self.silent.insert(network, number);
        self.taken.insert(
            number,
            OpenConnection {
                network,
                since: Instant::now(),
                deadlines,
                leave: leave.clone(),
            },
        );
        (number, leave)
    }

    fn remove(&mut self, number: u64) -> Option<OpenConnection> {
        let removed = self.taken.remove(&number)?;
        self.silent.remove(removed.network, number);
        self.asking.remove(removed.network, number);
        Some(removed)
    }

    /// The connection to close first, if any. While a connection without a token has time left to send one, no other is
    /// closed: soon it has a token, or can be closed itself.
    fn step(&mut self) -> Eviction {
        if let Some(number) = self.first_silent() {
            return self.when_late(number, self.grace.silent);
        }
        if let Some(number) = self.first_asking() {
            let unread = self.is_at_work(number).then(|| self.unread()).flatten();
            return match unread {
                Some(unread) => Eviction::Close(unread),
                None => self.when_late(number, self.grace.asking),
            };
        }
        let first = self.idle().or_else(|| self.unread());
        first.map_or(Eviction::Wait(CHECK_INTERVAL), Eviction::Close)
    }

    /// Closes a connection when its time is over.
    fn when_late(&self, number: u64, grace: Duration) -> Eviction {
        let age = self.taken.get(&number).map(|taken| taken.since.elapsed());
        match grace.checked_sub(age.unwrap_or_default()) {
            None | Some(Duration::ZERO) => Eviction::Close(number),
            Some(left) => Eviction::Wait(left.min(CHECK_INTERVAL)),
        }
    }

    /// The first connection on which nothing was received.
    fn first_silent(&mut self) -> Option<u64> {
        loop {
            let number = self.silent.first(self.max / SHARE)?;
            let taken = self.taken.get(&number)?;
            if !taken.deadlines.has_received() {
                return Some(number);
            }
            self.silent.remove(taken.network, number);
            self.asking.insert(taken.network, number);
        }
    }

    /// The first connection with received bytes and without a valid token: first of those that wait for their client,
    /// then of those with running requests, whose token may be checked soon.
    fn first_asking(&mut self) -> Option<u64> {
        let first = loop {
            let number = self.asking.first(self.max / SHARE)?;
            let taken = self.taken.get(&number)?;
            if !taken.deadlines.is_known() {
                break number;
            }
            self.asking.remove(taken.network, number);
        };
        let waits = |number: &u64| {
            let taken = self.taken.get(number);
            taken.is_some_and(|taken| !taken.deadlines.is_known()) && !self.is_at_work(*number)
        };
        let mut numbers = self.asking.in_order(self.max / SHARE);
        numbers.find(waits).or(Some(first))
    }

    fn is_at_work(&self, number: u64) -> bool {
        let activity = self.taken.get(&number).map(|one| one.deadlines.activity());
        activity == Some(Activity::AtWork)
    }

    /// The connection that has been idle longest.
    fn idle(&self) -> Option<u64> {
        self.oldest(|activity| match activity {
            Activity::Idle(since) => Some(since),
            Activity::Unread(_) | Activity::AtWork => None,
        })
    }

    /// The connection whose client has read nothing for longest.
    fn unread(&self) -> Option<u64> {
        self.oldest(|activity| match activity {
            Activity::Unread(since) if since.elapsed() > self.grace.unread => Some(since),
            Activity::Unread(_) | Activity::Idle(_) | Activity::AtWork => None,
        })
    }

    fn oldest(&self, since: impl Fn(Activity) -> Option<Instant>) -> Option<u64> {
        let found = self
            .taken
            .iter()
            .filter_map(|(number, taken)| Some((since(taken.deadlines.activity())?, *number)));
        found.min().map(|(_, number)| number)
    }
}

impl Slot {
    /// Returns when the connection has to be closed.
    pub(crate) async fn left(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.state().remove(self.number);
        self.connections.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::settings::ServerSettings;
    use axum::http::Version;

    fn deadlines() -> ConnectionDeadlines {
        ConnectionDeadlines::new(&ServerSettings::default(), Duration::from_secs(99))
    }

    fn known() -> ConnectionDeadlines {
        let deadlines = deadlines();
        deadlines.know();
        deadlines
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn numbers(connections: &ConnectionLimit) -> Vec<u64> {
        let mut numbers: Vec<_> = connections.state().taken.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }

    const NONE: Grace = Grace {
        silent: Duration::ZERO,
        asking: Duration::ZERO,
        unread: Duration::ZERO,
    };

    const LONG: Grace = Grace {
        silent: Duration::from_secs(3600),
        asking: Duration::from_secs(3600),
        unread: Duration::from_secs(3600),
    };

    fn asking() -> ConnectionDeadlines {
        let deadlines = deadlines();
        deadlines.note_received();
        deadlines
    }

    #[test]
    fn the_oldest_connection_without_a_token_is_closed_first() {
        let connections = ConnectionLimit::with_grace(3, NONE);
        let held = [known(), deadlines(), deadlines(), deadlines()]
            .map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert_eq!(numbers(&connections), [0, 2, 3]);
        drop(held);
        assert!(numbers(&connections).is_empty());
    }

    #[test]
    fn an_address_above_its_share_is_closed_first() {
        let connections = ConnectionLimit::with_grace(4, NONE);
        let _old = connections.take(address("192.0.2.1"), deadlines());
        let _many = [0; 4].map(|_| connections.take(address("192.0.2.2"), deadlines()));
        assert_eq!(numbers(&connections), [0, 2, 3, 4]);
        let _new = connections.take(address("192.0.2.3"), deadlines());
        assert_eq!(numbers(&connections), [0, 3, 4, 5]);
    }

    #[test]
    fn a_new_connection_has_time_to_show_a_token() {
        let connections = ConnectionLimit::with_grace(2, LONG);
        let open = known();
        let _work = open.begin("GET", Version::HTTP_11);
        let _held =
            [open, deadlines()].map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert!(connections.wait().is_some());
        let mut state = connections.state();
        state.grace = NONE;
        assert_eq!(state.step(), Eviction::Close(1));
    }

    #[test]
    fn connections_without_a_token_are_closed_first() {
        let connections = ConnectionLimit::with_grace(2, LONG);
        let _held = [known(), deadlines()]
            .map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert!(connections.wait().is_some());
    }

    #[test]
    fn a_connection_with_a_running_request_is_closed_last() {
        let connections = ConnectionLimit::with_grace(9, NONE);
        let working = asking();
        let _work = working.begin("GET", Version::HTTP_11);
        let held =
            [working, asking()].map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert_eq!(connections.state().step(), Eviction::Close(1));
        let [_working, silent] = held;
        drop(silent);
        assert_eq!(connections.state().step(), Eviction::Close(0));
    }

    #[test]
    fn an_unread_connection_goes_before_one_whose_token_is_being_checked() {
        let connections = ConnectionLimit::with_grace(9, NONE);
        let (checked, unread) = (asking(), known());
        let _work = checked.begin("GET", Version::HTTP_11);
        let (answer, _) = unread.begin("GET", Version::HTTP_2);
        let _held = [checked, known(), unread]
            .map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert_eq!(
            connections.state().step(),
            Eviction::Close(0),
            "none is unread"
        );
        answer.ready();
        assert_eq!(connections.state().step(), Eviction::Close(2));
    }

    #[test]
    fn a_silent_connection_is_closed_before_one_with_a_request() {
        let connections = ConnectionLimit::with_grace(3, NONE);
        let _held = [asking(), deadlines(), known(), deadlines()]
            .map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert_eq!(numbers(&connections), [0, 2, 3]);
        let _asks = connections.take(address("192.0.2.1"), asking());
        assert_eq!(numbers(&connections), [0, 2, 4]);
        let _next = connections.take(address("192.0.2.1"), deadlines());
        assert_eq!(numbers(&connections), [2, 4, 5], "no silent one is left");
    }

    #[test]
    fn a_connection_with_unread_bytes_is_closed_last() {
        let connections = ConnectionLimit::with_grace(9, NONE);
        let waiting = deadlines();
        waiting.note_waiting();
        let _held = [waiting.clone(), asking()]
            .map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert_eq!(connections.state().step(), Eviction::Close(1));
        waiting.received(b"GET ");
        assert_eq!(connections.state().step(), Eviction::Close(0));
    }

    #[test]
    fn a_connection_with_a_request_is_not_silent() {
        let connections = ConnectionLimit::with_grace(2, NONE);
        let first = deadlines();
        let _held = [first.clone(), deadlines()]
            .map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        first.received(b"GET ");
        assert_eq!(connections.state().step(), Eviction::Close(1));
    }

    #[tokio::test]
    async fn idle_connections_are_closed_and_active_ones_stay() {
        let connections = ConnectionLimit::with_grace(2, NONE);
        let (open, idle) = (known(), known());
        let work = open.begin("GET", Version::HTTP_2);
        let _held = [open, idle].map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        let (third, third_works) = (known(), known());
        let _work = [&third, &third_works].map(|deadlines| deadlines.begin("GET", Version::HTTP_2));
        let _third = connections.take(address("192.0.2.1"), third);
        assert_eq!(numbers(&connections), [0, 2]);
        assert!(
            timeout(2 * CHECK_INTERVAL, connections.room())
                .await
                .is_err(),
            "all are at work"
        );
        drop(work);
        timeout(5 * CHECK_INTERVAL, connections.room())
            .await
            .expect("one has come to rest");
        let _fourth = connections.take(address("192.0.2.1"), third_works);
        assert_eq!(numbers(&connections), [2, 3]);
    }
}
