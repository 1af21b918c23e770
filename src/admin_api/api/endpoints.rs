//! Common parts of the operations on webhooks and streams.

use crate::admin_api::call::{Call, JsonReply, NOTHING, Reply, cut, invalid};
use crate::admin_api::operation::{
    AFTER, BASE, CURSOR, Handle, LIMIT, Operation, Parameter, ParameterKind, Place, RequiredAccess,
};
use crate::admin_api::problem::{Problem, ProblemType, Result};
use crate::clock::Timestamp;
use crate::config::duration;
use crate::delivery::{
    EndpointError, EndpointInfo, Endpoints, Start, Tested, attempt_as_json, held_as_json,
};
use crate::error::ScimError;
use crate::operator::OperatorError;
use crate::outbound::Outbound;
use crate::store::{AttemptQuery, EndpointKind, FailedAttempt, OperatorScope};
use serde_json::{Map, Value, json};

pub(super) const READ: RequiredAccess = RequiredAccess::Scope(OperatorScope::WebhooksRead);
const WRITE: RequiredAccess = RequiredAccess::Scope(OperatorScope::WebhooksWrite);

pub(super) const CONFIRM: &[Parameter] = &[Parameter {
    name: "confirm",
    kind: ParameterKind::Text,
    summary: "The name of the endpoint, as confirmation.",
}];

pub(super) const LISTED: &[Parameter] = &[
    Parameter {
        name: "search",
        kind: ParameterKind::Text,
        summary: "The beginning of the name or URL; letter case does not count.",
    },
    LIMIT,
    CURSOR,
    AFTER,
];

pub(super) const PAGED: &[Parameter] = &[LIMIT, CURSOR];

pub(super) const ATTEMPTS: &[Parameter] = &[
    Parameter {
        name: "givenUp",
        kind: ParameterKind::Flag,
        summary: "Only the last attempts of failed events.",
    },
    Parameter {
        name: "since",
        kind: ParameterKind::Moment,
        summary: "Only attempts that ended at this time or later.",
    },
    LIMIT,
    CURSOR,
];

/// An operation that writes.
pub(super) const fn writing(place: Place, summary: &'static str, handle: Handle) -> Operation {
    Operation::new(place, WRITE, summary, handle).failing(&[ProblemType::Conflict])
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        let kind = match &error {
            EndpointError::Failed(_) | EndpointError::Repeated => ProblemType::Internal,
            EndpointError::NoEndpoint { .. }
            | EndpointError::NoTenant(_)
            | EndpointError::NoFailedEvent(_) => ProblemType::NotFound,
            EndpointError::Exists { .. }
            | EndpointError::Gone
            | EndpointError::NoKey
            | EndpointError::OtherKeys
            | EndpointError::Secret(_)
            | EndpointError::Sign(_) => ProblemType::Conflict,
            _ => ProblemType::InvalidRequest,
        };
        match error {
            EndpointError::Failed(error) => error.into(),
            EndpointError::Repeated => OperatorError::Repeated.into(),
            error => Self::new(kind, kind.status(), error.to_string()),
        }
    }
}

/// The endpoints and the keys of streams, with the caller as actor. A limited token has no access, because endpoints
/// can be of all tenants.
pub(super) fn endpoints(call: &Call) -> Result<Endpoints> {
    if call.tenants().is_some() {
        return Err(Problem::new(
            ProblemType::ScopeMissing,
            403,
            "The operator token is limited to some tenants: it reaches no webhooks, streams and keys.",
        ));
    }
    Ok(call.api.endpoints.by(&call.operator))
}

pub(super) async fn list(call: Call, kind: EndpointKind) -> Result<Reply> {
    let after = call.behind()?;
    let part = (after.as_deref(), call.parameter("search"));
    let limit = usize::try_from(call.limit() + 1).unwrap_or(usize::MAX);
    let listed = endpoints(&call)?.page(kind, part, limit).await?;
    let (listed, has_more) = cut(listed, call.limit());
    let next = listed.last().filter(|_| has_more);
    let next = next.map(|info| Value::from(info.endpoint.name.as_str()));
    let items: Vec<_> = listed.iter().map(EndpointInfo::json).collect();
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}

/// The current state of an endpoint.
pub(super) async fn get(call: Call, kind: EndpointKind) -> Result<Reply> {
    let name = call.segment("name");
    let listed = endpoints(&call)?.list(kind, Some(name)).await?;
    let shown = listed.first().map_or(Value::Null, EndpointInfo::json);
    Ok(Reply::ok(shown))
}

/// The start of an endpoint, from a member of the body.
pub(super) fn start(call: &Call) -> Option<Start> {
    Some(match call.text("from")? {
        "now" => Start::Now,
        "start" => Start::Oldest,
        cursor => Start::After(cursor.to_owned()),
    })
}

pub(super) fn headers(body: &Map<String, Value>) -> Option<Vec<(String, String)>> {
    let headers = body.get("headers")?.as_object()?;
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    Some(pairs.collect())
}

/// 201 with a new endpoint, below a path.
pub(super) fn made(path: &str, info: &EndpointInfo) -> JsonReply {
    JsonReply {
        location: Some(format!("{BASE}{path}/{}", info.endpoint.name)),
        ..JsonReply::new(201, info.json())
    }
}

