//! A logged request, and data derived from the log, as JSON: one shape for commands and for the management API.

use crate::explanation::Explanation;
use crate::guide::plain;
use crate::store::{FailureGroup, HourCounts, HourFigures, LoggedRequest, ResourceChange};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The JSON form of an entry of the provisioning log of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestShape {
    /// Time of the request.
    pub(crate) time: String,
    /// Name of the tenant.
    pub(crate) tenant: String,
    /// Name of its token.
    pub(crate) token: String,
    /// Public part of its token.
    pub(crate) token_id: String,
    /// User agent.
    pub(crate) client: Option<String>,
    /// HTTP method.
    pub(crate) method: String,
    /// Template of the route, such as `/Users/{id}`.
    pub(crate) route: String,
    /// Type of the resource.
    pub(crate) resource_type: Option<String>,
    /// Id of the resource.
    pub(crate) resource: Option<String>,
    /// HTTP status of the response.
    pub(crate) status: u16,
    /// SCIM error type of the response.
    pub(crate) scim_type: Option<String>,
    /// Detail of an error, without values.
    pub(crate) detail: Option<String>,
    /// Attributes and operators of the filter.
    pub(crate) filter: Option<String>,
    /// Names of the attributes that changed.
    pub(crate) changed: Vec<String>,
    /// Notes, such as ignored parts.
    pub(crate) notes: Value,
    /// Duration.
    pub(crate) milliseconds: i64,
    /// The value of `X-Request-Id` in the response.
    pub(crate) request: String,
    /// The body, if it was recorded.
    pub(crate) body: Option<Value>,
    /// The outcome, a keyword.
    pub(crate) outcome: Option<String>,
    /// The action, a keyword.
    pub(crate) action: Option<String>,
    /// Reason of a refusal, a failure or an ignored part, a keyword.
    pub(crate) reason: Option<String>,
    /// The explanation.
    pub(crate) explanation: Option<ExplanationShape>,
    /// Whether only the public part of its token was verified.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) unproved: bool,
}

/// The explanation of a request, in plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExplanationShape {
    /// Summary.
    pub(crate) summary: String,
    /// Who can fix it, a keyword.
    pub(crate) turn: String,
    /// The reply for the customer.
    pub(crate) tell: String,
    /// Whether the identity provider retries.
    pub(crate) retry: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl RequestShape {
    /// An entry of the log of a tenant.
    pub(crate) fn of(tenant: &str, request: &LoggedRequest) -> Self {
        let parsed = |text: &Option<String>| {
            text.as_deref()
                .and_then(|text| serde_json::from_str::<Value>(text).ok())
        };
        let changed = request.changed.as_deref();
        let changed = changed.map(|names| names.split(',').map(str::to_owned).collect());
        let explanation = Explanation::of(request);
        Self {
            time: request.at.to_string(),
            tenant: tenant.to_owned(),
            token: request.token_name.to_string(),
            token_id: request.token_id.to_string(),
            client: request.client.clone(),
            method: request.method.clone(),
            route: request.route.clone(),
            resource_type: request.resource_type.clone(),
            resource: request.resource.map(|id| id.to_string()),
            status: request.status,
            scim_type: request.scim_type.clone(),
            detail: request.detail.clone(),
            filter: request.filter.clone(),
            changed: changed.unwrap_or_default(),
            notes: parsed(&request.notes).unwrap_or_else(|| json!([])),
            milliseconds: request.micros / 1000,
            request: request.request_id.clone(),
            body: parsed(&request.body).or_else(|| request.body.clone().map(Value::from)),
            outcome: request.outcome.map(|outcome| outcome.as_str().to_owned()),
            action: request.action.clone(),
            reason: request.reason.clone(),
            explanation: explanation.map(|explanation| ExplanationShape {
                summary: plain(&explanation.summary),
                turn: explanation.turn.as_str().to_owned(),
                tell: plain(&explanation.tell),
                retry: plain(&explanation.retry),
            }),
            unproved: request.unproved,
        }
    }
}

/// An entry of the provisioning log of a tenant as JSON.
pub(crate) fn request_as_json(tenant: &str, request: &LoggedRequest) -> Value {
    // Serializing texts and numbers cannot fail.
    serde_json::to_value(RequestShape::of(tenant, request)).unwrap_or_default()
}

/// Failures of a tenant for one reason as JSON.
pub(crate) fn failure_as_json(group: &FailureGroup) -> Value {
    json!({
        "tenant": group.tenant,
        "reason": Some(&group.reason).filter(|reason| !reason.is_empty()),
        "count": group.count,
        "first": group.first.to_string(),
        "last": group.last.to_string(),
        "ongoing": group.ongoing,
    })
}

/// A part of the figures of a tenant as JSON.
pub(crate) fn hour_as_json(part: &HourFigures) -> Value {
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

/// A change of a resource as JSON.
pub(crate) fn change_as_json(change: &ResourceChange) -> Value {
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
