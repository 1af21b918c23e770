//! Warns about expiring tokens: an identity provider with an expired token stops without a message.

use crate::operator::{Operator, OperatorError};

/// Warns about tokens that expire within this number of days, and if no token is valid.
pub(super) async fn warn(operator: &Operator, warn_days: i64) {
    if let Err(error) = warn_of_ending(operator, warn_days).await {
        tracing::warn!(%error, "expiring tokens cannot be read");
    }
}

async fn warn_of_ending(operator: &Operator, warn_days: i64) -> Result<(), OperatorError> {
    if !operator.has_good_token().await? {
        tracing::warn!("there is no valid token: scimd token issue --name NAME");
    }
    let mut ending = operator.ending_tokens(None, warn_days);
    while let Some(token) = ending.next().await? {
        let end = token.expires.map(|end| end.to_string());
        tracing::warn!(
            tenant = token.tenant,
            token = token.name,
            id = token.id,
            end,
            "the token expires soon: scimd token rotate ID"
        );
    }
    Ok(())
}
