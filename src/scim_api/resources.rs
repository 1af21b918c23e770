//! Calls the service for the operations on resources of one type, and for the others.

use crate::access::{Caller, Claim, Confirmed};
use crate::error::{Result, ScimError};
use crate::messages::SearchRequest;
use crate::protocol::{ScimReply, Service, UpdateRequest, View};
use crate::reason::Reason;
use crate::schema::{Catalog, ResourceType};
use crate::scim_api::exchange::ScimCall;
use crate::scim_api::precondition::precondition;
use crate::scim_api::route::{ScimTarget, Verb};
use crate::scim_api::{intent, json_body, prefer, query};
use crate::wire::body::{BodyLimits, Upload};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Estimated bytes of a resource on a page, until the page is read.
const RESOURCE_BYTES: usize = 1 << 10;

/// Executes a request of an authenticated caller.
///
/// # Errors
/// The errors of the operation; 404, 405 or 501 if it does not exist.
pub(crate) async fn carry_out(
    service: &Service,
    call: &ScimCall,
    upload: &mut Upload,
    target: &ScimTarget,
    claim: &Claim,
) -> Confirmed<ScimReply> {
    let resource_type = resource_type_of(&claim.catalog, target)?;
    tell_intent(call, target, resource_type.as_ref());
    match target {
        ScimTarget::Me => {
            return Err(ScimError::not_implemented(
                "/Me is not supported: tokens belong to identity providers, not to users.",
            ));
        }
        ScimTarget::OtherVersion(version) => return Err(other_version(version)),
        ScimTarget::Nested(outer) => return Err(nested(outer)),
        ScimTarget::Unknown => return Err(ScimError::no_endpoint("There is no such endpoint.")),
        _ => target.check(call.verb, &call.head.method)?,
    }
    if call.verb == Verb::Options {
        let caller = service.access().confirm(claim).await?;
        return Ok((caller, Ok(ScimReply::empty(204))));
    }
    match resource_type {
        Some(resource_type) => typed(service, call, upload, claim, target, &resource_type).await,
        None => untyped(service, call, upload, claim, target).await,
    }
}

/// The operations on resources of one type. Each future is boxed: the state of every request is then small, not as
/// large as the largest operation.
async fn typed(
    service: &Service,
    call: &ScimCall,
    upload: &mut Upload,
    claim: &Claim,
    target: &ScimTarget,
    resource_type: &Arc<ResourceType>,
) -> Confirmed<ScimReply> {
    if let ScimTarget::Search(_) = target {
        let query = SearchRequest::read(&body(call, upload).await?, claim.conformance())?;
        return list(service, call, claim, Some(resource_type), &query).await;
    }
    let ScimTarget::Resource(_, id) = target else {
        return collection(service, call, upload, claim, resource_type).await;
    };
    let condition = precondition(&call.head.headers);
    match call.verb {
        verb @ (Verb::Put | Verb::Patch) => {
            let (view, body) = write(call, upload).await?;
            let request = UpdateRequest {
                id,
                body,
                view: &view,
                precondition: &condition,
            };
            match verb {
                Verb::Put => Box::pin(service.replace(claim, resource_type, &request)).await,
                _ => Box::pin(service.modify(claim, resource_type, &request)).await,
            }
        }
        Verb::Delete => Box::pin(service.delete(claim, resource_type, id, &condition)).await,
        _ => {
            let view = query::view(call.head.uri.query())?;
            Box::pin(service.read(claim, resource_type, id, &view, &condition)).await
        }
    }
}

async fn collection(
    service: &Service,
    call: &ScimCall,
    upload: &mut Upload,
    claim: &Claim,
    resource_type: &Arc<ResourceType>,
) -> Confirmed<ScimReply> {
    if call.verb == Verb::Post {
        let (view, body) = write(call, upload).await?;
        return Box::pin(service.create(claim, resource_type, body, &view)).await;
    }
    list(
        service,
        call,
        claim,
        Some(resource_type),
        &list_query(call)?,
    )
    .await
}

async fn list(
    service: &Service,
    call: &ScimCall,
    claim: &Claim,
    resource_type: Option<&Arc<ResourceType>>,
    query: &SearchRequest,
) -> Confirmed<ScimReply> {
    let resources = usize::try_from(service.page_size(query.count)).unwrap_or(0);
    call.expect(resources.saturating_mul(RESOURCE_BYTES))?;
    Box::pin(service.list(claim, resource_type, query)).await
}

/// Discovery, bulk, and queries over all types.
async fn untyped(
    service: &Service,
    call: &ScimCall,
    upload: &mut Upload,
    claim: &Claim,
    target: &ScimTarget,
) -> Confirmed<ScimReply> {
    let query = match target {
        ScimTarget::Root => list_query(call)?,
        ScimTarget::RootSearch => {
            SearchRequest::read(&body(call, upload).await?, claim.conformance())?
        }
        _ => {
            let caller = service.access().confirm(claim).await?;
            let reply = of_server(service, call, upload, &caller, target).await;
            return Ok((caller, reply));
        }
    };
    list(service, call, claim, None, &query).await
}

/// Discovery and bulk.
async fn of_server(
    service: &Service,
    call: &ScimCall,
    upload: &mut Upload,
    caller: &Caller,
    target: &ScimTarget,
) -> Result<ScimReply> {
    match target {
        ScimTarget::Config => {
            unfiltered(call)?;
            service.service_provider_config(caller).await
        }
        ScimTarget::ResourceTypes(name) => {
            unfiltered(call).and_then(|()| service.resource_types(caller, name.as_deref()))
        }
        ScimTarget::Schemas(urn) => {
            unfiltered(call).and_then(|()| service.schemas(caller, urn.as_deref()))
        }
        ScimTarget::Bulk => {
            let body = body_up_to(call, upload, call.settings.bulk_bytes).await?;
            Box::pin(service.bulk(caller, body)).await
        }
        _ => Err(ScimError::no_endpoint("There is no such endpoint.")),
    }
}

