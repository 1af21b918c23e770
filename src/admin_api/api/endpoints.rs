//! Webhooks and streams of security event tokens.

use crate::admin_api::call::{Call, JsonReply, Reply, invalid};
use crate::admin_api::operation::{
    Access, Answering, BASE, Body, Kind, Method, Operation, Parameter,
};
use crate::admin_api::problem::{Problem, ProblemType, Result};
use crate::audit::{AuditAction, AuditEntry};
use crate::config::duration;
use crate::delivery::{
    DeliveryOrder, EndpointError, EndpointInfo, Endpoints, NewStream, NewWebhook, SignatureKind,
    Start, StreamMethod, StreamMode, StreamOptions, TokenAlgorithm, WebhookSettings,
};
use crate::error::ScimError;
use crate::feed::Payload;
use crate::outbound::Outbound;
use crate::store::{EndpointKind, HeldEvent, OperatorScope};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

const READ: Access = Access::Scope(OperatorScope::WebhooksRead);
const WRITE: Access = Access::Scope(OperatorScope::WebhooksWrite);

/// Seconds for which events are signed with the old secret too if nothing is said.
const OVERLAP: i64 = 86_400;

/// Events that were given up which are listed at most.
const MOST: i64 = 10_000;

/// An operation that reads.
const fn reading(
    (id, path, schema): (&'static str, &'static str, &'static str),
    summary: &'static str,
    handle: fn(Call) -> Answering,
) -> Operation {
    Operation {
        id,
        method: Method::Get,
        path,
        access: READ,
        summary,
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (200, Some(schema)),
        problems: &[],
        handle,
    }
}

/// An operation that writes.
const fn writing(
    (id, method, path): (&'static str, Method, &'static str),
    summary: &'static str,
    body: Body,
    answer: (u16, Option<&'static str>),
    handle: fn(Call) -> Answering,
) -> Operation {
    Operation {
        id,
        method,
        path,
        access: WRITE,
        summary,
        details: "",
        query: &[],
        body,
        answer,
        problems: &[ProblemType::Conflict],
        handle,
    }
}

const CONFIRM: &[Parameter] = &[Parameter {
    name: "confirm",
    kind: Kind::Text,
    summary: "The name of the endpoint, once more.",
}];

pub(crate) const WEBHOOKS: &[Operation] = &[
    reading(
        ("listWebhooks", "/webhooks", "EndpointList"),
        "The webhooks by name, and where each stands.",
        |call| Box::pin(list(call, EndpointKind::Webhook)),
    ),
    writing(
        ("addWebhook", Method::Post, "/webhooks"),
        "Makes a webhook; its secret, or its public key, is in this answer alone.",
        Body::Json("WebhookAdd"),
        (201, Some("Endpoint")),
        |call| Box::pin(add_webhook(call)),
    ),
    reading(
        ("getWebhook", "/webhooks/{name}", "Endpoint"),
        "One webhook, and where it stands.",
        |call| Box::pin(get(call, EndpointKind::Webhook)),
    ),
    writing(
        ("changeWebhook", Method::Patch, "/webhooks/{name}"),
        "Changes settings of a webhook.",
        Body::MergePatch("WebhookChange"),
        (200, Some("Endpoint")),
        |call| Box::pin(change_webhook(call)),
    ),
    Operation {
        query: CONFIRM,
        problems: &[ProblemType::ConfirmMissing],
        ..writing(
            ("removeWebhook", Method::Delete, "/webhooks/{name}"),
            "Deletes a webhook with all that waits for it.",
            Body::Empty,
            (204, None),
            |call| Box::pin(remove(call, EndpointKind::Webhook)),
        )
    },
    reading(
        (
            "listFailedEvents",
            "/webhooks/{name}/failed",
            "HeldEventList",
        ),
        "Events that were given up.",
        |call| Box::pin(failed(call, EndpointKind::Webhook)),
    ),
    writing(
        ("testWebhook", Method::Post, "/webhooks/{name}/test"),
        "Sends the event scimd.test from here, and tells the answer.",
        Body::Empty,
        (200, Some("Tested")),
        |call| Box::pin(test(call, EndpointKind::Webhook)),
    ),
    writing(
        ("replayWebhook", Method::Post, "/webhooks/{name}/replay"),
        "Sends events again from a place on; later events follow in order.",
        Body::Json("Replay"),
        (204, None),
        |call| Box::pin(replay(call, EndpointKind::Webhook)),
    ),
    writing(
        ("pauseWebhook", Method::Post, "/webhooks/{name}/pause"),
        "Sends nothing until it is resumed.",
        Body::Empty,
        (204, None),
        |call| Box::pin(pause(call, EndpointKind::Webhook)),
    ),
    writing(
        ("resumeWebhook", Method::Post, "/webhooks/{name}/resume"),
        "Sends again, where it stopped or from another place on.",
        Body::Optional("Resume"),
        (204, None),
        |call| Box::pin(resume(call, EndpointKind::Webhook)),
    ),
    writing(
        ("retryFailedEvents", Method::Post, "/webhooks/{name}/retry"),
        "Tries events again that were given up: the one of an id, or all.",
        Body::Optional("Retry"),
        (200, Some("Retried")),
        |call| Box::pin(retry(call, EndpointKind::Webhook)),
    ),
    writing(
        ("rotateWebhook", Method::Post, "/webhooks/{name}/rotate"),
        "Makes a new secret; the old one stays valid for an overlap.",
        Body::Optional("TokenRotate"),
        (200, Some("NewSecret")),
        |call| Box::pin(rotate(call)),
    ),
];

pub(crate) const STREAMS: &[Operation] = &[
    reading(
        ("listStreams", "/streams", "EndpointList"),
        "The streams of security event tokens by name, and where each stands.",
        |call| Box::pin(list(call, EndpointKind::Stream)),
    ),
    writing(
        ("addStream", Method::Post, "/streams"),
        "Makes a stream of security event tokens.",
        Body::Json("StreamAdd"),
        (201, Some("Endpoint")),
        |call| Box::pin(add_stream(call)),
    ),
    reading(
        ("getStream", "/streams/{name}", "Endpoint"),
        "One stream, and where it stands.",
        |call| Box::pin(get(call, EndpointKind::Stream)),
    ),
    Operation {
        query: CONFIRM,
        problems: &[ProblemType::ConfirmMissing],
        ..writing(
            ("removeStream", Method::Delete, "/streams/{name}"),
            "Deletes a stream with all that waits for it.",
            Body::Empty,
            (204, None),
            |call| Box::pin(remove(call, EndpointKind::Stream)),
        )
    },
    reading(
        (
            "listFailedTokens",
            "/streams/{name}/failed",
            "HeldEventList",
        ),
        "Tokens that were given up.",
        |call| Box::pin(failed(call, EndpointKind::Stream)),
    ),
    writing(
        ("testStream", Method::Post, "/streams/{name}/test"),
        "Sends a verification event from here, and tells the answer.",
        Body::Empty,
        (200, Some("Tested")),
        |call| Box::pin(test(call, EndpointKind::Stream)),
    ),
    writing(
        ("replayStream", Method::Post, "/streams/{name}/replay"),
        "Sends tokens again from a place on; later ones follow in order.",
        Body::Json("Replay"),
        (204, None),
        |call| Box::pin(replay(call, EndpointKind::Stream)),
    ),
    writing(
        ("pauseStream", Method::Post, "/streams/{name}/pause"),
        "Sends nothing until it is resumed.",
        Body::Empty,
        (204, None),
        |call| Box::pin(pause(call, EndpointKind::Stream)),
    ),
    writing(
        ("resumeStream", Method::Post, "/streams/{name}/resume"),
        "Sends again, where it stopped or from another place on.",
        Body::Optional("Resume"),
        (204, None),
        |call| Box::pin(resume(call, EndpointKind::Stream)),
    ),
    writing(
        ("retryFailedTokens", Method::Post, "/streams/{name}/retry"),
        "Tries tokens again that were given up: the one of an id, or all.",
        Body::Optional("Retry"),
        (200, Some("Retried")),
        |call| Box::pin(retry(call, EndpointKind::Stream)),
    ),
];

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        let kind = match &error {
            EndpointError::Failed(_) => ProblemType::Internal,
            EndpointError::NoEndpoint { .. }
            | EndpointError::NoTenant(_)
            | EndpointError::NoFailedEvent(_) => ProblemType::NotFound,
            EndpointError::Exists { .. } | EndpointError::Gone | EndpointError::NoKey => {
                ProblemType::Conflict
            }
            _ => ProblemType::InvalidRequest,
        };
        match error {
            EndpointError::Failed(error) => error.into(),
            error => Self::new(kind, kind.status(), error.to_string()),
        }
    }
}

