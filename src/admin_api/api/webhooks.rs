//! Webhooks.

use crate::admin_api::api::endpoint_checks as checks;
use crate::admin_api::api::endpoints::{
    ATTEMPTS, CONFIRM, LISTED, PAGED, READ, attempts, endpoints, failed, get, headers, list, made,
    pause, remove, replay, resume, retry, start, test, writing,
};
use crate::admin_api::call::{Call, JsonReply, Reply};
use crate::admin_api::operation::{Body, Method, Operation};
use crate::admin_api::problem::{ProblemType, Result};
use crate::config::duration;
use crate::delivery::{
    DeliveryOrder, EndpointInfo, MadeWebhook, NewWebhook, SignatureKind, Start, WebhookSettings,
};
use crate::feed::Payload;
use crate::store::EndpointKind;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// Default overlap in seconds, in which events are also signed with the old secret.
const OVERLAP: i64 = 86_400;

/// The operations for webhooks.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new(
        ("listWebhooks", Method::Get, "/webhooks"),
        READ,
        "The webhooks by name, with their progress.",
        |call| Box::pin(list(call, EndpointKind::Webhook)),
    )
    .asking(LISTED)
    .giving(200, "EndpointList"),
    writing(
        ("addWebhook", Method::Post, "/webhooks"),
        "Creates a webhook; only this response contains its secret or public key.",
        |call| Box::pin(add(call)),
    )
    .taking(Body::Json("WebhookAdd"))
    .checking(checks::new_webhook)
    .giving(201, "Endpoint"),
    Operation::new(
        ("getWebhook", Method::Get, "/webhooks/{name}"),
        READ,
        "One webhook, with its progress.",
        |call| Box::pin(get(call, EndpointKind::Webhook)),
    )
    .giving(200, "Endpoint"),
    writing(
        ("changeWebhook", Method::Patch, "/webhooks/{name}"),
        "Changes settings of a webhook.",
        |call| Box::pin(change(call)),
    )
    .taking(Body::MergePatch("WebhookChange"))
    .checking(checks::changed_webhook)
    .giving(200, "Endpoint"),
    writing(
        ("removeWebhook", Method::Delete, "/webhooks/{name}"),
        "Deletes a webhook with its pending events.",
        |call| Box::pin(remove(call, EndpointKind::Webhook)),
    )
    .asking(CONFIRM)
    .failing(&[ProblemType::ConfirmMissing]),
    Operation::new(
        ("listFailedEvents", Method::Get, "/webhooks/{name}/failed"),
        READ,
        "Failed events, which are no longer retried.",
        |call| Box::pin(failed(call, EndpointKind::Webhook)),
    )
    .asking(PAGED)
    .giving(200, "HeldEventList"),
    Operation::new(
        (
            "listWebhookAttempts",
            Method::Get,
            "/webhooks/{name}/attempts",
        ),
        READ,
        "Attempts to send that failed, the latest first.",
        |call| Box::pin(attempts(call, EndpointKind::Webhook)),
    )
    .asking(ATTEMPTS)
    .giving(200, "AttemptPage"),
    writing(
        ("testWebhook", Method::Post, "/webhooks/{name}/test"),
        "Sends the event scimd.test from the server, and returns the result.",
        |call| Box::pin(test(call, EndpointKind::Webhook)),
    )
    .giving(200, "Tested"),
    writing(
        ("replayWebhook", Method::Post, "/webhooks/{name}/replay"),
        "Sends events again from a position; later events follow in order.",
        |call| Box::pin(replay(call, EndpointKind::Webhook)),
    )
    .taking(Body::Json("Replay"))
    .checking(checks::replay),
    writing(
        ("pauseWebhook", Method::Post, "/webhooks/{name}/pause"),
        "Sends nothing until it is resumed.",
        |call| Box::pin(pause(call, EndpointKind::Webhook)),
    ),
    writing(
        ("resumeWebhook", Method::Post, "/webhooks/{name}/resume"),
        "Resumes sending, where it stopped or from another position.",
        |call| Box::pin(resume(call, EndpointKind::Webhook)),
    )
    .taking(Body::Optional("Resume"))
    .checking(checks::start),
    writing(
        ("retryFailedEvents", Method::Post, "/webhooks/{name}/retry"),
        "Retries failed events: the one with an id, or all.",
        |call| Box::pin(retry(call, EndpointKind::Webhook)),
    )
    .taking(Body::Optional("Retry"))
    .giving(200, "Retried"),
    writing(
        ("rotateWebhook", Method::Post, "/webhooks/{name}/rotate"),
        "Generates a new secret; the old one stays valid for an overlap.",
        |call| Box::pin(rotate(call)),
    )
    .taking(Body::Optional("SecretRotate"))
    .giving(200, "NewSecret"),
];

fn settings(call: &Call) -> WebhookSettings {
    let concurrency = call.body.get("concurrency").and_then(Value::as_u64);
    let timeout = call.text("timeout").and_then(duration::parse);
    WebhookSettings {
        url: call.text("url").map(str::to_owned),
        types: call.text("types").map(str::to_owned),
        payload: call.text("payload").and_then(Payload::from_keyword),
        order: call.text("order").and_then(DeliveryOrder::from_keyword),
        concurrency: concurrency.and_then(|number| usize::try_from(number).ok()),
        timeout: timeout.and_then(|seconds| u64::try_from(seconds).ok()),
        allows_private: call.body.get("allowPrivate").and_then(Value::as_bool),
        headers: headers(&call.body),
    }
}

/// 201 with a webhook and its secret.
fn added(webhook: &MadeWebhook) -> JsonReply {
    let mut reply = made("/webhooks", &webhook.info);
    reply.body["secret"] = webhook.secret.expose_secret().into();
    reply
}

async fn add(call: Call) -> Result<Reply> {
    let signature = call.text("signature").and_then(SignatureKind::from_keyword);
    let new = NewWebhook {
        name: call.text("name").unwrap_or_default().to_owned(),
        tenant: call.text("tenant").map(str::to_owned),
        start: start(&call).unwrap_or(Start::Now),
        signature: signature.unwrap_or(SignatureKind::Hmac),
        settings: settings(&call),
    };
    let answer = |webhook: &MadeWebhook| added(webhook).kept();
    let once = call.keeping(&answer);
    let webhook = endpoints(&call)?.add_webhook(&new, once).await?;
    Ok(Reply::Json(added(&webhook)))
}

async fn change(call: Call) -> Result<Reply> {
    let name = call.segment("name");
    let endpoints = endpoints(&call)?;
    endpoints.set_webhook(name, &settings(&call)).await?;
    let listed = endpoints.list(EndpointKind::Webhook, Some(name)).await?;
    let shown = listed.first().map_or(Value::Null, EndpointInfo::json);
    Ok(Reply::ok(shown))
}

fn rotated(name: &str, secret: &SecretString) -> JsonReply {
    JsonReply::new(200, json!({"name": name, "secret": secret.expose_secret()}))
}

async fn rotate(call: Call) -> Result<Reply> {
    let name = call.segment("name");
    let overlap = call.text("overlap").and_then(duration::parse);
    let answer = |secret: &SecretString| rotated(name, secret).kept();
    let once = call.keeping(&answer);
    let overlap = overlap.unwrap_or(OVERLAP);
    let secret = endpoints(&call)?.rotate(name, overlap, once).await?;
    Ok(Reply::Json(rotated(name, &secret)))
}
