//! The connections that are open, and which of them is closed when there is no room for another.
//!
//! First are closed those on which no good token was shown, so that no client without a token can keep others out: the
//! oldest of the address that has most of them, if that is more than its share, else the oldest of all. A connection
//! that was opened just now is not closed, so that its client has the time to show a token, and no other is closed in
//! its place. If a good token was shown on all of them, the one is closed that has been idle longest, then the one
//! whose client has read nothing for longest. A connection with a token whose requests are at work is not closed.

use crate::wire::deadlines::{Activity, ConnectionDeadlines};
use crate::wire::rate::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// The part of all connections that one address may have without a token while there is no room: one in so many.
const SHARE: usize = 4;

/// How long a connection stays on which no good token was shown yet.
const GRACE: Duration = Duration::from_millis(100);

/// How long a client may read nothing before its connection may go.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// How often is checked whether a connection may be closed: one that becomes idle sends no notice.
const PAUSE: Duration = Duration::from_millis(100);

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
    most: usize,
    grace: Duration,
    next: u64,
    taken: HashMap<u64, OpenConnection>,
}

#[derive(Debug)]
struct OpenConnection {
    network: IpAddr,
    since: Instant,
    deadlines: ConnectionDeadlines,
    leave: Arc<Notify>,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    connections: ConnectionLimit,
    number: u64,
    leave: Arc<Notify>,
}

impl ConnectionLimit {
    /// So many at most.
    pub(crate) fn new(most: usize) -> Self {
        Self::with_grace(most, GRACE)
    }