/// The functions about endpoints. A limited token has none of them: an endpoint may be of all tenants.
fn endpoints(call: &Call) -> Result<&Endpoints> {
    if call.tenants().is_some() {
        return Err(Problem::new(
            ProblemType::ScopeMissing,
            403,
            "The operator token is limited to some tenants: it reaches no webhooks and streams.",
        ));
    }
    Ok(&call.api.endpoints)
}

async fn list(call: Call, kind: EndpointKind) -> Result<Reply> {
    let listed = endpoints(&call)?.list(kind, None).await?;
    let items: Vec<_> = listed.iter().map(EndpointInfo::json).collect();
    Ok(Reply::ok(json!({"items": items, "next": null})))
}

/// An endpoint as it is now.
async fn shown(call: &Call, kind: EndpointKind, name: &str) -> Result<Value> {
    let listed = endpoints(call)?.list(kind, Some(name)).await?;
    Ok(listed.first().map_or(Value::Null, EndpointInfo::json))
}

async fn get(call: Call, kind: EndpointKind) -> Result<Reply> {
    Ok(Reply::ok(shown(&call, kind, call.segment("name")).await?))
}

/// Writes the row of an act on an endpoint.
async fn record(call: &Call, action: AuditAction, name: &str) -> Result<()> {
    Ok(call
        .operator
        .record(&AuditEntry::new(action).on(name))
        .await?)
}

