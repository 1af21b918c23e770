//! The requests that were already printed.

use crate::clock::Timestamp;
use serde_json::Value;
use std::collections::HashSet;

/// Age in seconds, relative to the latest request, up to which requests are remembered.
const KEPT: i64 = 120;
/// Number of remembered requests before old ones are removed.
const MANY: usize = 20_000;

/// Recently printed requests, which can be returned again.
#[derive(Debug, Default)]
pub(super) struct Seen {
    shown: HashSet<(Option<Timestamp>, String, String)>,
    last: Option<Timestamp>,
}

impl Seen {
    /// Time of the latest request.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Whether a request was not printed yet; marks it as printed.
    pub(super) fn is_new(&mut self, request: &Value) -> bool {
        let at = time(request);
        self.last = self.last.max(at);
        if self.shown.len() > MANY {
            let oldest = self.last.map(|last| last.plus_seconds(-KEPT));
            self.shown.retain(|(at, ..)| *at >= oldest);
        }
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let key = (at, text("tenant"), text("request"));
        self.shown.insert(key)
    }
}

/// Time of a request.
pub(super) fn time(request: &Value) -> Option<Timestamp> {
    request["time"].as_str().and_then(Timestamp::parse)
}
