//! Warns of tokens that end soon, for with its token an identity provider stops without a word.

use crate::clock::Timestamp;
use crate::error::ScimError;
use crate::service::{Service, TokenInfo};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const DAY: Duration = Duration::from_secs(86_400);

/// Whether a token opens its tenant.
pub(super) fn is_valid(token: &TokenInfo, now: Timestamp) -> bool {
    token.revoked.is_none() && token.expires.is_none_or(|end| end > now)
}

/// Whether it is valid now but not so many days later, and no other was issued in its place.
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

/// Looks once a day, for as long as the server runs.
pub(super) async fn watch(service: Service, warn_days: i64) {
    let mut days = interval(DAY);
    days.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        days.tick().await;
        warn(&service, warn_days).await;
    }
}

async fn warn(service: &Service, warn_days: i64) {
    if let Err(error) = warn_of_ending(service, warn_days).await {
        tracing::warn!(%error, "cannot look for tokens that end soon");
    }
}

async fn warn_of_ending(service: &Service, warn_days: i64) -> Result<(), ScimError> {
    if !service.has_good_token().await? {
        tracing::warn!("there is no valid token: scimd token issue --name NAME");
    }
    let mut ending = service.ending_tokens(None, warn_days);
    while let Some(token) = ending.next().await? {
        let end = token.expires.map(|end| end.to_string());
        tracing::warn!(
            tenant = token.tenant,
            token = token.name,
            id = token.id,
            end,
            "the token ends soon: scimd token rotate ID"
        );
    }
    Ok(())
}
