//! When tokens were used last, written coarsely and once for parallel requests.

use crate::clock::Timestamp;
use crate::sync::locked;
use std::collections::HashMap;
use std::sync::Mutex;

/// How coarsely the last use of a token is kept, in seconds.
const SECONDS: i64 = 60;

/// The moments at which the last use of each token was written.
#[derive(Debug, Default)]
pub(super) struct LastUses(Mutex<HashMap<String, Timestamp>>);

impl LastUses {
    /// Whether the use of a token has to be written now; `last_used` is what was read of the token, if
    /// it was.
    pub(super) fn is_due(&self, token: &str, last_used: Option<Timestamp>, now: Timestamp) -> bool {
        if last_used.is_some_and(|last| now.seconds_since(last) < SECONDS) {
            return false;
        }
        let mut written = locked(&self.0);
        let is_due = written
            .get(token)
            .is_none_or(|last| now.seconds_since(*last) >= SECONDS);
        if is_due {
            written.retain(|_, last| now.seconds_since(*last) < SECONDS);
            written.insert(token.to_owned(), now);
        }
        is_due
    }
}
