//! Authentication for the change feed: tokens of scope `feed`, for one tenant or all tenants.

use super::handle::Access;
use super::last_uses::Coarseness;
use super::near_miss;
use super::token::{self, TokenKind};
use crate::error::{self, ScimError};
use crate::reason::Reason;
use crate::store::{StoredToken, TenantKey, TokenScope};
use std::sync::Arc;

/// An authenticated reader of the change feed.
#[derive(Debug, Clone)]
pub(crate) struct FeedReader {
    /// Public part of the token.
    pub(crate) token_id: Arc<str>,
    /// Name of the tenant; `*` for all.
    pub(crate) tenant_name: Arc<str>,
    /// The tenant; `None` for all.
    pub(crate) tenant: Option<TenantKey>,
}

/// The refusal of a request to the change feed.
#[derive(Debug)]
pub(crate) struct FeedRefusal {
    /// 401 with a `detail` about the problem with the token; 403 for a token of another scope; 503 if the database
    /// cannot be reached.
    pub(crate) error: ScimError,
    /// Public part of the token, if it is one of this deployment.
    pub(crate) token: Option<Arc<str>>,
}

impl From<ScimError> for FeedRefusal {
    fn from(error: ScimError) -> Self {
        Self { error, token: None }
    }
}

impl Access {
    /// Authenticates the value of an `Authorization` header for the change feed, by one statement. The feed of a
    /// suspended tenant can be read.
    ///
    /// # Errors
    /// Any [`FeedRefusal`].
    pub(crate) async fn feed_reader(
        &self,
        authorization: Option<&str>,
    ) -> Result<FeedReader, FeedRefusal> {
        let sent = token::bearer(authorization);
        let parsed = sent.and_then(|sent| token::parse(TokenKind::Tenant, sent));
        let Some((id, secret)) = parsed else {
            return Err(near_miss::refusal(authorization).into());
        };
        let found = self.store.any_token(id).await.map_err(ScimError::from)?;
        let expected = found.as_ref().map_or("", |found| found.digest.as_str());
        let fits = token::fits(&secret, expected);
        let Some(StoredToken {
            info: token,
            tenant,
            ..
        }) = found.filter(|_| fits)
        else {
            let detail = "The token is unknown: the change feed needs one of scope feed.";
            let unknown = ScimError::unauthorized(detail).because(Reason::TokenUnknown);
            return Err(unknown.into());
        };
        let of_ours = |error| FeedRefusal {
            error,
            token: Some(token.id.as_str().into()),
        };
        let now = self.clock.now();
        let is_over = |end: Option<_>| end.is_some_and(|at| at <= now);
        if is_over(token.revoked) || is_over(token.expires) {
            let detail = "The token was revoked or has expired: the change feed needs another one of scope feed.";
            let over = ScimError::unauthorized(detail).because(Reason::TokenRevoked);
            return Err(of_ours(over));
        }
        if token.scope != TokenScope::Feed {
            return Err(of_ours(ScimError::insufficient_scope(
                "This token belongs to an identity provider; the change feed needs one of scope feed.",
            )));
        }
        let at = (now, Coarseness::Hour);
        self.touch(&token.id, token.last_used, at);
        Ok(FeedReader {
            token_id: token.id.into(),
            tenant_name: token.tenant.into(),
            tenant,
        })
    }

    /// Whether a token that is unknown at the SCIM endpoints is a feed token.
    pub(super) async fn is_of_feed(
        &self,
        id: &str,
        secret: &secrecy::SecretString,
    ) -> error::Result<bool> {
        let found = self.store.any_token(id).await?;
        Ok(found.is_some_and(|found| {
            found.info.scope == TokenScope::Feed && token::fits(secret, &found.digest)
        }))
    }
}

/// The error for a feed token at SCIM endpoints.
pub(super) fn belongs_to_feed() -> ScimError {
    ScimError::insufficient_scope(
        "This token reads the change feed below /feed/v1; an identity provider needs one of another scope. Ask the \
         vendor of the application.",
    )
}