/// Input of a write: the projection of the response, and the body.
async fn write(call: &ScimCall, upload: &mut Upload) -> Result<(View, Map<String, Value>)> {
    let prefers = prefer::returns(&call.head.headers);
    let view = View {
        prefers,
        ..query::view(call.head.uri.query())?
    };
    Ok((view, body(call, upload).await?))
}

async fn body(call: &ScimCall, upload: &mut Upload) -> Result<Map<String, Value>> {
    body_up_to(call, upload, call.settings.body_bytes).await
}

async fn body_up_to(
    call: &ScimCall,
    upload: &mut Upload,
    bytes: usize,
) -> Result<Map<String, Value>> {
    let settings = &call.settings;
    let limits = BodyLimits {
        bytes,
        time: settings.body_time(),
    };
    let body = json_body::object(upload, &call.head.headers, limits, settings.json_depth).await?;
    call.facts.context.body(&body);
    Ok(body)
}

/// Adds the resource type and the action of the route to the log.
pub(crate) fn tell_intent(
    call: &ScimCall,
    target: &ScimTarget,
    resource_type: Option<&Arc<ResourceType>>,
) {
    if let Some(resource_type) = resource_type {
        call.facts.resource_type(resource_type);
    }
    if let Some(action) = intent::of(resource_type.map(AsRef::as_ref), target, call.verb) {
        call.facts.context.means(action);
    }
}

fn nested(outer: &str) -> ScimError {
    let shown = if ["Users", "Groups"].contains(&outer) {
        outer
    } else {
        "\u{2026}"
    };
    let detail =
        format!("The base URL must not end in \"/{shown}\": the client adds the endpoint itself.");
    ScimError::no_endpoint(detail).because(Reason::PathUsersTwice)
}

/// The error for another version of the protocol.
pub(crate) fn other_version(version: &str) -> ScimError {
    ScimError::invalid_version(format!(
        "The server supports version v2 of the protocol, not {version}."
    ))
}

/// The resource type that a target names.
///
/// # Errors
/// 404 if the caller's tenant has no such type, or the id is malformed.
pub(crate) fn resource_type_of(
    catalog: &Catalog,
    target: &ScimTarget,
) -> Result<Option<Arc<ResourceType>>> {
    let (ScimTarget::Collection(endpoint)
    | ScimTarget::Search(endpoint)
    | ScimTarget::Resource(endpoint, _)) = target
    else {
        return Ok(None);
    };
    let found = catalog.by_endpoint(endpoint);
    let resource_type =
        found.ok_or_else(|| ScimError::no_endpoint("There is no such endpoint."))?;
    match target {
        ScimTarget::Resource(_, id) if !is_id(id) => {
            Err(ScimError::not_found("There is no such resource."))
        }
        _ => Ok(Some(resource_type.clone())),
    }
}

/// Whether a text has the form of an id. Ids are generated by the server, so a malformed one needs no query.
fn is_id(text: &str) -> bool {
    text.len() <= 128
        && !text.contains(|c: char| c.is_control() || matches!(c, '/' | '\\'))
        && !text.starts_with('.')
}

/// Refuses a filter on discovery; other parameters of lists are ignored (RFC 7644 section 4).
fn unfiltered(call: &ScimCall) -> Result<()> {
    if query::names(call.head.uri.query(), "filter") {
        let detail = "This endpoint cannot be filtered; it returns all items.";
        return Err(ScimError::forbidden(detail).because(Reason::FilterInvalid));
    }
    Ok(())
}

fn list_query(call: &ScimCall) -> Result<SearchRequest> {
    query::list_query(call.head.uri.query())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        crate::model::catalog(&[]).unwrap()
    }

    #[test]
    fn endpoints_depend_on_the_catalog() {
        let named = |target| {
            resource_type_of(&catalog(), &target).map(|resource_type| {
                resource_type.map(|resource_type| resource_type.name().to_string())
            })
        };
        assert_eq!(
            named(ScimTarget::Collection("/Users".into()))
                .unwrap()
                .as_deref(),
            Some("User")
        );
        assert_eq!(
            named(ScimTarget::Search("/Groups".into()))
                .unwrap()
                .as_deref(),
            Some("Group")
        );
        assert_eq!(named(ScimTarget::Bulk).unwrap(), None);
        for endpoint in ["/users", "/Robots", "/%", ""] {
            assert_eq!(
                named(ScimTarget::Collection(endpoint.into()))
                    .unwrap_err()
                    .status(),
                404,
                "{endpoint}"
            );
        }
    }

    #[test]
    fn a_malformed_id_is_not_looked_up() {
        let status = |id: &str| {
            let target = ScimTarget::Resource("/Users".into(), id.into());
            resource_type_of(&catalog(), &target)
                .err()
                .map(|error| error.status())
        };
        for id in ["..", ".", "a/b", "a\\b", "a\0", "a\nb", &"a".repeat(200)] {
            assert_eq!(status(id), Some(404), "{id:?}");
        }
        for id in ["0190c2a0-7b2e-7c11-8d3c-111111111111", "unknown", "é"] {
            assert_eq!(status(id), None, "{id}");
        }
    }
}
