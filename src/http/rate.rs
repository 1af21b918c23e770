//! Limits on how often: requests of a token, and bad tokens from an address.

use crate::error::{ErrorStatus, Result, ScimError};
use crate::http::settings::HttpSettings;
use crate::live::Live;
use crate::reason::Reason;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The limits of a running server.
#[derive(Debug)]
pub(super) struct Limits {
    by_token: Live<Option<DefaultKeyedRateLimiter<Arc<str>>>>,
    guesses: Guesses,
}

impl Limits {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        let guesses = Guesses {
            allowed: AtomicU32::new(settings.bad_tokens),
            found: Mutex::default(),
        };
        Self {
            by_token: Live::new(by_token(settings)),
            guesses,
        }
    }

    /// Takes other limits. If those of tokens are others than before, each token has its burst again.
    pub(super) fn set(&self, before: &HttpSettings, settings: &HttpSettings) {
        let rate = |settings: &HttpSettings| (settings.requests_per_second, settings.burst);
        if rate(before) != rate(settings) {
            self.by_token.set(by_token(settings));
        }
        self.guesses
            .allowed
            .store(settings.bad_tokens, Ordering::Relaxed);
    }

    /// Counts a request of a token.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub(super) fn admit(&self, token_id: &Arc<str>) -> Result<()> {
        let limiter = self.by_token.get();
        let Some(limiter) = limiter.as_ref() else {
            return Ok(());
        };
        limiter.check_key(token_id).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            too_many("This token makes too many requests.", wait)
        })
    }

    /// Counts the outcome of an authentication. A good token always passes, so that nobody can
    /// shut out a client who shares an address with him. A token that is known, but no longer good or
    /// put wrongly, is no guess (`is_known`).
    ///
    /// # Errors
    /// The 401 that was found, or 429 in its place after too many of them.
    pub(super) fn judge<T>(
        &self,
        peer: Option<IpAddr>,
        outcome: Result<T>,
        is_known: bool,
        now: Instant,
    ) -> Result<T> {
        match (outcome, peer) {
            (Ok(caller), Some(peer)) => {
                self.guesses.forget(peer);
                Ok(caller)
            }
            (Err(error), Some(peer)) if error.status() == 401 && !is_known => {
                Err(self.guesses.count(peer, now).unwrap_or(error))
            }
            (outcome, _) => outcome,
        }
    }

    /// Counts a token that is none of ours.
    pub(super) fn count_guess(&self, peer: Option<IpAddr>, now: Instant) {
        if let Some(peer) = peer {
            // Whether it was one too many, the next look-up finds out.
            let _ = self.guesses.count(peer, now);
        }
    }

    /// Whether so many bad tokens came from an address that no more are looked up.
    pub(super) fn are_guesses_spent(&self, peer: Option<IpAddr>, now: Instant) -> bool {
        peer.is_some_and(|peer| self.guesses.are_spent(peer, now))
    }

    /// Forgets what has no effect any more.
    pub(super) fn tidy(&self, now: Instant) {
        if let Some(limiter) = self.by_token.get().as_ref() {
            limiter.retain_recent();
        }
        self.guesses.tidy(now);
    }
}

fn by_token(settings: &HttpSettings) -> Option<DefaultKeyedRateLimiter<Arc<str>>> {
    NonZeroU32::new(settings.requests_per_second).map(|rate| {
        let burst = NonZeroU32::new(settings.burst).unwrap_or(rate);
        RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst))
    })
}

fn too_many(detail: &str, wait: Duration) -> ScimError {
    let seconds = u32::try_from(wait.as_secs())
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    ScimError::new(ErrorStatus::TOO_MANY_REQUESTS, detail)
        .because(Reason::RateLimited)
        .with_retry_after(seconds)
}

const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are remembered at a time: bounded, whoever attacks.
const ADDRESSES: usize = 10_000;

/// Bad tokens in a row, by address.
#[derive(Debug)]
struct Guesses {
    allowed: AtomicU32,
    found: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Guesses {
    /// Counts one, and says so if it was one too many.
    fn count(&self, peer: IpAddr, now: Instant) -> Option<ScimError> {
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

/// Who has one IPv6 address has the whole /64.
pub(super) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(bad_tokens: u32) -> Limits {
        Limits::new(&HttpSettings {
            requests_per_second: 1,
            burst: 3,
            bad_tokens,
            ..HttpSettings::default()
        })
    }

    fn bad() -> Result<()> {
        Err(ScimError::unauthorized("unknown token"))
    }

    #[test]
    fn a_token_has_its_burst() {
        let limits = limits(0);
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        for _ in 0..3 {
            limits.admit(&one).unwrap();
        }
        let error = limits.admit(&one).unwrap_err();
        assert_eq!((error.status(), error.retry_after()), (429, Some(1)));
        limits.admit(&two).unwrap();
        limits.tidy(Instant::now());
    }

    #[test]
    fn bad_tokens_in_a_row_are_too_many() {
        let (limits, now) = (limits(2), Instant::now());
        let peer: Option<IpAddr> = Some("192.0.2.1".parse().unwrap());
        let status = |outcome, at| {
            limits
                .judge(peer, outcome, false, at)
                .err()
                .map(|error| error.status())
        };
        assert_eq!(
            [status(bad(), now), status(bad(), now), status(bad(), now)],
            [Some(401), Some(401), Some(429)]
        );
        assert_eq!(
            limits
                .judge(Some("192.0.2.2".parse().unwrap()), bad(), false, now)
                .unwrap_err()
                .status(),
            401
        );
        assert_eq!(status(bad(), now + WINDOW), Some(401));
        assert_eq!(
            [status(bad(), now + WINDOW), status(bad(), now + WINDOW)],
            [Some(401), Some(429)]
        );
        assert_eq!(status(Ok(()), now + WINDOW), None);
        assert_eq!(status(bad(), now + WINDOW), Some(401));
        limits.tidy(now + 2 * WINDOW);
        assert!(limits.guesses.found.lock().unwrap().is_empty());
    }

    #[test]
    fn a_known_token_is_no_guess() {
        let (limits, now) = (limits(2), Instant::now());
        let peer: Option<IpAddr> = Some("192.0.2.1".parse().unwrap());
        for _ in 0..5 {
            assert_eq!(
                limits.judge(peer, bad(), true, now).unwrap_err().status(),
                401
            );
        }
        assert!(!limits.are_guesses_spent(peer, now));
        limits.count_guess(peer, now);
        limits.count_guess(peer, now);
        assert!(
            limits.are_guesses_spent(peer, now) && !limits.are_guesses_spent(peer, now + WINDOW)
        );
        assert_eq!(
            limits.judge(peer, bad(), false, now).unwrap_err().status(),
            429
        );
    }

    #[test]
    fn trouble_of_ours_is_no_guess() {
        let (limits, now) = (limits(1), Instant::now());
        let peer = Some("192.0.2.1".parse().unwrap());
        for _ in 0..5 {
            let outcome: Result<()> = Err(ScimError::unavailable("away", 1));
            assert_eq!(
                limits
                    .judge(peer, outcome, false, now)
                    .unwrap_err()
                    .status(),
                503
            );
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (limits, now) = (limits(1), Instant::now());
        for i in 0..ADDRESSES + 100 {
            let address = Ipv6Addr::from_bits((i as u128) << 64);
            assert!(
                limits
                    .judge(Some(address.into()), bad(), false, now)
                    .is_err()
            );
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
