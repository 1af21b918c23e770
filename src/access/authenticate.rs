//! Who asks: from the value of an `Authorization` header to a caller (RFC 6750, RFC 7644
//! section 2).

use crate::access::{Caller, near_miss, token};
use crate::clock::Timestamp;
use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::protocol::Service;
use crate::reason::Reason;
use crate::request_log::{Asker, Trail};
use crate::schema::ResourceType;
use crate::store::{CallerProof, Status, Tenant, TokenInfo, TokenScope};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// How coarsely the last use of a token is kept.
const TOUCH_SECONDS: i64 = 60;

/// When each token's last use was written, so that parallel requests write it once.
#[derive(Debug, Default)]
pub(crate) struct Touched(Mutex<HashMap<String, Timestamp>>);

impl Touched {
    /// Whether the use has to be written; `last_used` is what was read of the token, if it was.
    fn is_due(&self, token: &str, last_used: Option<Timestamp>, now: Timestamp) -> bool {
        if last_used.is_some_and(|last| now.seconds_since(last) < TOUCH_SECONDS) {
            return false;
        }
        let Ok(mut touched) = self.0.lock() else {
            return false;
        };
        let is_due = touched
            .get(token)
            .is_none_or(|last| now.seconds_since(*last) >= TOUCH_SECONDS);
        if is_due {
            touched.retain(|_, last| now.seconds_since(*last) < TOUCH_SECONDS);
            touched.insert(token.to_owned(), now);
        }
        is_due
    }
}

impl Service {
    /// Who the value of an `Authorization` header stood for when this instance saw it last. What is
    /// made for him, a reply or a refusal, is good if [`Service::confirm`] says so afterwards; else
    /// [`Service::authenticate`] has to say who calls.
    pub fn recall(&self, authorization: Option<&str>, trail: &Arc<Trail>) -> Option<Caller> {
        let (id, secret) = token::parse(bearer(authorization)?)?;
        let now = self.clock.now();
        let caller = self.callers.recall(id, &secret, now, trail)?;
        trail.begin(caller.asker(now));
        self.touch(&caller.token_id, None, now);
        Some(caller)
    }

    /// Whether token and tenant of a caller who was recalled are as they were. The statements of
    /// his request have said it as a rule; where the request was refused before they could, the
    /// database is asked for nothing else.
    ///
    /// # Errors
    /// 503 if the database is away.
    pub async fn confirm(&self, caller: &Caller) -> Result<bool> {
        Ok(self.store.confirm(&caller.scope).await?)
    }

    /// Who the value of an `Authorization` header stands for. The trail begins anew and learns it
    /// too, also where the token, or its tenant, is no longer good.
    ///
    /// # Errors
    /// 401 with a `detail` that says what is wrong with the token; 403 for a suspended tenant;
    /// 503 if the database is away.
    pub async fn authenticate(
        &self,
        authorization: Option<&str>,
        trail: &Arc<Trail>,
    ) -> Result<Caller> {
        trail.forget();
        let Some((id, secret)) = bearer(authorization).and_then(token::parse) else {
            return Err(near_miss::refusal(authorization));
        };
        let found = self.store.token(id).await?;
        self.callers.forget(id);
        // The digest is compared for unknown ids too, so that both take the same path.
        let expected = found.as_ref().map_or("", |(_, _, digest)| digest.as_str());
        let fits = token::fits(&secret, expected);
        let Some((tenant, token, digest)) = found.filter(|_| fits) else {
            let detail = "The token is unknown: ask the vendor of the application for a new one, and enter it here.";
            return Err(ScimError::unauthorized(detail).because(Reason::TokenUnknown));
        };
        let now = self.clock.now();
        let caller = self.caller(tenant, &token, trail.clone()).await?;
        trail.begin(caller.asker(now));
        is_good(&caller.settings, &token, now)?;
        self.touch(&token.id, token.last_used, now);
        self.callers
            .remember(digest, CallerProof::of(&caller.settings, &token), &caller);
        Ok(caller)
    }

    pub(crate) async fn caller(
        &self,
        tenant: Tenant,
        token: &TokenInfo,
        trail: Arc<Trail>,
    ) -> Result<Caller> {
        let numbered = self.catalogs.of(&self.store, &tenant).await?;
        Ok(Caller {
            tenant: tenant.name.as_str().into(),
            token_name: token.name.as_str().into(),
            token_id: token.id.as_str().into(),
            base_url: tenant
                .base_url
                .as_deref()
                .unwrap_or(&self.settings.public_url)
                .into(),
            catalog: numbered.catalog.clone(),
            scope: tenant.scope(numbered.layout.clone()),
            token_scope: token.scope,
            settings: tenant.into(),
            trail,
        })
    }

    fn touch(&self, token: &str, last_used: Option<Timestamp>, now: Timestamp) {
        if !self.touched.is_due(token, last_used, now) {
            return;
        }
        let (store, id) = (self.store.clone(), token.to_owned());
        tokio::spawn(async move {
            if let Err(error) = store.touch_token(&id, now).await {
                tracing::warn!(token = id, %error, "the last use of a token could not be written");
            }
        });
    }
}

/// What follows the Bearer scheme.
fn bearer(authorization: Option<&str>) -> Option<&str> {
    let (scheme, token) = authorization?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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

impl Caller {
    pub(crate) fn asker(&self, now: Timestamp) -> Asker {
        Asker {
            settings: self.settings.clone(),
            tenant: self.tenant.clone(),
            token_id: self.token_id.clone(),
            token_name: self.token_name.clone(),
            catalog: self.catalog.clone(),
            keeps_bodies: self.settings.bodies_until.is_some_and(|until| until > now),
        }
    }

    /// Whether the token may read resources of a type.
    pub(crate) fn may_read(&self, resource_type: &ResourceType) -> Result<()> {
        let is_allowed =
            self.token_scope != TokenScope::UsersOnly || resource_type.seat().is_some();
        is_allowed.then_some(()).ok_or_else(|| {
            ScimError::insufficient_scope(format!(
                "This token is for users only; it does not reach {}. Ask the vendor of the application for one that does.",
                resource_type.endpoint()
            ))
        })
    }

    /// Whether the token may change resources of a type.
    pub(crate) fn may_write(&self, resource_type: &ResourceType) -> Result<()> {
        if self.token_scope == TokenScope::ReadOnly {
            return Err(ScimError::insufficient_scope(
                "This token is for reading only: ask the vendor of the application for one with scope read-write.",
            ));
        }
        self.may_read(resource_type)
    }
}
