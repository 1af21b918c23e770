//! A logged request, and what is derived from the log, as JSON: one shape for commands and for the management API.

use crate::explanation::Explanation;
use crate::guide::plain;
use crate::store::{FailureGroup, HourCounts, HourFigures, LoggedRequest, Outcome, ResourceChange};
use serde_json::{Value, json};

/// An entry of the provisioning log of a tenant.
pub fn request_as_json(tenant: &str, request: &LoggedRequest) -> Value {
    let parsed = |text: &Option<String>| {
        text.as_deref()
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
    };
    let body = parsed(&request.body).or_else(|| request.body.clone().map(Value::from));
    let changed: Vec<&str> = request
        .changed
        .as_deref()
        .map(|names| names.split(',').collect())
        .unwrap_or_default();
    let mut shown = json!({
        "time": request.at.to_string(),
        "tenant": tenant,
        "token": &*request.token_name,
        "tokenId": &*request.token_id,
        "client": request.client,
        "method": request.method,
        "route": request.route,
        "resourceType": request.resource_type,
        "resource": request.resource.map(|id| id.to_string()),
        "status": request.status,
        "scimType": request.scim_type,
        "detail": request.detail,
        "filter": request.filter,
        "changed": changed,
        "notes": parsed(&request.notes).unwrap_or_else(|| json!([])),
        "milliseconds": request.micros / 1000,
        "request": request.request_id,
        "body": body,
        "outcome": request.outcome.map(Outcome::as_str),
        "action": request.action,
        "reason": request.reason,
        "explanation": Explanation::of(request).map(|explanation| explanation_as_json(&explanation)),
    });
    if let (true, Some(members)) = (request.unproved, shown.as_object_mut()) {
        members.insert("unproved".to_owned(), true.into());
    }
    shown
}

/// What became of a request, for people, in plain text.
pub fn explanation_as_json(explanation: &Explanation) -> Value {
    json!({
        "summary": plain(&explanation.summary),
        "turn": explanation.turn.as_str(),
        "tell": plain(&explanation.tell),
        "retry": plain(&explanation.retry),
    })
}

/// Failures of a tenant for one reason.
pub fn failure_as_json(group: &FailureGroup) -> Value {
    json!({
        "tenant": group.tenant,
        "reason": Some(&group.reason).filter(|reason| !reason.is_empty()),
        "count": group.count,
        "first": group.first.to_string(),
        "last": group.last.to_string(),
        "ongoing": group.ongoing,
    })
}

/// A part of the figures of a tenant.
pub fn hour_as_json(part: &HourFigures) -> Value {
    let counts = HourCounts::NAMES.into_iter().zip(part.counts.fields());
    let members = [("at", part.at.to_string().into())]
        .into_iter()
        .chain(counts.map(|(name, count)| (name, count.into())))
        .chain([
            ("seatsUsed", part.seats_used.into()),
            ("seats", part.seats.into()),
        ]);
    members
        .map(|(name, value): (&str, Value)| (name.to_owned(), value))
        .collect()
}

/// A change of a resource.
pub fn change_as_json(change: &ResourceChange) -> Value {
    let ids = |ids: &[uuid::Uuid]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "time": change.at.to_string(),
        "action": change.action,
        "attributes": change.attributes,
        "added": ids(&change.added),
        "removed": ids(&change.removed),
        "token": change.token_name.as_ref().or(change.token.as_ref()),
        "request": change.request,
        "version": change.version,
    })
}
