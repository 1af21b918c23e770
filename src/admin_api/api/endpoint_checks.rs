//! Errors of webhooks and streams beyond their schemas: across members, and with the database.

use crate::admin_api::api::endpoints::{FROM_OR_SINCE, endpoints, headers, start as start_of};
use crate::admin_api::call::{Call, fault};
use crate::admin_api::json_schema::escaped;
use crate::admin_api::operation::Checking;
use crate::admin_api::problem::{FieldError, Result};
use crate::delivery::{Start, StreamMethod, check_endpoint_url, header_errors};
use crate::operator::OperatorError;
use serde_json::Value;

/// The errors of a new webhook.
pub(super) fn new_webhook(call: &Call) -> Checking<'_> {
    Box::pin(async move {
        let mut found = of_url(call);
        found.extend(of_new(call).await?);
        Ok(found)
    })
}

/// The errors of a new stream.
pub(super) fn new_stream(call: &Call) -> Checking<'_> {
    Box::pin(async move {
        let is_polled = call.text("method") == Some(StreamMethod::Poll.as_str());
        let mut found = match (is_polled, call.body.contains_key("url")) {
            (true, true) => vec![fault("/url", "A polled stream has no URL.")],
            (false, false) => vec![fault("/url", "The member \"url\" is missing.")],
            _ => of_url(call),
        };
        found.extend(of_new(call).await?);
        Ok(found)
    })
}

/// The errors of a change of a webhook.
pub(super) fn changed_webhook(call: &Call) -> Checking<'_> {
    Box::pin(async move {
        let mut found = of_headers(call);
        let url = (call.text("url"), allows_private(call));
        if url == (None, None) || call.tenants().is_some() {
            return Ok(found);
        }
        let (endpoints, name) = (endpoints(call)?, call.segment("name"));
        let refused = endpoints.refused_url(name, url);
        let pointer = if url.0.is_some() {
            "/url"
        } else {
            "/allowPrivate"
        };
        found.extend(
            refused
                .await?
                .map(|error| fault(pointer, error.to_string())),
        );
        Ok(found)
    })
}

/// The errors of a replay.
pub(super) fn replay(call: &Call) -> Checking<'_> {
    Box::pin(async move {
        if call.body.contains_key("from") == call.body.contains_key("since") {
            let mut found = vec![fault("/from", FROM_OR_SINCE)];
            found.extend(tenant(call).await?);
            return Ok(found);
        }
        let mut found = of_start(call).await?;
        found.extend(tenant(call).await?);
        Ok(found)
    })
}

/// The errors of a start.
pub(super) fn start(call: &Call) -> Checking<'_> {
    Box::pin(of_start(call))
}

/// The error of a tenant in the body that does not exist, or to which the caller has no access.
pub(super) async fn tenant(call: &Call) -> Result<Option<FieldError>> {
    let Some(name) = call.text("tenant") else {
        return Ok(None);
    };
    let missing = OperatorError::NoTenant(name.to_owned());
    if !call.reaches(name) {
        return Ok(Some(fault("/tenant", missing.to_string())));
    }
    match call.operator.tenant(name).await {
        Ok(_) => Ok(None),
        Err(OperatorError::NoTenant(_)) => Ok(Some(fault("/tenant", missing.to_string()))),
        Err(error) => Err(error.into()),
    }
}

async fn of_new(call: &Call) -> Result<Vec<FieldError>> {
    let mut found = of_headers(call);
    found.extend(of_start(call).await?);
    found.extend(tenant(call).await?);
    Ok(found)
}

fn allows_private(call: &Call) -> Option<bool> {
    call.body.get("allowPrivate").and_then(Value::as_bool)
}

fn of_url(call: &Call) -> Vec<FieldError> {
    let allows_private = allows_private(call).unwrap_or_default();
    let checked = call
        .text("url")
        .map(|url| check_endpoint_url(url, allows_private));
    let refused = checked.and_then(std::result::Result::err);
    refused
        .map(|error| fault("/url", error.to_string()))
        .into_iter()
        .collect()
}

fn of_headers(call: &Call) -> Vec<FieldError> {
    let headers = headers(&call.body).unwrap_or_default();
    let wrong = header_errors(&headers).into_iter();
    let at = |name: &str| format!("/headers/{}", escaped(name));
    wrong
        .map(|(name, error)| fault(&at(name), error.to_string()))
        .collect()
}

async fn of_start(call: &Call) -> Result<Vec<FieldError>> {
    // A limited token has no access to endpoints, nor to the positions of the feed.
    let Some(start @ Start::After(_)) = start_of(call).filter(|_| call.tenants().is_none()) else {
        return Ok(Vec::new());
    };
    let refused = endpoints(call)?.refused_start(&start).await?;
    Ok(refused
        .map(|error| fault("/from", error.to_string()))
        .into_iter()
        .collect())
}
