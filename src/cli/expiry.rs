//! Warns of tokens that end soon, for with its token an identity provider stops without a word.

use crate::clock::Timestamp;
use crate::service::{Service, TokenInfo};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const DAY: Duration = Duration::from_secs(86_400);

/// Whether a token opens its tenant.
pub(super) fn is_valid(token: &TokenInfo, now: Timestamp) -> bool {
    token.revoked.is_none() && token.expires.is_none_or(|end| end > now)
}

/// Whether it is valid now but not so many days later.
pub(super) fn ends_within(token: &TokenInfo, days: i64, now: Timestamp) -> bool {
    is_valid(token, now) && !is_valid(token, now.plus_seconds(days * 86_400))
}

/// Seconds that a token is still valid; `None` if it is not, or has no end.
pub(super) fn left(token: &TokenInfo, now: Timestamp) -> Option<i64> {
    token.expires.filter(|_| is_valid(token, now)).map(|end| end.seconds_since(now))
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
    let tokens = match service.tokens(None).await {
        Ok(tokens) => tokens,
        Err(error) => return tracing::warn!(%error, "cannot look for tokens that end soon"),
    };
    let now = service.clock().now();
    if !tokens.iter().any(|token| is_valid(token, now)) {
        tracing::warn!("there is no valid token: scimd token issue --name NAME");
    }
    for token in tokens.iter().filter(|token| ends_within(token, warn_days, now)) {
        let end = token.expires.map(|end| end.to_string());
        tracing::warn!(
            tenant = token.tenant,
            token = token.name,
            id = token.id,
            end,
            "the token ends soon: scimd token rotate ID"
        );
    }
}
