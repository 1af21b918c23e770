//! Running requests and their bytes in memory, counted for each token, each tenant and in total. A request counts until
//! its response is written to the socket, or until the connection is closed.

use crate::wire::admission::AdmissionSlot;
use crate::wire::refusal::{Refusal, Result};
use crate::wire::settings::RequestSettings;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// `Retry-After` of a refusal, in seconds.
const RETRY_SECONDS: u32 = 1;

/// Maximum number of requests without a token: those whose caller is not known yet, and unread refusals. Beyond it a
/// connection with unread responses is closed.
const WITHOUT_TOKEN: usize = 1024;

/// Upper bounds; 0 for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    requests: [usize; 3],
    bytes: [usize; 3],
}

impl Bounds {
    /// The bounds in the settings.
    pub(crate) fn of(settings: &RequestSettings) -> Self {
        Self {
            requests: settings.requests,
            bytes: settings.memory_bytes,
        }
    }
}

/// The counts of a server; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct InFlight(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    bounds: Bounds,
    without_token: usize,
    /// Counts by token and by tenant.
    shares: HashMap<Share, Usage, RandomState>,
    all: Usage,
}

/// The key by which requests are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Share {
    Token(Arc<str>),
    Tenant(Arc<str>),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Usage {
    requests: usize,
    bytes: usize,
}

impl InFlight {
    /// No requests, with these bounds.
    pub(crate) fn new(bounds: Bounds) -> Self {
        let state = State {
            bounds,
            without_token: 0,
            shares: HashMap::default(),
            all: Usage::default(),
        };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the limits; running requests stay counted.
    pub(crate) fn set(&self, bounds: Bounds) {
        self.state().bounds = bounds;
    }

    /// Counts a request whose caller is not known yet.
    pub(crate) fn begin(&self) -> Ticket {
        self.state().without_token += 1;
        Ticket(Arc::new(Counted {
            counts: self.clone(),
            charge: Mutex::default(),
            slot: Mutex::default(),
        }))
    }

    /// Whether no request is counted.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state();
        state.all == Usage::default() && state.shares.is_empty() && state.without_token == 0
    }

    /// Whether the number of requests without a token requires that connections with unread responses are closed.
    pub(crate) fn is_crowded(&self) -> bool {
        self.state().without_token >= WITHOUT_TOKEN
    }
}

/// A request that is counted, until the last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Ticket(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    counts: InFlight,
    charge: Mutex<Charge>,
    /// The slot until it is admitted or refused.
    slot: Mutex<Option<AdmissionSlot>>,
}

/// The counts of one request.
#[derive(Debug, Default)]
struct Charge {
    /// Token and tenant, once they are known.
    owner: Option<[Share; 2]>,
    bytes: usize,
}

impl Ticket {
    /// Adds the slot of the request.
    pub(crate) fn hold_slot(&self, slot: Option<AdmissionSlot>) {
        *self.0.slot.lock().unwrap_or_else(PoisonError::into_inner) = slot;
    }

    /// Releases the slot, because the request is admitted or refused.
    pub(crate) fn release_slot(&self) {
        self.hold_slot(None);
    }

    /// Counts the request for its token and its tenant from now on.
    ///
    /// # Errors
    /// 429 if one of them has too many requests or bytes, 503 if there are too many in total.
    pub(crate) fn admit(&self, token: &Arc<str>, tenant: &Arc<str>) -> Result<()> {
        let mut charge = self.charge();
        if charge.owner.is_some() {
            return Ok(());
        }
        let owner = [Share::Token(token.clone()), Share::Tenant(tenant.clone())];
        let mut state = self.0.counts.state();
        state.check_requests(&owner)?;
        state.check_bytes(&owner, 0, 0)?;
        state.add(&owner);
        charge.owner = Some(owner);
        Ok(())
    }

