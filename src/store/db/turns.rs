//! Fair turns: of a few connections each tenant gets some in turn, however many requests of another tenant wait.
//!
//! While several tenants wait, the next free connection goes to the one that has waited longest since its last turn.
//! No tenant has all connections, so that a short statement of another one begins at once.

use crate::store::db::error::StoreError;
use crate::store::db::statement::Arg;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The turns of one pool of connections; clones share them.
#[derive(Debug, Clone)]
pub(in crate::store) struct Turns {
    state: Arc<Mutex<State>>,
    longest_wait: Duration,
}

/// Whose statement it is: a number made of its first value, which is the tenant or, before that is known, a token.
type Party = u64;

#[derive(Debug)]
struct State {
    free: usize,
    most_of_one: usize,
    under_way: HashMap<Party, usize>,
    waiting: HashMap<Party, VecDeque<oneshot::Sender<Turn>>>,
    /// The parties that wait, in the order of their turns.
    order: VecDeque<Party>,
}

/// The right to use one of the connections, until it is dropped.
#[derive(Debug)]
pub(in crate::store) struct Turn {
    turns: Turns,
    party: Party,
}

impl Turns {
    /// Turns for so many connections. Nobody waits for longer than `longest_wait`.
    pub(in crate::store) fn new(connections: usize, longest_wait: Duration) -> Self {
        let free = connections.max(1);
        let state = State {
            free,
            most_of_one: free.saturating_sub(1).max(1),
            under_way: HashMap::new(),
            waiting: HashMap::new(),
            order: VecDeque::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            longest_wait,
        }
    }

    /// The next turn of whoever the first value of a statement names.
    ///
    /// # Errors
    /// If it does not come in time.
    pub(in crate::store) async fn take(&self, values: &[Arg]) -> Result<Turn, StoreError> {
        let party = party(values);
        let waiting = {
            let mut state = self.state();
            if state.may_begin(party) {
                state.begin(party);
                return Ok(Turn {
                    turns: self.clone(),
                    party,
                });
            }
            state.wait(party)
        };
        match timeout(self.longest_wait, waiting).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what is free to those who wait.
    fn hand_on(&self) {
        loop {
            let mut state = self.state();
            let Some((party, next)) = state.next() else {
                return;
            };
            state.begin(party);
            drop(state);
            // Who has given up since drops the turn, which hands it on.
            let _ = next.send(Turn {
                turns: self.clone(),
                party,
            });
        }
    }
}

impl State {
    fn may_begin(&self, party: Party) -> bool {
        self.free > 0
            && self
                .under_way
                .get(&party)
                .is_none_or(|count| *count < self.most_of_one)
    }

    fn begin(&mut self, party: Party) {
        self.free -= 1;
        *self.under_way.entry(party).or_default() += 1;
    }

    fn end(&mut self, party: Party) {
        self.free += 1;
        if let Some(count) = self.under_way.get_mut(&party) {
            *count -= 1;
            if *count == 0 {
                self.under_way.remove(&party);
            }
        }
    }

    fn wait(&mut self, party: Party) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        let line = self.waiting.entry(party).or_default();
        if line.is_empty() {
            self.order.push_back(party);
        }
        line.push_back(sender);
        receiver
    }

    /// Takes the next of those who wait out of the line, if anything is free for one.
    fn next(&mut self) -> Option<(Party, oneshot::Sender<Turn>)> {
        for _ in 0..self.order.len() {
            let party = self.order.pop_front()?;
            if !self.may_begin(party) {
                self.order.push_back(party);
                continue;
            }
            let Some(line) = self.waiting.get_mut(&party) else {
                continue;
            };
            while line.front().is_some_and(oneshot::Sender::is_closed) {
                line.pop_front();
            }
            let next = line.pop_front();
            if line.is_empty() {
                self.waiting.remove(&party);
            } else {
                self.order.push_back(party);
            }
            if let Some(next) = next {
                return Some((party, next));
            }
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.state().end(self.party);
        self.turns.hand_on();
    }
}

fn party(values: &[Arg]) -> Party {
    let mut hasher = DefaultHasher::new();
    match values.first() {
        Some(Arg::Int(tenant)) => tenant.hash(&mut hasher),
        Some(Arg::Text(text)) => text.hash(&mut hasher),
        _ => {}
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::JoinHandle;

    const LONG: Duration = Duration::from_secs(20);

    fn of(tenant: i64) -> [Arg; 1] {
        [Arg::Int(tenant)]
    }

    async fn waiting(turns: &Turns, tenant: i64) -> JoinHandle<(i64, Turn)> {
        let mine = turns.clone();
        let before = turns
            .state()
            .waiting
            .values()
            .map(VecDeque::len)
            .sum::<usize>();
        let waiting = tokio::spawn(async move { (tenant, mine.take(&of(tenant)).await.unwrap()) });
        while turns
            .state()
            .waiting
            .values()
            .map(VecDeque::len)
            .sum::<usize>()
            == before
        {
            tokio::task::yield_now().await;
        }
        waiting
    }

    #[tokio::test]
    async fn nobody_has_all() {
        let turns = Turns::new(3, Duration::from_millis(50));
        let _held = [
            turns.take(&of(1)).await.unwrap(),
            turns.take(&of(1)).await.unwrap(),
        ];
        assert!(turns.take(&of(1)).await.is_err());
        let other = turns.take(&of(2)).await.unwrap();
        assert!(turns.take(&of(3)).await.is_err());
        drop(other);
        turns.take(&of(3)).await.unwrap();
    }

    #[tokio::test]
    async fn tenants_take_turns() {
        let turns = Turns::new(1, LONG);
        let mut turn = turns.take(&of(1)).await.unwrap();
        let mut line = Vec::new();
        for tenant in [1, 1, 1, 2, 3, 2] {
            line.push(waiting(&turns, tenant).await);
        }
        let mut order = Vec::new();
        while !line.is_empty() {
            drop(turn);
            let at = loop {
                match line.iter().position(JoinHandle::is_finished) {
                    Some(at) => break at,
                    None => tokio::task::yield_now().await,
                }
            };
            let (tenant, next) = line.remove(at).await.unwrap();
            order.push(tenant);
            turn = next;
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1]);
    }

    #[tokio::test]
    async fn who_gives_up_is_passed_over() {
        let turns = Turns::new(1, LONG);
        let turn = turns.take(&of(1)).await.unwrap();
        let gone: Vec<_> = [waiting(&turns, 1).await, waiting(&turns, 2).await].into();
        for one in gone {
            one.abort();
            assert!(one.await.is_err());
        }
        let stays = waiting(&turns, 2).await;
        drop(turn);
        let (_, turn) = stays.await.unwrap();
        drop(turn);
        let state = turns.state();
        assert_eq!(
            (
                state.free,
                state.under_way.len(),
                state.waiting.len(),
                state.order.len()
            ),
            (1, 0, 0, 0)
        );
    }
}
