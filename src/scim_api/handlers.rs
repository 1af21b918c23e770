//! The handlers of the routes.

use crate::access::answered;
use crate::delivery;
use crate::error::{ErrorStatus, Result, ScimError};
use crate::protocol::{ScimReply, Service};
use crate::reason::Reason;
use crate::scim_api::app::ScimApp;
use crate::scim_api::authentication::{Authentication, credentials};
use crate::scim_api::exchange::ScimCall;
use crate::scim_api::log::Logs;
use crate::scim_api::lookups::Lookups;
use crate::scim_api::resources::{carry_out, other_version};
use crate::scim_api::route::{Route, ScimTarget, Verb};
use crate::scim_api::settings::HttpSettings;
use crate::scim_api::sibling_api::SiblingApi;
use crate::wire::body::Upload;
use crate::wire::rate::TokenLimits;
use crate::wire::shutdown::Leaving;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Time limit for the readiness check of the database.
const READY_TIME: Duration = Duration::from_secs(2);

/// The app of the SCIM API, with other APIs on its listener. Requests of tokens are counted under `limits`.
pub fn app(
    service: Service,
    settings: HttpSettings,
    limits: Arc<TokenLimits>,
    sibling: Option<SiblingApi>,
) -> ScimApp {
    over(service, (settings, limits), sibling, Endpoints::All)
}

/// The app of a separate listener for an API that can also be on the SCIM listener: the API and the probes.
pub(crate) fn sibling_app(
    service: Service,
    settings: HttpSettings,
    limits: Arc<TokenLimits>,
    sibling: SiblingApi,
) -> ScimApp {
    over(
        service,
        (settings, limits),
        Some(sibling),
        Endpoints::ProbesOnly,
    )
}

/// The endpoints of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoints {
    All,
    ProbesOnly,
}

fn over(
    service: Service,
    (settings, limits): (HttpSettings, Arc<TokenLimits>),
    sibling: Option<SiblingApi>,
    endpoints: Endpoints,
) -> ScimApp {
    let logs = Logs {
        recorder: Some(service.recorder().clone()),
        clock: service.clock().clone(),
        metrics: service.metrics().clone(),
    };
    let authentication = Authentication {
        service: service.clone(),
        limits: limits.clone(),
        lookups: Lookups::default(),
    };
    let handlers = Arc::new(Handlers {
        service,
        authentication,
        endpoints,
    });
    ScimApp::new(settings, limits, (logs, sibling), move |call, upload| {
        handlers.clone().handle(call, upload)
    })
}

/// The handlers of all routes.
struct Handlers {
    service: Service,
    authentication: Authentication,
    endpoints: Endpoints,
}

impl Handlers {
    async fn handle(self: Arc<Self>, call: ScimCall, mut upload: Upload) -> Result<ScimReply> {
        let outcome = self.route(&call, &mut upload).await;
        match outcome {
            Ok(reply) => Ok(reply),
            Err(error) => {
                call.refuse();
                upload.discard().await;
                Err(error.with_contact(self.service.contact(&call.facts.context).as_deref()))
            }
        }
    }

    async fn route(&self, call: &ScimCall, upload: &mut Upload) -> Result<ScimReply> {
        match &call.route {
            Route::Live => health(call.verb),
            Route::Ready => self.ready(call).await,
            _ if self.endpoints == Endpoints::ProbesOnly => Err(not_found()),
            Route::KeySet | Route::Transmitter => self.published(call).await,
            Route::Scim(target) => self.scim(call, upload, target).await,
            // A request with a token is from a client with a wrong base URL, not from a browser.
            Route::Front if credentials(call).is_none() => front(call.verb, &call.settings),
            Route::OtherVersion(version) => Err(self
                .authentication
                .log_outside(call, other_version(version))
                .await),
            Route::Front | Route::SiblingApi(_) | Route::Outside => Err(self
                .authentication
                .log_outside(call, no_such_path(call))
                .await),
        }
    }

