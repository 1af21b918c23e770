//! The source of the time: the clock of the machine, or one that tests set.

pub use scim_core::time::Timestamp;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The source of the time.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that only [`Clock::advance`] moves, for tests of expiry and time-outs.
    pub fn standing(at: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.as_micros()))))
    }

    /// Advances a test clock; the machine's clock is not changed.
    pub fn advance(&self, seconds: i64) {
        if let Some(at) = &self.0 {
            at.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        }
    }

    /// The current time, in whole milliseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "only this function reads the machine's clock"
    )]
    pub fn now(&self) -> Timestamp {
        let micros = match &self.0 {
            Some(at) => at.load(Ordering::SeqCst),
            None => jiff::Timestamp::now().as_microsecond(),
        };
        Timestamp::from_micros(micros.div_euclid(1000) * 1000)
    }
}