    /// Sets the number of bytes that the request keeps, or is expected to keep. At most the total limit is counted, so
    /// that a single request is never refused.
    ///
    /// # Errors
    /// 429 or 503 if there are too many together with other requests, and `may_refuse`.
    pub(crate) fn keep(&self, bytes: usize, may_refuse: bool) -> Result<()> {
        let mut charge = self.charge();
        let charge = &mut *charge;
        let Some(owner) = &charge.owner else {
            return Ok(());
        };
        let mut state = self.0.counts.state();
        let max = state
            .bounds
            .bytes
            .into_iter()
            .filter(|bound| *bound > 0)
            .min()
            .unwrap_or(usize::MAX);
        let bytes = bytes.min(max);
        if may_refuse && bytes > charge.bytes {
            state.check_bytes(owner, charge.bytes, bytes)?;
        }
        state.exchange(owner, charge.bytes, bytes);
        charge.bytes = bytes;
        Ok(())
    }

    fn charge(&self) -> MutexGuard<'_, Charge> {
        self.0.charge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let charge = self
            .charge
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let mut state = self.counts.state();
        match &charge.owner {
            Some(owner) => state.remove(owner, charge.bytes),
            None => state.without_token -= 1,
        }
    }
}

impl State {
    /// The usage of a token, of its tenant, and the total.
    fn usage(&self, [token, tenant]: &[Share; 2]) -> [Usage; 3] {
        let of = |share| self.shares.get(share).copied().unwrap_or_default();
        [of(token), of(tenant), self.all]
    }

    fn check_requests(&self, owner: &[Share; 2]) -> Result<()> {
        let usage = self.usage(owner).map(|usage| usage.requests);
        match (0..3).find(|i| self.bounds.requests[*i] > 0 && usage[*i] >= self.bounds.requests[*i])
        {
            None => Ok(()),
            Some(i) => Err(refusal(i, "has as many requests under way as it may have")),
        }
    }

    /// Whether a request that keeps `now` bytes is allowed to keep `then`.
    fn check_bytes(&self, owner: &[Share; 2], now: usize, then: usize) -> Result<()> {
        let others = self.usage(owner).map(|usage| usage.bytes - now);
        let is_full = |i: usize| {
            let bound = self.bounds.bytes[i];
            bound > 0 && others[i] > 0 && others[i].saturating_add(then.max(1)) > bound
        };
        match (0..3).find(|i| is_full(*i)) {
            None => Ok(()),
            Some(i) => Err(refusal(
                i,
                "has as many answers that are not read yet as it may have",
            )),
        }
    }

    fn add(&mut self, owner: &[Share; 2]) {
        self.without_token -= 1;
        self.all.requests += 1;
        for share in owner {
            self.shares.entry(share.clone()).or_default().requests += 1;
        }
    }

    fn exchange(&mut self, owner: &[Share; 2], old: usize, new: usize) {
        self.all.bytes = self.all.bytes - old + new;
        for share in owner {
            if let Some(usage) = self.shares.get_mut(share) {
                usage.bytes = usage.bytes - old + new;
            }
        }
    }

    fn remove(&mut self, owner: &[Share; 2], bytes: usize) {
        self.exchange(owner, bytes, 0);
        self.all.requests -= 1;
        for share in owner {
            let Some(usage) = self.shares.get_mut(share) else {
                continue;
            };
            usage.requests -= 1;
            if usage.requests == 0 {
                self.shares.remove(share);
            }
        }
    }
}

