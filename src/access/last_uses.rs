//! Last uses of tokens, written with a coarse resolution and once for concurrent requests.

use crate::clock::Timestamp;
use crate::sync::locked;
use std::collections::HashMap;
use std::sync::Mutex;

/// The resolution of the last use of a token.
#[derive(Debug, Clone, Copy)]
pub(super) enum Coarseness {
    /// To the minute: tokens of identity providers.
    Minute,
    /// To the hour: tokens of the change feed, whose readers poll continuously.
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

/// The times at which the last use of each token was written, with the interval until the next write.
#[derive(Debug, Default)]
pub(super) struct LastUses(Mutex<HashMap<String, (Timestamp, Coarseness)>>);

impl LastUses {
    /// Whether the use of a token has to be written now; `last_used` is the stored time, if it was read.
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