/// Where an endpoint begins, or goes on, by a member of the body.
fn start(call: &Call) -> Option<Start> {
    Some(match call.text("from")? {
        "now" => Start::Now,
        "start" => Start::Oldest,
        cursor => Start::After(cursor.to_owned()),
    })
}

fn headers(body: &Map<String, Value>) -> Option<Vec<(String, String)>> {
    let headers = body.get("headers")?.as_object()?;
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    Some(pairs.collect())
}

fn settings(call: &Call) -> WebhookSettings {
    let number = |name: &str| call.body.get(name).and_then(Value::as_u64);
    WebhookSettings {
        url: call.text("url").map(str::to_owned),
        types: call.text("types").map(str::to_owned),
        payload: call.text("payload").and_then(Payload::from_keyword),
        order: call.text("order").and_then(DeliveryOrder::from_keyword),
        concurrency: number("concurrency").and_then(|number| usize::try_from(number).ok()),
        timeout: number("timeout"),
        allows_private: call.body.get("allowPrivate").and_then(Value::as_bool),
        headers: headers(&call.body),
    }
}

/// 201 with an endpoint that was made.
async fn made(call: &Call, (kind, path, name): (EndpointKind, &str, &str)) -> Result<JsonReply> {
    Ok(JsonReply {
        location: Some(format!("{BASE}{path}/{name}")),
        ..JsonReply::new(201, shown(call, kind, name).await?)
    })
}

/// Keeps the answer for repetitions of the request.
async fn kept(call: &Call, reply: JsonReply) -> Result<Reply> {
    if let Some(once) = &call.once {
        call.operator.keep_answer(once, &reply.kept()).await?;
    }
    Ok(Reply::Json(reply))
}

async fn add_webhook(call: Call) -> Result<Reply> {
    let name = call.text("name").unwrap_or_default();
    let signature = call.text("signature").and_then(SignatureKind::from_keyword);
    let new = NewWebhook {
        name: name.to_owned(),
        tenant: call.text("tenant").map(str::to_owned),
        start: start(&call).unwrap_or(Start::Now),
        signature: signature.unwrap_or(SignatureKind::Hmac),
        settings: settings(&call),
    };
    let secret = endpoints(&call)?.add_webhook(&new).await?;
    record(&call, AuditAction::WebhookAdd, name).await?;
    let mut reply = made(&call, (EndpointKind::Webhook, "/webhooks", name)).await?;
    reply.body["secret"] = secret.expose_secret().into();
    kept(&call, reply).await
}

async fn add_stream(call: Call) -> Result<Reply> {
    let name = call.text("name").unwrap_or_default();
    let (mode, algorithm) = (call.text("mode"), call.text("alg"));
    let new = NewStream {
        name: name.to_owned(),
        tenant: call.text("tenant").map(str::to_owned),
        start: start(&call).unwrap_or(Start::Now),
        url: call.text("url").map(str::to_owned),
        types: call.text("types").map(str::to_owned),
        allows_private: call.body.get("allowPrivate") == Some(&Value::Bool(true)),
        headers: headers(&call.body).unwrap_or_default(),
        options: StreamOptions {
            method: StreamMethod::Push,
            mode: mode
                .and_then(StreamMode::from_keyword)
                .unwrap_or(StreamMode::Notice),
            audience: call.text("audience").map(str::to_owned),
            algorithm: algorithm
                .and_then(TokenAlgorithm::from_keyword)
                .unwrap_or(TokenAlgorithm::Es256),
        },
    };
    endpoints(&call)?.add_stream(&new).await?;
    record(&call, AuditAction::StreamAdd, name).await?;
    let reply = made(&call, (EndpointKind::Stream, "/streams", name)).await?;
    kept(&call, reply).await
}

