//! How long tokens are still valid.

use crate::clock::Timestamp;
use crate::service::TokenInfo;

/// Whether a token opens its tenant.
pub(super) fn is_valid(token: &TokenInfo, now: Timestamp) -> bool {
    token.revoked.is_none() && token.expires.is_none_or(|end| end > now)
}

/// Whether a token is valid now, expires within this number of days, and has no successor.
pub(super) fn ends_within(token: &TokenInfo, days: i64, now: Timestamp) -> bool {
    token.successor.is_none()
        && is_valid(token, now)
        && !is_valid(token, now.plus_seconds(days * 86_400))
}

/// Seconds that a token is still valid; `None` if it is not, or has no end.
pub(super) fn left(token: &TokenInfo, now: Timestamp) -> Option<i64> {
    token
        .expires
        .filter(|_| is_valid(token, now))
        .map(|end| end.seconds_since(now))
}