    async fn ready(&self, call: &ScimCall) -> Result<ScimReply> {
        let healthy = health(call.verb)?;
        if call.head.extensions.get::<Leaving>().is_some() {
            return Err(ScimError::unavailable("The server is about to stop.", 1));
        }
        let answer = timeout(READY_TIME, self.service.is_ready()).await;
        let away = || ScimError::unavailable("The database does not respond.", 1);
        match answer {
            Ok(Ok(())) => Ok(healthy),
            Ok(Err(error)) => Err(away().caused_by(error)),
            Err(_) => Err(away()),
        }
    }

    /// The public metadata of security event tokens.
    async fn published(&self, call: &ScimCall) -> Result<ScimReply> {
        match call.verb {
            Verb::Get => {}
            Verb::Options => return Ok(ScimReply::empty(204)),
            _ => return health(call.verb),
        }
        let access = self.service.access();
        let found = if call.route == Route::KeySet {
            delivery::key_set(access.store(), self.service.clock().now()).await
        } else {
            let url = access.public_url();
            let issuer = url.strip_suffix(call.settings.base_path.as_str());
            delivery::transmitter(access.store(), issuer.unwrap_or(url)).await
        };
        match found? {
            Some(found) => Ok(ScimReply::ok(found.to_string())),
            None => Err(no_such_path(call)),
        }
    }

    /// Handles requests below the base path, where a client without a token gets no information, not even which paths
    /// exist.
    async fn scim(
        &self,
        call: &ScimCall,
        upload: &mut Upload,
        target: &ScimTarget,
    ) -> Result<ScimReply> {
        let authentication = &self.authentication;
        let (known, lookup) = authentication.known(call, target).await?;
        if let Some(claim) = &known {
            authentication.admit(call, claim)?;
            let outcome = carry_out(&self.service, call, upload, target, claim).await;
            if let Some(outcome) = self.service.access().settle(claim, outcome).await {
                return outcome;
            }
        }
        let caller = authentication.authenticate(call, target).await?;
        drop(lookup);
        if known.is_none() {
            authentication.admit(call, &caller)?;
        }
        answered(carry_out(&self.service, call, upload, target, &caller).await)
    }
}

/// 404 for a path outside of the base path; for a client with a token the error contains the base path.
fn no_such_path(call: &ScimCall) -> ScimError {
    let base = &call.settings.base_path;
    let detail = match credentials(call) {
        Some(_) => format!(
            "There is no endpoint here: the base URL ends in \"{base}\", and the endpoints are below it."
        ),
        None => return not_found(),
    };
    ScimError::no_endpoint(detail).because(Reason::PathBase)
}

fn not_found() -> ScimError {
    ScimError::no_endpoint("There is no endpoint here.").because(Reason::PathBase)
}

fn health(verb: Verb) -> Result<ScimReply> {
    match verb {
        Verb::Get => Ok(ScimReply::ok("{\"status\":\"ok\"}".to_owned())),
        Verb::Options => Ok(ScimReply::empty(204)),
        _ => Err(ScimError::new(
            ErrorStatus::METHOD_NOT_ALLOWED,
            "Method not allowed; use GET.",
        )
        .because(Reason::MethodUnsupported)),
    }
}

/// A line about the server, for browsers.
fn front(verb: Verb, settings: &HttpSettings) -> Result<ScimReply> {
    match verb {
        Verb::Get => Ok(ScimReply::ok(format!(
            "This is scimd, a SCIM 2.0 server (RFC 7644). Its base URL ends in {}, requests need a bearer token, and \
             its documentation begins with README.md.\n",
            settings.base_path
        ))),
        Verb::Options => Ok(ScimReply::empty(204)),
        _ => Err(
            ScimError::new(ErrorStatus::METHOD_NOT_ALLOWED, "This page is for reading.")
                .because(Reason::MethodUnsupported),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_checks_allow_only_get() {
        assert_eq!(
            health(Verb::Get).unwrap().body.as_deref(),
            Some("{\"status\":\"ok\"}")
        );
        assert_eq!(health(Verb::Post).unwrap_err().status(), 405);
    }
}
