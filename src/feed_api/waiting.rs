//! The end of the wait of a request for events.

use crate::wire::layers::task::AnswerBy;
use axum::http::request::Parts;
use std::time::Duration;
use tokio::time::Instant;

/// Maximum time reserved for reading the events within the time limit of the response.
const RESERVE: Duration = Duration::from_secs(5);

/// The end of the wait of a request, early enough for its time limit.
pub(super) fn until(head: &Parts, wait: Duration) -> Instant {
    let now = Instant::now();
    let answer_by = head.extensions.get::<AnswerBy>();
    let limit = answer_by.map_or(wait, |AnswerBy(at)| {
        let left = at.saturating_duration_since(now);
        left - RESERVE.min(left / 5)
    });
    now + wait.min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn seconds(answer_in: Option<u64>, wait: u64) -> u64 {
        let (mut head, ()) = Request::new(()).into_parts();
        if let Some(seconds) = answer_in {
            let at = Instant::now() + Duration::from_secs(seconds);
            head.extensions.insert(AnswerBy(at));
        }
        let waits = until(&head, Duration::from_secs(wait)) - Instant::now();
        (waits + Duration::from_millis(500)).as_secs()
    }

    #[test]
    fn a_response_is_within_the_time_limit() {
        for (answer_in, wait, expected) in [
            (None, 25, 25),
            (Some(30), 25, 25),
            (Some(30), 3, 3),
            (Some(60), 25, 25),
            (Some(10), 25, 8),
            (Some(5), 25, 4),
            (Some(0), 25, 0),
        ] {
            assert_eq!(seconds(answer_in, wait), expected, "{answer_in:?} {wait}");
        }
    }
}