pub(super) async fn remove(call: Call, kind: EndpointKind) -> Result<Reply> {
    let name = call.segment("name");
    let endpoints = endpoints(&call)?;
    endpoints.endpoint(kind, name).await?;
    if call.parameter("confirm") != Some(name) {
        let detail = format!(
            "This deletes {} {name} with its pending events: send confirm={name}.",
            kind.as_str()
        );
        return Err(Problem::new(ProblemType::ConfirmMissing, 400, detail));
    }
    endpoints.remove(kind, name).await?;
    Ok(Reply::Empty)
}

pub(super) async fn failed(call: Call, kind: EndpointKind) -> Result<Reply> {
    let name = call.segment("name");
    let after = call.place()?;
    let after = after.and_then(|place| serde_json::from_value(place).ok());
    let page = (after, call.limit() + 1);
    let found = endpoints(&call)?.failed(kind, name, page).await?;
    let (failed, has_more) = cut(found, call.limit());
    let next = failed.last().filter(|_| has_more);
    let next = next.map(|held| json!([held.position, held.part]));
    let items: Vec<_> = failed.iter().map(held_as_json).collect();
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}

/// A page of the failed attempts.
pub(super) async fn attempts(call: Call, kind: EndpointKind) -> Result<Reply> {
    let query = AttemptQuery {
        since: call.moment("since"),
        after: call.place()?.as_ref().and_then(last_of),
        given_up: call.is_set("givenUp"),
        limit: call.limit() + 1,
    };
    let name = call.segment("name");
    let found = endpoints(&call)?.attempts(kind, name, &query).await?;
    let (attempts, has_more) = cut(found, call.limit());
    let place = |attempt: &FailedAttempt| json!([attempt.at.as_micros(), attempt.event]);
    let next = attempts.last().filter(|_| has_more).map(place);
    let items: Vec<_> = attempts.iter().map(attempt_as_json).collect();
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}

/// Time and event of the last attempt of the previous page.
fn last_of(place: &Value) -> Option<(Timestamp, String)> {
    let [at, event] = place.as_array()?.as_slice() else {
        return None;
    };
    Some((
        Timestamp::from_micros(at.as_i64()?),
        event.as_str()?.to_owned(),
    ))
}

/// The response with the outcome of a test.
fn tested(tested: &Tested) -> JsonReply {
    let body = json!({
        "accepted": tested.is_accepted,
        "status": tested.status,
        "address": tested.address.map(|address| address.to_string()),
        "milliseconds": u64::try_from(tested.took.as_millis()).unwrap_or(u64::MAX),
        "error": Some(&tested.error).filter(|error| !error.is_empty()),
    });
    JsonReply::new(200, body)
}

pub(super) async fn test(call: Call, kind: EndpointKind) -> Result<Reply> {
    let settings = call.api.config.for_outbound();
    let settings = settings.map_err(ScimError::internal)?;
    let outbound = Outbound::new(&settings).map_err(ScimError::internal)?;
    let answer = |of: &Tested| tested(of).kept();
    let once = call.keeping(&answer);
    let (endpoints, name) = (endpoints(&call)?, call.segment("name"));
    let outcome = endpoints.test(kind, name, &outbound, once).await?;
    Ok(Reply::Json(tested(&outcome)))
}

/// The error of a replay with both or none of the members.
pub(super) const FROM_OR_SINCE: &str = "Use either from or since.";

pub(super) async fn replay(call: Call, kind: EndpointKind) -> Result<Reply> {
    let since = call.text("since").and_then(duration::parse);
    let start = match (start(&call), since) {
        (Some(start), None) => start,
        (None, Some(seconds)) => Start::Since(seconds),
        _ => return Err(invalid("/from", FROM_OR_SINCE)),
    };
    let (name, place) = (call.segment("name"), (&start, call.text("tenant")));
    let once = call.keeping(&NOTHING);
    endpoints(&call)?.replay(kind, name, place, once).await?;
    Ok(Reply::Empty)
}

pub(super) async fn pause(call: Call, kind: EndpointKind) -> Result<Reply> {
    let (name, once) = (call.segment("name"), call.keeping(&NOTHING));
    endpoints(&call)?.pause(kind, name, once).await?;
    Ok(Reply::Empty)
}

pub(super) async fn resume(call: Call, kind: EndpointKind) -> Result<Reply> {
    let (name, once) = (call.segment("name"), call.keeping(&NOTHING));
    let start = start(&call);
    endpoints(&call)?
        .resume(kind, name, start.as_ref(), once)
        .await?;
    Ok(Reply::Empty)
}

fn retried(count: i64) -> JsonReply {
    JsonReply::new(200, json!({"retried": count}))
}

pub(super) async fn retry(call: Call, kind: EndpointKind) -> Result<Reply> {
    let (name, event) = (call.segment("name"), call.text("event"));
    let answer = |count: &i64| retried(*count).kept();
    let once = call.keeping(&answer);
    let count = endpoints(&call)?.retry(kind, name, event, once).await?;
    Ok(Reply::Json(retried(count)))
}
