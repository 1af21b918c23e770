//! A fair semaphore for the connections of a pool, shared by tenants.
//!
//! While several tenants wait, permits are assigned round robin. A tenant never holds all permits, and only a share of
//! them while other tenants are active, so that a short statement of another tenant starts at once. The share is
//! smaller if the tenant's statements are slow, so that a short statement does not compete with many of them for the
//! cores of the database.

use crate::fair_queue::FairQueue;
use crate::metrics::PoolMetrics;
use crate::store::db::flow::{ActiveTenants, Flow};
use crate::store::db::statement_times::StatementTimes;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// The permits of one pool; clones share them.
#[derive(Debug, Clone)]
pub(in crate::store) struct FairSemaphore(Arc<Mutex<State>>);

/// Maximum number of permits of one tenant while other tenants are active.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Shares {
    /// For a tenant with short statements.
    pub(in crate::store) short: usize,
    /// For a tenant with slow statements.
    pub(in crate::store) slow: usize,
}

#[derive(Debug)]
struct State {
    permits: usize,
    shares: Shares,
    free: usize,
    held: HashMap<Flow, usize, RandomState>,
    waiting: FairQueue<Flow, oneshot::Sender<Permit>>,
    active: ActiveTenants,
    times: StatementTimes,
    metrics: PoolMetrics,
}

/// The right to use one of the connections, until it is dropped.
#[derive(Debug)]
pub(in crate::store) struct Permit {
    semaphore: FairSemaphore,
    flow: Flow,
}

impl FairSemaphore {
    /// Creates the semaphore with at least one permit.
    pub(in crate::store) fn new(permits: usize, shares: Shares, metrics: PoolMetrics) -> Self {
        let permits = permits.max(1);
        metrics
            .limit
            .set(i64::try_from(permits).unwrap_or(i64::MAX));
        Self(Arc::new(Mutex::new(State {
            permits,
            shares,
            free: permits,
            held: HashMap::default(),
            waiting: FairQueue::default(),
            active: ActiveTenants::default(),
            times: StatementTimes::default(),
            metrics,
        })))
    }

    /// The next permit for a flow. The caller limits the wait; a cancelled wait has no effect.
    pub(in crate::store) async fn acquire(&self, flow: Flow) -> Permit {
        let mut waiting = match self.try_acquire(flow) {
            Ok(permit) => return permit,
            Err(waiting) => waiting,
        };
        let metrics = self.state().metrics.clone();
        let _wait = metrics.wait();
        loop {
            // The sender is dropped only with the semaphore itself, of which this holds a clone.
            if let Ok(permit) = waiting.await {
                return permit;
            }
            waiting = match self.try_acquire(flow) {
                Ok(permit) => return permit,
                Err(waiting) => waiting,
            };
        }
    }