    fn with_grace(most: usize, grace: Duration) -> Self {
        let state = State {
            most: most.max(1),
            grace,
            next: 0,
            taken: HashMap::new(),
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            freed: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes another limit; no connection is closed for it now.
    pub(crate) fn set(&self, most: usize) {
        self.state().most = most.max(1);
    }

    /// Waits until there is room for a connection, or one that may go.
    pub(crate) async fn room(&self) {
        while !self.has_room() {
            // After a notice or the pause, the check is made again.
            let _ = timeout(PAUSE, self.0.freed.notified()).await;
        }
    }

    fn has_room(&self) -> bool {
        let state = self.state();
        !state.is_full() || state.dispensable().is_some()
    }

    /// ConnectionLimit a connection; another one is asked to leave if need be.
    pub(crate) fn take(&self, address: IpAddr, deadlines: ConnectionDeadlines) -> Slot {
        let mut state = self.state();
        while state.is_full()
            && let Some(number) = state.dispensable()
            && let Some(taken) = state.taken.remove(&number)
        {
            taken.leave.notify_one();
        }
        let (number, leave) = (state.next, Arc::new(Notify::new()));
        state.next += 1;
        state.taken.insert(
            number,
            OpenConnection {
                network: network(address),
                since: Instant::now(),
                deadlines,
                leave: leave.clone(),
            },
        );
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
        self.taken.len() >= self.most
    }

    /// The number of the connection that is closed first, if any may be. While one without a token has time left to
    /// show one, no other is closed: soon it has a token, or may be closed itself.
    fn dispensable(&self) -> Option<u64> {
        let unknown: Vec<_> = self
            .taken
            .iter()
            .filter(|(_, taken)| !taken.deadlines.is_known())
            .collect();
        if unknown.is_empty() {
            return self.resting();
        }
        let is_late = |taken: &OpenConnection| taken.since.elapsed() >= self.grace;
        let (working, waiting): (Vec<_>, Vec<_>) = unknown
            .into_iter()
            .filter(|(_, taken)| is_late(taken))
            .partition(|(_, taken)| taken.deadlines.activity() == Activity::AtWork);
        // One that is being answered may be about to be known.
        self.oldest(&waiting).or_else(|| self.oldest(&working))
    }

    /// The oldest of some connections, or of those that come from the address with most of them, if that has more than
    /// its share. Numbers are given in order.
    fn oldest(&self, some: &[(&u64, &OpenConnection)]) -> Option<u64> {
        let mut networks = HashMap::<IpAddr, usize>::new();
        for (_, taken) in some {
            *networks.entry(taken.network).or_default() += 1;
        }
        let greedy = networks.into_iter().max_by_key(|(_, count)| *count);
        let greedy = greedy
            .filter(|(_, count)| *count > self.most / SHARE)
            .map(|(network, _)| network);
        some.iter()
            .filter(|(_, taken)| greedy.is_none_or(|network| taken.network == network))
            .map(|(number, _)| **number)
            .min()
    }

    fn resting(&self) -> Option<u64> {
        let now = Instant::now();
        let waits = |taken: &OpenConnection| match taken.deadlines.activity() {
            Activity::Idle(since) => Some((false, since)),
            Activity::Unread(since) if now.duration_since(since) > PATIENCE => Some((true, since)),
            Activity::Unread(_) | Activity::AtWork => None,
        };
        let resting = self
            .taken
            .iter()
            .filter_map(|(number, taken)| Some((waits(taken)?, *number)));
        resting.min().map(|(_, number)| number)
    }
}

impl Slot {
    /// Returns when the connection has to leave.
    pub(crate) async fn left(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.state().taken.remove(&self.number);
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

    #[test]
    fn the_oldest_without_a_token_goes_first() {
        let connections = ConnectionLimit::with_grace(3, Duration::ZERO);
        let held = [known(), deadlines(), deadlines(), deadlines()]
            .map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert_eq!(numbers(&connections), [0, 2, 3]);
        drop(held);
        assert!(numbers(&connections).is_empty());
    }

    #[test]
    fn an_address_with_more_than_its_share_gives_way() {
        let connections = ConnectionLimit::with_grace(4, Duration::ZERO);
        let _old = connections.take(address("192.0.2.1"), deadlines());
        let _many = [0; 4].map(|_| connections.take(address("192.0.2.2"), deadlines()));
        assert_eq!(numbers(&connections), [0, 2, 3, 4]);
        let _new = connections.take(address("192.0.2.3"), deadlines());
        assert_eq!(numbers(&connections), [0, 3, 4, 5]);
    }

    #[test]
    fn a_new_connection_has_time_to_show_a_token() {
        let connections = ConnectionLimit::with_grace(2, Duration::from_secs(3600));
        let open = known();
        let _work = open.begin("GET", Version::HTTP_11);
        let _held =
            [open, deadlines()].map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert!(!connections.has_room());
        let mut state = connections.state();
        state.grace = Duration::ZERO;
        assert_eq!(state.dispensable(), Some(1));
    }

    #[test]
    fn a_connection_with_a_token_does_not_go_in_the_place_of_one_without() {
        let connections = ConnectionLimit::with_grace(2, Duration::from_secs(3600));
        let _held = [known(), deadlines()]
            .map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert!(!connections.has_room());
    }

    #[test]
    fn a_connection_that_is_being_answered_goes_after_the_others() {
        let connections = ConnectionLimit::with_grace(9, Duration::ZERO);
        let working = deadlines();
        let _work = working.begin("GET", Version::HTTP_11);
        let held = [working, deadlines()]
            .map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        assert_eq!(connections.state().dispensable(), Some(1));
        let [_working, silent] = held;
        drop(silent);
        assert_eq!(connections.state().dispensable(), Some(0));
    }

    #[tokio::test]
    async fn what_works_stays_and_what_rests_goes() {
        let connections = ConnectionLimit::with_grace(2, Duration::ZERO);
        let (open, idle) = (known(), known());
        let work = open.begin("GET", Version::HTTP_2);
        let _held = [open, idle].map(|deadlines| connections.take(address("192.0.2.1"), deadlines));
        let (third, third_works) = (known(), known());
        let _work = [&third, &third_works].map(|deadlines| deadlines.begin("GET", Version::HTTP_2));
        let _third = connections.take(address("192.0.2.1"), third);
        assert_eq!(numbers(&connections), [0, 2]);
        assert!(
            timeout(2 * PAUSE, connections.room()).await.is_err(),
            "all are at work"
        );
        drop(work);
        timeout(5 * PAUSE, connections.room())
            .await
            .expect("one has come to rest");
        let _fourth = connections.take(address("192.0.2.1"), third_works);
        assert_eq!(numbers(&connections), [2, 3]);
    }
}