/// The refusal for a token (0), for a tenant (1), or for the total (2).
fn refusal(whose: usize, what: &str) -> Refusal {
    let too_many = |who: &str| {
        let detail = format!("This {who} {what}: wait for answers and read them, then try again.");
        Refusal::too_many(detail, RETRY_SECONDS)
    };
    match whose {
        0 => too_many("token"),
        1 => too_many("tenant"),
        _ => Refusal::unavailable(format!("The server {what}; try again."), RETRY_SECONDS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_flight() -> InFlight {
        InFlight::new(Bounds {
            requests: [2, 3, 4],
            bytes: [100, 150, 180],
        })
    }

    fn admitted(counts: &InFlight, token: &str, tenant: &str) -> Result<Ticket> {
        let ticket = counts.begin();
        ticket.admit(&token.into(), &tenant.into()).map(|()| ticket)
    }

    fn status<T>(outcome: Result<T>) -> Option<u16> {
        let error = outcome.err()?;
        assert_eq!(error.retry_after, Some(RETRY_SECONDS));
        Some(error.status)
    }

    #[test]
    fn requests_have_three_bounds() {
        let counts = in_flight();
        let mut held = vec![
            admitted(&counts, "a1", "a").unwrap(),
            admitted(&counts, "a1", "a").unwrap(),
        ];
        let refused = admitted(&counts, "a1", "a").unwrap_err();
        assert!(
            refused
                .detail
                .starts_with("This token has as many requests"),
            "{}",
            refused.detail
        );
        held.push(admitted(&counts, "a2", "a").unwrap());
        let refused = admitted(&counts, "a2", "a").unwrap_err();
        assert!(
            refused.detail.starts_with("This tenant"),
            "{}",
            refused.detail
        );
        held.push(admitted(&counts, "b1", "b").unwrap());
        assert_eq!(status(admitted(&counts, "c1", "c")), Some(503));
        held.clear();
        assert!(counts.is_idle());
    }

    #[test]
    fn bytes_have_three_bounds() {
        let counts = in_flight();
        let [one, two] = [0; 2].map(|_| admitted(&counts, "a1", "a").unwrap());
        one.keep(60, true).unwrap();
        assert_eq!(status(two.keep(41, true)), Some(429));
        two.keep(40, true).unwrap();
        assert_eq!(status(admitted(&counts, "a1", "a")), Some(429));
        drop(two);
        let other = admitted(&counts, "a2", "a").unwrap();
        assert_eq!(status(other.keep(91, true)), Some(429));
        other.keep(90, true).unwrap();
        let stranger = admitted(&counts, "b1", "b").unwrap();
        assert_eq!(status(stranger.keep(31, true)), Some(503));
        other.keep(10, true).unwrap();
        stranger.keep(90, true).unwrap();
        stranger.keep(1_000_000, false).unwrap();
        drop((one, other, stranger));
        assert!(counts.is_idle());
    }

    #[test]
    fn a_request_alone_may_keep_any_bytes() {
        let counts = in_flight();
        admitted(&counts, "a1", "a")
            .unwrap()
            .keep(1_000_000, true)
            .unwrap();
        let large = admitted(&counts, "a1", "a").unwrap();
        large.keep(1_000_000, true).unwrap();
        assert_eq!(status(admitted(&counts, "a1", "a")), Some(429));
        admitted(&counts, "b1", "b")
            .unwrap()
            .keep(80, true)
            .unwrap();
        drop(large);
        assert!(counts.is_idle());
    }

    #[test]
    fn a_refused_request_is_not_counted() {
        let counts = in_flight();
        let _held = [0; 2].map(|_| admitted(&counts, "a1", "a").unwrap());
        let refused: Vec<_> = (0..WITHOUT_TOKEN).map(|_| counts.begin()).collect();
        assert!(
            refused
                .iter()
                .all(|ticket| ticket.admit(&"a1".into(), &"a".into()).is_err())
        );
        assert!(counts.is_crowded());
        drop(refused);
        assert!(!counts.is_crowded());
    }

    #[test]
    fn zero_means_no_limit() {
        let counts = InFlight::new(Bounds {
            requests: [0; 3],
            bytes: [0; 3],
        });
        let held: Vec<_> = (0..100)
            .map(|_| admitted(&counts, "a1", "a").unwrap())
            .collect();
        assert!(
            held.iter()
                .all(|ticket| ticket.keep(usize::MAX / 200, true).is_ok())
        );
    }
}
