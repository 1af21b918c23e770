//! Fair scheduling of requests until each is admitted or refused, so that a flood of one client does not delay others.
//!
//! Clients are served round robin, regardless of their number of requests, and no client has all slots. A client is
//! identified by the credentials that it sent, or otherwise by its address.

use crate::fair_queue::FairQueue;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Maximum number of requests in admission.
const SLOTS: usize = 32;

/// Slots of [`SLOTS`] that one client may have.
const SLOTS_PER_CLIENT: usize = SLOTS / 4;

/// Number of requests of one client that may wait even if there are too many in total.
pub(crate) const WAITING_PER_CLIENT: usize = 256;

/// The client of a request: a hash of its credentials or address.
pub(crate) type Client = u64;

/// The client that sent these credentials or, if it sent none, that has this address.
pub(crate) fn client(credentials: Option<&[u8]>, address: IpAddr) -> Client {
    let mut hasher = DefaultHasher::new();
    match credentials {
        Some(credentials) => credentials.hash(&mut hasher),
        None => address.hash(&mut hasher),
    }
    hasher.finish()
}

/// The scheduler of a server; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Admission(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    slots: Slots,
    waiting: FairQueue<Client, oneshot::Sender<AdmissionSlot>>,
}

/// The free and the taken slots.
#[derive(Debug)]
struct Slots {
    free: usize,
    /// Maximum slots of one client.
    of_one: usize,
    taken: HashMap<Client, usize, RandomState>,
}

impl Default for Admission {
    fn default() -> Self {
        Self::new(SLOTS, SLOTS_PER_CLIENT)
    }
}

/// The slot of a request that is being admitted, until it is dropped.
#[derive(Debug)]
pub(crate) struct AdmissionSlot {
    admission: Admission,
    client: Client,
}

/// A slot, or the wait for one.
#[derive(Debug)]
pub(crate) enum Wait {
    /// The slot is free.
    Over(AdmissionSlot),
    /// The slot will be sent through this channel.
    For(oneshot::Receiver<AdmissionSlot>),
}

impl Wait {
    /// Waits for the slot. `None` if the server stops.
    pub(crate) async fn end(self) -> Option<AdmissionSlot> {
        match self {
            Self::Over(enqueue) => Some(enqueue),
            Self::For(enqueue) => enqueue.await.ok(),
        }
    }
}

impl Admission {
    /// A limit of `places` slots, at most `of_one` of them for one client.
    pub(crate) fn new(places: usize, of_one: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            slots: Slots {
                free: places,
                of_one,
                taken: HashMap::default(),
            },
            waiting: FairQueue::default(),
        })))
    }

    /// Requests the next slot for a client.
    pub(crate) fn enqueue(&self, client: Client) -> Wait {
        let mut state = self.state();
        if state.waiting.len_of(client) == 0 && state.slots.has_one_for(client) {
            state.slots.begin(client);
            return Wait::Over(AdmissionSlot {
                admission: self.clone(),
                client,
            });
        }
        Wait::For(state.wait(client))
    }

    /// Whether a client has as many requests waiting as it may have if there are too many of all clients.
    pub(crate) fn is_over_share(&self, client: Client) -> bool {
        self.state().waiting.len_of(client) >= WAITING_PER_CLIENT
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Assigns free slots to waiting requests.
    fn hand_on(&self) {
        loop {
            let mut state = self.state();
            let Some((client, next)) = state.next() else {
                return;
            };
            state.slots.begin(client);
            drop(state);
            // If the request was cancelled, the slot is dropped and assigned to the next one.
            let _ = next.send(AdmissionSlot {
                admission: self.clone(),
                client,
            });
        }
    }
}

impl Slots {
    fn has_one_for(&self, client: Client) -> bool {
        let taken = self.taken.get(&client).copied().unwrap_or_default();
        self.free > 0 && taken < self.of_one
    }

    fn begin(&mut self, client: Client) {
        self.free -= 1;
        *self.taken.entry(client).or_default() += 1;
    }

    fn end(&mut self, client: Client) {
        self.free += 1;
        if let Some(taken) = self.taken.get_mut(&client) {
            *taken -= 1;
            if *taken == 0 {
                self.taken.remove(&client);
            }
        }
    }
}

impl State {
    fn wait(&mut self, client: Client) -> oneshot::Receiver<AdmissionSlot> {
        let (sender, receiver) = oneshot::channel();
        // Cancelled requests are no longer counted.
        if self.waiting.len_of(client) >= WAITING_PER_CLIENT {
            self.waiting.retain(client, |sender| !sender.is_closed());
        }
        self.waiting.push(client, sender);
        receiver
    }

    /// Removes the next waiting request for a free slot.
    fn next(&mut self) -> Option<(Client, oneshot::Sender<AdmissionSlot>)> {
        let Self { slots, waiting } = self;
        waiting.pop(
            |client| slots.has_one_for(client),
            oneshot::Sender::is_closed,
        )
    }
}

impl Drop for AdmissionSlot {
    fn drop(&mut self) {
        self.admission.state().slots.end(self.client);
        self.admission.hand_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(wait: Wait) -> Option<AdmissionSlot> {
        match wait {
            Wait::Over(enqueue) => Some(enqueue),
            Wait::For(mut enqueue) => enqueue.try_recv().ok(),
        }
    }

    #[test]
    fn a_client_never_has_all_places() {
        let admission = Admission::default();
        let flood: Vec<_> = (0..1000).map(|_| admission.enqueue(1)).collect();
        assert!(admission.is_over_share(1));
        let mut held: Vec<_> = flood.into_iter().filter_map(over).collect();
        assert_eq!(held.len(), SLOTS_PER_CLIENT);
        assert!(
            over(admission.enqueue(2)).is_some(),
            "another client begins at once"
        );
        assert!(!admission.is_over_share(2));
        held.clear();
        assert_eq!(
            admission.state().slots.free,
            SLOTS,
            "all others have given up"
        );
        assert!(admission.state().waiting.is_empty());
    }

    #[tokio::test]
    async fn clients_take_turns() {
        let admission = Admission::default();
        let mut held: Vec<_> = [1, 2, 3, 4]
            .into_iter()
            .flat_map(|client| [client; SLOTS_PER_CLIENT])
            .filter_map(|client| over(admission.enqueue(client)))
            .collect();
        assert_eq!(held.len(), SLOTS);
        let [one, other] =
            [[5; 3], [6; 3]].map(|each| each.map(|client| admission.enqueue(client)));
        let mut order = Vec::new();
        for wait in one
            .into_iter()
            .zip(other)
            .flat_map(|(one, other)| [one, other])
        {
            held.pop();
            let enqueue = wait.end().await.unwrap();
            order.push(enqueue.client);
            held.push(enqueue);
        }
        assert_eq!(order, [5, 6, 5, 6, 5, 6]);
    }

    #[test]
    fn credentials_come_before_addresses() {
        let [one, other]: [IpAddr; 2] =
            ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        assert_eq!(client(Some(b"a"), one), client(Some(b"a"), other));
        assert_ne!(client(Some(b"a"), one), client(Some(b"b"), one));
        assert_ne!(client(None, one), client(None, other));
    }
}
