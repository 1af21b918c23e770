//! Authentication and limits of requests.

use crate::admin_api::app::Api;
use crate::admin_api::call::scope_missing;
use crate::admin_api::log::CallProperties;
use crate::admin_api::problem::{Problem, ProblemType, Result};
use crate::audit::{Actor, ActorKind};
use crate::operator::{Operator, OperatorRefusal};
use crate::store::{OperatorScope, OperatorTokenInfo};
use crate::wire::deadlines::ConnectionDeadlines;
use crate::wire::in_flight::Ticket;
use crate::wire::layers::client_address::ClientAddress;
use crate::wire::layers::request_id::RequestId;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// The operator token of a request. Admits the request under the limits of the token, and checks its access to the
/// tenant in the path.
///
/// # Errors
/// 401 for an invalid token, 404 for a tenant to which it has no access, 429 or 503 beyond the limits.
pub(crate) async fn caller(
    api: &Api,
    head: &Parts,
    facts: &CallProperties,
    segments: &[(&'static str, String)],
) -> Result<Arc<OperatorTokenInfo>> {
    let header = head.headers.get(AUTHORIZATION);
    let text = header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let found = api.operator.operator_by_token(text.as_deref()).await;
    let caller = match found {
        Ok(caller) => caller,
        Err(refusal) => {
            let is_guess = matches!(refusal, OperatorRefusal::Unknown);
            if is_guess {
                api.limits.refuse_guess(address(head), Instant::now())?;
            }
            return Err(refused(refusal));
        }
    };
    api.limits.forget_guesses(address(head));
    let _ = facts.operator.set(caller.name.clone());
    let tenant = segments.iter().find(|(name, _)| *name == "tenant");
    let tenant = tenant.map_or("", |(_, name)| name.as_str());
    admit(api, head, &caller, tenant)?;
    let limited = caller.tenants.as_ref();
    if limited.is_some_and(|own| !tenant.is_empty() && !own.iter().any(|name| name == tenant)) {
        return Err(Problem::not_found(format!(
            "There is no tenant \"{tenant}\"."
        )));
    }
    Ok(Arc::new(caller))
}

/// Counts the request for its token and tenant, and releases its admission slot.
fn admit(api: &Api, head: &Parts, caller: &OperatorTokenInfo, tenant: &str) -> Result<()> {
    let token: Arc<str> = caller.id.as_str().into();
    api.limits.admit(&token)?;
    if let Some(ticket) = head.extensions.get::<Ticket>() {
        ticket.admit(&token, &tenant.into())?;
        ticket.release_slot();
    }
    if let Some(deadlines) = head.extensions.get::<ConnectionDeadlines>() {
        deadlines.know();
    }
    Ok(())
}

/// Refuses an operator token without a scope.
///
/// # Errors
/// 403 `scope-missing`.
pub(crate) fn check_scope(caller: &OperatorTokenInfo, scope: OperatorScope) -> Result<()> {
    if caller.scopes().contains(&scope) {
        Ok(())
    } else {
        Err(scope_missing(scope))
    }
}

/// The operator handle with the caller of a request as actor.
pub(crate) fn acting(api: &Api, head: &Parts, caller: Option<&OperatorTokenInfo>) -> Operator {
    let Some(caller) = caller else {
        return api.operator.clone();
    };
    api.operator.by(Actor {
        kind: ActorKind::Operator,
        id: caller.id.clone(),
        name: caller.name.clone(),
        address: address(head).map(|address| address.to_string()),
        request: head.extensions.get().map(|id: &RequestId| id.0.to_string()),
    })
}

fn address(head: &Parts) -> Option<IpAddr> {
    head.extensions
        .get()
        .map(|address: &ClientAddress| address.0)
}

fn refused(refusal: OperatorRefusal) -> Problem {
    let kind = match refusal {
        OperatorRefusal::Missing => ProblemType::TokenMissing,
        OperatorRefusal::Unknown => ProblemType::TokenUnknown,
        OperatorRefusal::TenantToken => ProblemType::ScimToken,
        OperatorRefusal::Expired => ProblemType::TokenExpired,
        OperatorRefusal::Revoked => ProblemType::TokenRevoked,
        OperatorRefusal::Failed(error) => return error.into(),
    };
    Problem::new(kind, 401, refusal.to_string())
}
