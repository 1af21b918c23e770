//! Rate limits: requests of a token, and invalid tokens from an address.

use crate::live::Live;
use crate::wire::refusal::{Refusal, Result};
use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Allowed rates of requests and of invalid tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Sustained rate of a token in requests per second; 0 for no limit.
    pub(crate) requests_per_second: u32,
    /// Requests that a token may send at once after a pause.
    pub(crate) burst: u32,
    /// Number of consecutive invalid tokens that an address can send within a minute; 0 for no limit.
    pub(crate) bad_tokens: u32,
}

/// The rate limits of a running server, with its counts.
#[derive(Debug)]
pub struct TokenLimits {
    by_token: Live<Option<DefaultKeyedRateLimiter<Arc<str>>>>,
    guesses: Guesses,
}

impl TokenLimits {
    /// No requests yet, with these rates.
    pub(crate) fn new(rates: Rates) -> Self {
        let guesses = Guesses {
            allowed: AtomicU32::new(rates.bad_tokens),
            found: Mutex::default(),
        };
        Self {
            by_token: Live::new(by_token(rates)),
            guesses,
        }
    }

    /// Replaces the limits. If the limits of tokens change, each token gets its full burst again.
    pub(crate) fn set(&self, before: Rates, rates: Rates) {
        let rate = |rates: Rates| (rates.requests_per_second, rates.burst);
        if rate(before) != rate(rates) {
            self.by_token.set(by_token(rates));
        }
        self.guesses
            .allowed
            .store(rates.bad_tokens, Ordering::Relaxed);
    }

    /// Counts a request of a token.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub(crate) fn admit(&self, token_id: &Arc<str>) -> Result<()> {
        let limiter = self.by_token.get();
        let Some(limiter) = limiter.as_ref() else {
            return Ok(());
        };
        limiter.check_key(token_id).map_err(|until| {
            let wait = until.wait_time_from(limiter.clock().now());
            too_many("This token makes too many requests.", wait)
        })
    }

    /// Counts an invalid token whose request is refused.
    ///
    /// # Errors
    /// 429 if there were too many from that address.
    pub(crate) fn refuse_guess(&self, address: Option<IpAddr>, now: Instant) -> Result<()> {
        let refusal = address.and_then(|address| self.guesses.count(address, now));
        refusal.map_or(Ok(()), Err)
    }

    /// Resets the count of wrong tokens of an address after a valid token.
    pub(crate) fn forget_guesses(&self, address: Option<IpAddr>) {
        if let Some(address) = address {
            self.guesses.forget(address);
        }
    }

    /// Counts an invalid token.
    pub(crate) fn count_guess(&self, peer: Option<IpAddr>, now: Instant) {
        if let Some(peer) = peer {
            // The next lookup checks the limit.
            let _ = self.guesses.count(peer, now);
        }
    }

    /// Whether an address has exceeded the limit of invalid tokens, so that no more are looked up.
    pub(crate) fn are_guesses_spent(&self, peer: Option<IpAddr>, now: Instant) -> bool {
        peer.is_some_and(|peer| self.guesses.are_spent(peer, now))
    }

    /// Removes expired state.
    pub(crate) fn tidy(&self, now: Instant) {
        if let Some(limiter) = self.by_token.get().as_ref() {
            limiter.retain_recent();
        }
        self.guesses.tidy(now);
    }
}

fn by_token(rates: Rates) -> Option<DefaultKeyedRateLimiter<Arc<str>>> {
    NonZeroU32::new(rates.requests_per_second).map(|rate| {
        let burst = NonZeroU32::new(rates.burst).unwrap_or(rate);
        RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst))
    })
}

fn too_many(detail: &str, wait: Duration) -> Refusal {
    let seconds = u32::try_from(wait.as_secs())
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    Refusal::too_many(detail, seconds)
}

const WINDOW: Duration = Duration::from_secs(60);

/// Maximum number of counted addresses, which limits the memory under an attack.
const ADDRESSES: usize = 10_000;

