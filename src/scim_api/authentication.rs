//! Authentication of requests, and the limits of their tokens and tenants.

use crate::access::{Caller, Claim, Identity, Traced};
use crate::error::{Result, ScimError};
use crate::protocol::Service;
use crate::reason::Reason;
use crate::scim_api::exchange::ScimCall;
use crate::scim_api::lookups::{Lookup, Lookups};
use crate::scim_api::resources::{resource_type_of, tell_intent};
use crate::scim_api::route::ScimTarget;
use crate::wire::rate::TokenLimits;
use axum::http::header::AUTHORIZATION;
use std::sync::Arc;
use std::time::Instant;

/// Authenticates requests, and counts them and their failures.
pub(crate) struct Authentication {
    pub(crate) service: Service,
    pub(crate) limits: Arc<TokenLimits>,
    pub(crate) lookups: Lookups,
}

impl Authentication {
    /// Applies the limits of the token and the tenant to a request. Beyond them its connection is treated as one
    /// without a valid token.
    ///
    /// # Errors
    /// 429 or 503.
    pub(crate) fn admit(&self, call: &ScimCall, caller: &Identity) -> Result<()> {
        self.limits.admit(&caller.token_id)?;
        call.admit(&caller.token_id, &caller.tenant)?;
        call.know();
        Ok(())
    }

    /// The claim of the token, if it is cached on this instance. Otherwise this request looks the token up, and others
    /// with the same token wait for it.
    ///
    /// # Errors
    /// 503 if the lookup of another request takes too long.
    pub(crate) async fn known(
        &self,
        call: &ScimCall,
        target: &ScimTarget,
    ) -> Result<(Option<Claim>, Option<Lookup<'_>>)> {
        let known = self.recall(call, target);
        let token = call
            .head
            .headers
            .get(AUTHORIZATION)
            .and_then(|header| header.to_str().ok());
        let (None, Some(token)) = (&known, token) else {
            return Ok((known, None));
        };
        let lookup = self.lookups.acquire(token).await?;
        Ok(match self.recall(call, target) {
            Some(known) => (Some(known), None),
            None => (None, Some(lookup)),
        })
    }

    /// The claim of the token, if it is cached on this instance, for requests about resources: their first statement
    /// confirms it before anything is written or returned.
    fn recall(&self, call: &ScimCall, target: &ScimTarget) -> Option<Claim> {
        if !matches!(
            target,
            ScimTarget::Root
                | ScimTarget::RootSearch
                | ScimTarget::Collection(_)
                | ScimTarget::Search(_)
                | ScimTarget::Resource(..)
        ) {
            return None;
        }
        let header = call.head.headers.get(AUTHORIZATION)?;
        let claim = self
            .service
            .access()
            .recall(header.to_str().ok(), &call.facts.context)?;
        is_at_path(call, &claim).ok()?;
        Some(match call.tenant {
            Some(_) => claim.at_own_path(&call.settings.base_path),
            None => claim,
        })
    }

    /// The caller from the database.
    ///
    /// # Errors
    /// 401 or 403 for an invalid token; 429 after too many of them; 503 if the database is unavailable.
    pub(crate) async fn authenticate(
        &self,
        call: &ScimCall,
        target: &ScimTarget,
    ) -> Result<Caller> {
        let text = credentials(call);
        let outcome = self
            .service
            .access()
            .authenticate(text.as_deref(), &call.facts.context)
            .await;
        let caller = match text {
            // A request without a token is not counted as a guess.
            None => outcome,
            Some(text) => self.judge(call, &text, outcome).await,
        };
        let caller = caller.and_then(|caller| {
            is_at_path(call, &caller)?;
            Ok(match call.tenant {
                Some(_) => caller.at_own_path(&call.settings.base_path),
                None => caller,
            })
        });
        if let Err(error) = &caller {
            self.admit_refused(call, error)?;
        }
        if let (true, Some(catalog)) = (caller.is_err(), call.facts.context.catalog()) {
            let resource_type = resource_type_of(&catalog, target).ok().flatten();
            tell_intent(call, target, resource_type.as_ref());
        }
        caller
    }

    /// Applies the rate of a known token to refused requests too: a client with a revoked token must not fill the log
    /// of its tenant. For near misses the rate is applied where they are traced.
    fn admit_refused(&self, call: &ScimCall, error: &ScimError) -> Result<()> {
        let context = &call.facts.context;
        let Some(token) = context.proved_token() else {
            return Ok(());
        };
        if error.reason().is_some_and(Reason::is_near_miss) {
            return Ok(());
        }
        self.limits
            .admit(&token)
            .inspect_err(|_| context.forget())?;
        Ok(())
    }

    /// Counts wrong tokens, and records a near miss in the log of its tenant. A valid token is always accepted, so that
    /// other clients of the same address cannot block it. An expired, revoked or wrongly sent token is not counted as
    /// wrong.
    async fn judge(&self, call: &ScimCall, text: &str, outcome: Result<Caller>) -> Result<Caller> {
        let error = match outcome {
            Ok(caller) => {
                self.limits.forget_guesses(call.peer);
                return Ok(caller);
            }
            Err(error) => error,
        };
        if error.reason().is_some_and(Reason::is_near_miss) {
            self.trace(call, text).await;
        }
        if error.status() == 401 && !call.facts.context.is_proved() {
            self.limits.refuse_guess(call.peer, Instant::now())?;
        }
        Err(error)
    }

    /// The error for a path outside of the base path. The log of the token's tenant has an entry; the response does not
    /// depend on it.
    pub(crate) async fn log_outside(&self, call: &ScimCall, error: ScimError) -> ScimError {
        if let Some(text) = credentials(call)
            && self.trace(call, &text).await == Traced::Unknown
        {
            self.limits.count_guess(call.peer, Instant::now());
        }
        error
    }

    /// Searches for the tenant of the token in a refused request, under the limits of wrong tokens and of the token
    /// itself.
    async fn trace(&self, call: &ScimCall, text: &str) -> Traced {
        if self.limits.are_guesses_spent(call.peer, Instant::now()) {
            return Traced::Nothing;
        }
        let traced = self
            .service
            .access()
            .trace(Some(text), &call.facts.context)
            .await;
        if let Traced::Token(id) = &traced
            && self.limits.admit(id).is_err()
        {
            call.facts.context.forget();
        }
        traced
    }
}

/// The value of the `Authorization` header.
pub(crate) fn credentials(call: &ScimCall) -> Option<String> {
    let header = call.head.headers.get(AUTHORIZATION)?;
    Some(String::from_utf8_lossy(header.as_bytes()).into_owned())
}

/// Checks that a tenant in the path is that of the token. Whether a tenant with that name exists is not looked up.
fn is_at_path(call: &ScimCall, caller: &Identity) -> Result<()> {
    match &call.tenant {
        Some(name) if **name != *caller.tenant => Err(ScimError::unauthorized(
            "The token belongs to another tenant than the URL: use a URL and a token of the same tenant.",
        )
        .because(Reason::TokenOtherTenant)),
        _ => Ok(()),
    }
}