async fn change_webhook(call: Call) -> Result<Reply> {
    let name = call.segment("name");
    endpoints(&call)?
        .set_webhook(name, &settings(&call))
        .await?;
    record(&call, AuditAction::WebhookChange, name).await?;
    Ok(Reply::ok(shown(&call, EndpointKind::Webhook, name).await?))
}

/// The kind of an act, by the kind of endpoint.
fn act(kind: EndpointKind, webhook: AuditAction, stream: AuditAction) -> AuditAction {
    match kind {
        EndpointKind::Webhook => webhook,
        EndpointKind::Stream => stream,
    }
}

async fn remove(call: Call, kind: EndpointKind) -> Result<Reply> {
    let name = call.segment("name");
    let endpoints = endpoints(&call)?;
    endpoints.endpoint(kind, name).await?;
    if call.parameter("confirm") != Some(name) {
        let detail = format!(
            "This deletes {} {name} with all that waits for it: give confirm={name}.",
            kind.as_str()
        );
        return Err(Problem::new(ProblemType::ConfirmMissing, 400, detail));
    }
    endpoints.remove(kind, name).await?;
    let action = act(kind, AuditAction::WebhookRemove, AuditAction::StreamRemove);
    record(&call, action, name).await?;
    Ok(Reply::Empty)
}

fn held(held: &HeldEvent) -> Value {
    json!({
        "event": held.event,
        "position": held.position,
        "attempts": held.attempts,
        "failed": held.failed.map(|at| at.to_string()),
    })
}

async fn failed(call: Call, kind: EndpointKind) -> Result<Reply> {
    let name = call.segment("name");
    let failed = endpoints(&call)?.failed(kind, name, MOST).await?;
    let items: Vec<_> = failed.iter().map(held).collect();
    Ok(Reply::ok(json!({"items": items, "next": null})))
}

async fn test(call: Call, kind: EndpointKind) -> Result<Reply> {
    let settings = call.api.config.for_outbound();
    let settings = settings.map_err(ScimError::internal)?;
    let outbound = Outbound::new(&settings).map_err(ScimError::internal)?;
    let tested = endpoints(&call)?.test(kind, call.segment("name"), &outbound);
    let tested = tested.await?;
    Ok(Reply::ok(json!({
        "accepted": tested.is_accepted,
        "status": tested.status,
        "address": tested.address.map(|address| address.to_string()),
        "milliseconds": u64::try_from(tested.took.as_millis()).unwrap_or(u64::MAX),
        "error": Some(tested.error).filter(|error| !error.is_empty()),
    })))
}

async fn replay(call: Call, kind: EndpointKind) -> Result<Reply> {
    let name = call.segment("name");
    let since = call.text("since").and_then(duration::parse);
    let start = match (start(&call), since) {
        (Some(start), None) => start,
        (None, Some(seconds)) => Start::Since(seconds),
        _ => return Err(invalid("/from", "Give either from or since.")),
    };
    let tenant = call.text("tenant");
    endpoints(&call)?.replay(kind, name, &start, tenant).await?;
    let action = act(kind, AuditAction::WebhookReplay, AuditAction::StreamReplay);
    record(&call, action, name).await?;
    Ok(Reply::Empty)
}

async fn pause(call: Call, kind: EndpointKind) -> Result<Reply> {
    let name = call.segment("name");
    endpoints(&call)?.pause(kind, name).await?;
    let action = act(kind, AuditAction::WebhookPause, AuditAction::StreamPause);
    record(&call, action, name).await?;
    Ok(Reply::Empty)
}

async fn resume(call: Call, kind: EndpointKind) -> Result<Reply> {
    let name = call.segment("name");
    let start = start(&call);
    endpoints(&call)?.resume(kind, name, start.as_ref()).await?;
    let action = act(kind, AuditAction::WebhookResume, AuditAction::StreamResume);
    record(&call, action, name).await?;
    Ok(Reply::Empty)
}

async fn retry(call: Call, kind: EndpointKind) -> Result<Reply> {
    let name = call.segment("name");
    let count = endpoints(&call)?.retry(kind, name, call.text("event"));
    let count = count.await?;
    let action = act(kind, AuditAction::WebhookRetry, AuditAction::StreamRetry);
    record(&call, action, name).await?;
    Ok(Reply::ok(json!({"retried": count})))
}

async fn rotate(call: Call) -> Result<Reply> {
    let name = call.segment("name");
    let overlap = call.text("overlap").and_then(duration::parse);
    let secret = endpoints(&call)?.rotate(name, overlap.unwrap_or(OVERLAP));
    let secret = secret.await?;
    record(&call, AuditAction::WebhookRotate, name).await?;
    let body = json!({"name": name, "secret": secret.expose_secret()});
    kept(&call, JsonReply::new(200, body)).await
}