    /// Whether a request waits for a permit.
    pub(in crate::store) fn is_contended(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    fn try_acquire(&self, flow: Flow) -> Result<Permit, oneshot::Receiver<Permit>> {
        let now = Instant::now();
        let mut state = self.state();
        state.active.note(flow, now);
        if state.may_begin(flow, now) {
            state.begin(flow);
            return Ok(self.permit(flow));
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(flow, sender);
        Err(receiver)
    }

    fn permit(&self, flow: Flow) -> Permit {
        Permit {
            semaphore: self.clone(),
            flow,
        }
    }

    /// Assigns free permits to waiting flows.
    fn hand_on(&self) {
        loop {
            let mut state = self.state();
            let Some((flow, next)) = state.next(Instant::now()) else {
                return;
            };
            state.begin(flow);
            drop(state);
            // If the receiver is closed, the permit is dropped and assigned to the next flow.
            let _ = next.send(self.permit(flow));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The last free permit is for a flow that holds none.
    fn may_begin(&self, flow: Flow, now: Instant) -> bool {
        match self.held.get(&flow).copied().unwrap_or(0) {
            0 => self.free > 0,
            held => self.free > 1 && held < self.share(flow, now),
        }
    }

    fn share(&self, flow: Flow, now: Instant) -> usize {
        if !self.active.has_other_than(flow, now) {
            return self.permits;
        }
        let Shares { short, slow } = self.shares;
        let share = if self.times.are_slow(flow, now) {
            slow
        } else {
            short
        };
        share.max(1)
    }

    fn begin(&mut self, flow: Flow) {
        self.free -= 1;
        self.metrics.in_use.inc();
        *self.held.entry(flow).or_default() += 1;
    }

    fn end(&mut self, flow: Flow) {
        self.free += 1;
        self.metrics.in_use.dec();
        if let Some(count) = self.held.get_mut(&flow) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(&flow);
            }
        }
    }

    fn next(&mut self, now: Instant) -> Option<(Flow, oneshot::Sender<Permit>)> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let next = waiting.pop(|flow| self.may_begin(flow, now), oneshot::Sender::is_closed);
        self.waiting = waiting;
        next
    }
}

impl Permit {
    /// Measures a reading statement, until the returned guard is dropped. Writes are not measured: most of their time
    /// is a wait for the disk or for a standby.
    pub(in crate::store) fn measure(&self) -> Measuring {
        Measuring {
            semaphore: self.semaphore.clone(),
            flow: self.flow,
            began: Instant::now(),
        }
    }
}

/// A statement that runs, until this is dropped.
#[derive(Debug)]
pub(in crate::store) struct Measuring {
    semaphore: FairSemaphore,
    flow: Flow,
    began: Instant,
}

impl Drop for Measuring {
    fn drop(&mut self) {
        let now = Instant::now();
        let time = now.saturating_duration_since(self.began);
        self.semaphore.state().times.add(self.flow, time, now);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.semaphore.state().end(self.flow);
        self.semaphore.hand_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;
    use tokio::task::JoinHandle;

    const fn half(permits: usize) -> Shares {
        Shares {
            short: permits / 2,
            slow: 1,
        }
    }

    const fn tenant(number: i64) -> Flow {
        Flow::Tenant(number)
    }

    /// A permit if one is available at once.
    fn at_once(semaphore: &FairSemaphore, number: i64) -> Option<Permit> {
        let acquiring = pin!(semaphore.acquire(tenant(number)));
        match acquiring.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => Some(permit),
            Poll::Pending => None,
        }
    }

    async fn waiting(semaphore: &FairSemaphore, number: i64) -> JoinHandle<(i64, Permit)> {
        let mine = semaphore.clone();
        let before = semaphore.state().waiting.len_of(tenant(number));
        let waiting = tokio::spawn(async move { (number, mine.acquire(tenant(number)).await) });
        while semaphore.state().waiting.len_of(tenant(number)) == before {
            tokio::task::yield_now().await;
        }
        waiting
    }

    fn is_idle(semaphore: &FairSemaphore) -> bool {
        let state = semaphore.state();
        state.free == state.permits && state.held.is_empty() && state.waiting.is_empty()
    }

    #[test]
    fn no_tenant_holds_all_permits() {
        let semaphore = FairSemaphore::new(4, half(4), PoolMetrics::default());
        let held: Vec<_> = (0..3).map(|_| at_once(&semaphore, 1).unwrap()).collect();
        assert!(at_once(&semaphore, 1).is_none());
        let other = at_once(&semaphore, 2).unwrap();
        assert!(at_once(&semaphore, 3).is_none());
        drop(other);
        drop(at_once(&semaphore, 3).unwrap());
        drop(held);
        assert!(is_idle(&semaphore));
    }

    #[test]
    fn while_others_are_active_a_tenant_has_half() {
        let semaphore = FairSemaphore::new(8, half(8), PoolMetrics::default());
        drop(at_once(&semaphore, 2).unwrap());
        let first: Vec<_> = (0..4).map(|_| at_once(&semaphore, 1).unwrap()).collect();
        assert!(at_once(&semaphore, 1).is_none());
        // Two noisy tenants leave a permit for a third one.
        let second: Vec<_> = (0..3).map(|_| at_once(&semaphore, 2).unwrap()).collect();
        assert!(at_once(&semaphore, 2).is_none());
        let third = at_once(&semaphore, 3).unwrap();
        drop((first, second, third));
        assert!(is_idle(&semaphore));
    }

