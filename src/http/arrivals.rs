//! Tokens that are being looked up. Of many requests with a token that is not known yet, one asks the database who
//! calls, and the others wait for what it finds.

use crate::error::{Result, ScimError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Line, OwnedMutexGuard};
use tokio::time::timeout;

/// Longest wait for the lookups of other requests.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The tokens, as they were presented.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<HashMap<Arc<str>, Arc<Line<()>>>>);

/// The turn of one request with its token.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    arrivals: &'a Arrivals,
    token: Arc<str>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Arrivals {
    /// Waits until no other request with the token is being looked up.
    ///
    /// # Errors
    /// 503 if that takes too long: as many lookups as there are requests would take the database from others.
    pub(super) async fn turn(&self, token: &str) -> Result<Arrival<'_>> {
        let token: Arc<str> = token.into();
        let line = self.lines().entry(token.clone()).or_default().clone();
        // In this order, whoever gives up waiting leaves no trace.
        let mut arrival = Arrival {
            arrivals: self,
            token,
            turn: None,
        };
        let turn = timeout(PATIENCE, line.lock_owned()).await;
        arrival.turn =
            Some(turn.map_err(|_| ScimError::unavailable("The server is busy; try again.", 1))?);
        Ok(arrival)
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Line<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        drop(self.turn.take());
        let mut lines = self.arrivals.lines();
        if lines
            .get(&self.token)
            .is_some_and(|line| Arc::strong_count(line) == 1)
        {
            lines.remove(&self.token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn one_request_of_a_token_comes_at_a_time() {
        let arrivals = Arrivals::default();
        let one = arrivals.turn("a").await.unwrap();
        drop(arrivals.turn("b").await.unwrap());
        assert!(timeout(SHORT, arrivals.turn("a")).await.is_err());
        assert_eq!(arrivals.turn("a").await.unwrap_err().status(), 503);
        drop(one);
        drop(arrivals.turn("a").await.unwrap());
        assert!(arrivals.lines().is_empty());
    }
}
