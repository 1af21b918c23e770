//! Authentication: from the value of an `Authorization` header to a claim or a caller (RFC 6750, RFC
//! 7644 section 2).

use super::claim::{Caller, Claim, TokenIdentity};
use super::feed_reader::belongs_to_feed;
use super::handle::Access;
use super::last_uses::Coarseness;
use super::near_miss;
use super::token::{self, TokenKind};
use crate::clock::Timestamp;
use crate::error::{Result, ScimError};
use crate::reason::Reason;
use crate::request_log::RequestContext;
use crate::store::{CallerSnapshot, Status, StoredToken, Tenant, TokenInfo, TokenScope};
use std::sync::Arc;

impl Access {
    /// The cached claim for the value of an `Authorization` header; `None` if it is not cached. Pass the result of the
    /// operation under the claim to [`Access::settle`]; without a claim [`Access::authenticate`] reads the token.
    pub(crate) fn recall(
        &self,
        authorization: Option<&str>,
        context: &Arc<RequestContext>,
    ) -> Option<Claim> {
        let (id, secret) = token::parse(TokenKind::Tenant, token::bearer(authorization)?)?;
        let now = self.clock.now();
        let claim = self.cache.recall(id, &secret, now, context)?;
        context.begin(claim.requester(now));
        self.touch(&claim.token_id, None, (now, Coarseness::Minute));
        Some(claim)
    }

    /// Authenticates the value of an `Authorization` header. The entry of the request log is restarted with the caller,
    /// even if the token or its tenant is no longer valid.
    ///
    /// # Errors
    /// 401 with a `detail` about the problem with the token; 403 for a suspended tenant; 503 if the database cannot be
    /// reached.
    pub async fn authenticate(
        &self,
        authorization: Option<&str>,
        context: &Arc<RequestContext>,
    ) -> Result<Caller> {
        context.forget();
        let Some((id, secret)) =
            token::bearer(authorization).and_then(|sent| token::parse(TokenKind::Tenant, sent))
        else {
            return Err(near_miss::refusal(authorization));
        };
        let found = self.store.token(id).await?;
        self.cache.forget(id);
        // The digest is compared for unknown ids too, so that both cases take the same time.
        let expected = found.as_ref().map_or("", |found| found.digest.as_str());
        let fits = token::fits(&secret, expected);
        let Some(StoredToken {
            info: token,
            digest,
            tenant,
        }) = found.filter(|_| fits)
        else {
            if self.is_of_feed(id, &secret).await? {
                return Err(belongs_to_feed());
            }
            let detail = "The token is unknown: ask the vendor of the application for a new one, and enter it here.";
            return Err(ScimError::unauthorized(detail).because(Reason::TokenUnknown));
        };
        let now = self.clock.now();
        let caller = self.caller_by(tenant, &token, context.clone()).await?;
        context.begin(caller.requester(now));
        is_good(&caller.settings, &token, now)?;
        if token.scope == TokenScope::Feed {
            return Err(belongs_to_feed());
        }
        self.touch(&token.id, token.last_used, (now, Coarseness::Minute));
        let snapshot = CallerSnapshot::of(&caller.settings, &token);
        self.cache.remember(digest, snapshot, &caller);
        Ok(caller)
    }

    /// The caller of a token and its tenant that were just read.
    pub(super) async fn caller_by(
        &self,
        tenant: Tenant,
        token: &TokenInfo,
        context: Arc<RequestContext>,
    ) -> Result<Caller> {
        let token = TokenIdentity {
            name: token.name.as_str().into(),
            id: token.id.as_str().into(),
            scope: token.scope,
        };
        self.caller(tenant, token, context).await
    }

    /// Writes the last use of a token in the background, if it is due.
    pub(super) fn touch(
        &self,
        token: &str,
        last_used: Option<Timestamp>,
        (now, coarseness): (Timestamp, Coarseness),
    ) {
        if !self.last_uses.is_due(token, last_used, (now, coarseness)) {
            return;
        }
        let (store, id) = (self.store.clone(), token.to_owned());
        self.tasks.spawn(async move {
            if let Err(error) = store.touch_token(&id, now).await {
                tracing::warn!(token = id, %error, "the last use of a token could not be written");
            }
        });
    }
}

fn is_good(tenant: &Tenant, token: &TokenInfo, now: Timestamp) -> Result<()> {
    if token.revoked.is_some_and(|at| at <= now) {
        let detail = "The token was revoked: ask the vendor of the application for a new one, and enter it here.";
        return Err(ScimError::unauthorized(detail).because(Reason::TokenRevoked));
    }
    if token.expires.is_some_and(|at| at <= now) {
        let detail = "The token has expired: ask the vendor of the application for a new one, and enter it here.";
        return Err(ScimError::unauthorized(detail).because(Reason::TokenExpired));
    }
    if tenant.status == Status::Suspended {
        let detail = "This tenant is suspended: ask the vendor of the application.";
        return Err(ScimError::forbidden(detail).because(Reason::TenantSuspended));
    }
    Ok(())
}