    #[test]
    fn a_tenant_with_slow_statements_has_less() {
        let semaphore = FairSemaphore::new(8, half(8), PoolMetrics::default());
        let slow = at_once(&semaphore, 1).unwrap();
        let now = Instant::now();
        let add = |milliseconds| {
            let time = Duration::from_millis(milliseconds);
            semaphore.state().times.add(tenant(1), time, now);
        };
        add(500);
        let more = at_once(&semaphore, 1).unwrap();
        drop(more);
        drop(at_once(&semaphore, 2).unwrap());
        assert!(at_once(&semaphore, 1).is_none(), "another tenant is active");
        let short: Vec<_> = (0..4).filter_map(|_| at_once(&semaphore, 2)).collect();
        assert_eq!(short.len(), 4, "whose statements are short");
        (0..200).for_each(|_| add(1));
        drop(at_once(&semaphore, 1).unwrap());
        drop((slow, short));
        assert!(is_idle(&semaphore));
    }

    #[test]
    fn a_statement_is_measured() {
        let semaphore = FairSemaphore::new(8, half(8), PoolMetrics::default());
        let permit = at_once(&semaphore, 1).unwrap();
        let mut measuring = permit.measure();
        measuring.began -= Duration::from_secs(1);
        drop(measuring);
        assert!(semaphore.state().times.are_slow(tenant(1), Instant::now()));
    }

    #[test]
    fn a_single_permit_serves_everyone() {
        let semaphore = FairSemaphore::new(1, half(1), PoolMetrics::default());
        for number in [1, 2, 1] {
            drop(at_once(&semaphore, number).unwrap());
        }
    }

    #[tokio::test]
    async fn tenants_take_turns() {
        let semaphore = FairSemaphore::new(1, half(1), PoolMetrics::default());
        let mut permit = semaphore.acquire(tenant(1)).await;
        let mut queue = Vec::new();
        for number in [1, 1, 1, 2, 3, 2] {
            queue.push(waiting(&semaphore, number).await);
        }
        let mut order = Vec::new();
        while !queue.is_empty() {
            drop(permit);
            let at = loop {
                match queue.iter().position(JoinHandle::is_finished) {
                    Some(at) => break at,
                    None => tokio::task::yield_now().await,
                }
            };
            let (number, next) = queue.remove(at).await.unwrap();
            order.push(number);
            permit = next;
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1]);
    }

    #[tokio::test]
    async fn an_abandoned_wait_is_skipped() {
        let semaphore = FairSemaphore::new(1, half(1), PoolMetrics::default());
        let permit = semaphore.acquire(tenant(1)).await;
        for gone in [waiting(&semaphore, 1).await, waiting(&semaphore, 2).await] {
            gone.abort();
            assert!(gone.await.is_err());
        }
        let stays = waiting(&semaphore, 2).await;
        assert!(semaphore.is_contended());
        drop(permit);
        drop(stays.await.unwrap());
        assert!(is_idle(&semaphore));
    }

    /// Counts the permits in use, also when a task is aborted.
    struct InUse(Arc<AtomicUsize>);

    impl Drop for InUse {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn permits_are_neither_lost_nor_doubled() {
        const PERMITS: usize = 3;
        let semaphore = FairSemaphore::new(PERMITS, half(PERMITS), PoolMetrics::default());
        let in_use = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for i in 0..400 {
            let (semaphore, in_use) = (semaphore.clone(), in_use.clone());
            tasks.push(tokio::spawn(async move {
                let _permit = semaphore.acquire(tenant(i % 5)).await;
                let before = in_use.fetch_add(1, Ordering::SeqCst);
                let _in_use = InUse(in_use);
                assert!(before < PERMITS);
                tokio::task::yield_now().await;
            }));
            // Some are cancelled at any position.
            if i % 7 == 0
                && let Some(task) = tasks.get(tasks.len() / 2)
            {
                task.abort();
            }
        }
        for task in tasks {
            let outcome = task.await;
            assert!(!outcome.is_err_and(|error| error.is_panic()));
        }
        assert!(is_idle(&semaphore));
    }
}
