//! When tokens were used last, written coarsely and once for parallel requests.

use crate::clock::Timestamp;
use crate::sync::locked;
use std::collections::HashMap;
use std::sync::Mutex;

/// How coarsely the last use of a token is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Coarseness {
    /// To the minute: tokens of identity providers.
    Minute,
    /// To the hour: tokens of the change feed, whose readers ask all the time also when nothing changes.
    Hour,
}

impl Coarseness {
    fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

/// The moments at which the last use of each token was written, with how long no other use is written after it.
#[derive(Debug, Default)]
pub(super) struct LastUses(Mutex<HashMap<String, (Timestamp, Coarseness)>>);

impl LastUses {
    /// Whether the use of a token has to be written now; `last_used` is what was read of the token, if
    /// it was.
    pub(super) fn is_due(
        &self,
        token: &str,
        last_used: Option<Timestamp>,
        (now, coarseness): (Timestamp, Coarseness),
    ) -> bool {
        let is_recent = |(last, coarseness): &(Timestamp, Coarseness)| {
            now.seconds_since(*last) < coarseness.seconds()
        };
        if last_used.is_some_and(|last| is_recent(&(last, coarseness))) {
            return false;
        }
        let mut written = locked(&self.0);
        let is_due = !written.get(token).is_some_and(is_recent);
        if is_due {
            written.retain(|_, last| is_recent(last));
            written.insert(token.to_owned(), (now, coarseness));
        }
        is_due
    }
}