/// Consecutive invalid tokens, by address.
#[derive(Debug)]
struct Guesses {
    allowed: AtomicU32,
    found: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Guesses {
    /// Counts an invalid token, and returns a refusal beyond the limit.
    fn count(&self, peer: IpAddr, now: Instant) -> Option<Refusal> {
        let allowed = self.allowed.load(Ordering::Relaxed);
        if allowed == 0 {
            return None;
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let key = network(peer);
        if found.len() >= ADDRESSES && !found.contains_key(&key) {
            return None;
        }
        let (count, since) = found.entry(key).or_insert((0, now));
        if now.duration_since(*since) >= WINDOW {
            (*count, *since) = (0, now);
        }
        *count = count.saturating_add(1);
        let left = WINDOW.saturating_sub(now.duration_since(*since));
        (*count > allowed).then(|| too_many("Too many bad tokens came from this address.", left))
    }

    fn are_spent(&self, peer: IpAddr, now: Instant) -> bool {
        let allowed = self.allowed.load(Ordering::Relaxed);
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = found
            .get(&network(peer))
            .filter(|(_, since)| now.duration_since(*since) < WINDOW);
        allowed > 0 && counted.is_some_and(|(count, _)| *count >= allowed)
    }

    fn forget(&self, peer: IpAddr) {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&network(peer));
    }

    fn tidy(&self, now: Instant) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.retain(|_, (_, since)| now.duration_since(*since) < WINDOW);
    }
}

/// The network of an address: a client with one IPv6 address has the whole /64.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(bad_tokens: u32) -> TokenLimits {
        TokenLimits::new(Rates {
            requests_per_second: 1,
            burst: 3,
            bad_tokens,
        })
    }

    #[test]
    fn a_token_has_its_burst() {
        let limits = limits(0);
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        for _ in 0..3 {
            limits.admit(&one).unwrap();
        }
        let error = limits.admit(&one).unwrap_err();
        assert_eq!((error.status, error.retry_after), (429, Some(1)));
        limits.admit(&two).unwrap();
        limits.tidy(Instant::now());
    }

    #[test]
    fn consecutive_invalid_tokens_are_limited() {
        let (limits, now) = (limits(2), Instant::now());
        let [one, other]: [Option<IpAddr>; 2] =
            ["192.0.2.1", "192.0.2.2"].map(|text| Some(text.parse().unwrap()));
        let is_refused = |address, at| match limits.refuse_guess(address, at) {
            Ok(()) => false,
            Err(refusal) => refusal.status == 429,
        };
        assert_eq!([0; 3].map(|_| is_refused(one, now)), [false, false, true]);
        assert!(!is_refused(other, now));
        assert!(!is_refused(one, now + WINDOW));
        assert_eq!([0; 2].map(|_| is_refused(one, now + WINDOW)), [false, true]);
        limits.forget_guesses(one);
        assert!(!is_refused(one, now + WINDOW));
        limits.tidy(now + 2 * WINDOW);
        assert!(limits.guesses.found.lock().unwrap().is_empty());
    }

    #[test]
    fn guesses_are_allowed_again_after_a_while() {
        let (limits, now) = (limits(2), Instant::now());
        let address: Option<IpAddr> = Some("192.0.2.1".parse().unwrap());
        assert!(!limits.are_guesses_spent(address, now));
        limits.count_guess(address, now);
        limits.count_guess(address, now);
        assert!(limits.are_guesses_spent(address, now));
        assert!(!limits.are_guesses_spent(address, now + WINDOW));
        assert!(limits.refuse_guess(address, now).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let (limits, now) = (limits(1), Instant::now());
        for i in 0..ADDRESSES + 100 {
            let address = Ipv6Addr::from_bits((i as u128) << 64);
            limits.count_guess(Some(address.into()), now);
        }
        assert_eq!(limits.guesses.found.lock().unwrap().len(), ADDRESSES);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let [a, b]: [IpAddr; 2] = [
            "2001:db8::1".parse().unwrap(),
            "2001:db8::2:1".parse().unwrap(),
        ];
        assert_eq!(network(a), network(b));
        assert_eq!(
            network("::ffff:192.0.2.1".parse().unwrap()),
            "192.0.2.1".parse::<IpAddr>().unwrap()
        );
    }
}
