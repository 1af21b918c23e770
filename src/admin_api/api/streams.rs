//! Streams of security event tokens.

use crate::admin_api::api::endpoint_checks as checks;
use crate::admin_api::api::endpoints::{
    ATTEMPTS, CONFIRM, LISTED, PAGED, READ, attempts, endpoints, failed, get, headers, list, made,
    pause, remove, replay, resume, retry, start, test, writing,
};
use crate::admin_api::call::{Call, Reply};
use crate::admin_api::operation::{Body, Method, Operation};
use crate::admin_api::problem::{ProblemType, Result};
use crate::delivery::{
    EndpointInfo, NewStream, Start, StreamMethod, StreamMode, StreamOptions, TokenAlgorithm,
};
use crate::store::EndpointKind;
use serde_json::Value;

/// The operations for streams.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new(
        ("listStreams", Method::Get, "/streams"),
        READ,
        "The streams of security event tokens by name, with their progress.",
        |call| Box::pin(list(call, EndpointKind::Stream)),
    )
    .asking(LISTED)
    .giving(200, "EndpointList"),
    writing(
        ("addStream", Method::Post, "/streams"),
        "Creates a stream of security event tokens.",
        |call| Box::pin(add(call)),
    )
    .taking(Body::Json("StreamAdd"))
    .checking(checks::new_stream)
    .giving(201, "Endpoint"),
    Operation::new(
        ("getStream", Method::Get, "/streams/{name}"),
        READ,
        "One stream, with its progress.",
        |call| Box::pin(get(call, EndpointKind::Stream)),
    )
    .giving(200, "Endpoint"),
    writing(
        ("removeStream", Method::Delete, "/streams/{name}"),
        "Deletes a stream with its pending tokens.",
        |call| Box::pin(remove(call, EndpointKind::Stream)),
    )
    .asking(CONFIRM)
    .failing(&[ProblemType::ConfirmMissing]),
    Operation::new(
        ("listFailedTokens", Method::Get, "/streams/{name}/failed"),
        READ,
        "Failed tokens.",
        |call| Box::pin(failed(call, EndpointKind::Stream)),
    )
    .asking(PAGED)
    .giving(200, "HeldEventList"),
    Operation::new(
        (
            "listStreamAttempts",
            Method::Get,
            "/streams/{name}/attempts",
        ),
        READ,
        "Attempts to send that failed, the latest first.",
        |call| Box::pin(attempts(call, EndpointKind::Stream)),
    )
    .asking(ATTEMPTS)
    .giving(200, "AttemptPage"),
    writing(
        ("testStream", Method::Post, "/streams/{name}/test"),
        "Sends a verification event from the server, and returns the result.",
        |call| Box::pin(test(call, EndpointKind::Stream)),
    )
    .giving(200, "Tested"),
    writing(
        ("replayStream", Method::Post, "/streams/{name}/replay"),
        "Sends tokens again from a position; later ones follow in order.",
        |call| Box::pin(replay(call, EndpointKind::Stream)),
    )
    .taking(Body::Json("Replay"))
    .checking(checks::replay),
    writing(
        ("pauseStream", Method::Post, "/streams/{name}/pause"),
        "Sends nothing until it is resumed.",
        |call| Box::pin(pause(call, EndpointKind::Stream)),
    ),
    writing(
        ("resumeStream", Method::Post, "/streams/{name}/resume"),
        "Resumes sending, where it stopped or from another position.",
        |call| Box::pin(resume(call, EndpointKind::Stream)),
    )
    .taking(Body::Optional("Resume"))
    .checking(checks::start),
    writing(
        ("retryFailedTokens", Method::Post, "/streams/{name}/retry"),
        "Retries failed tokens: the one with an id, or all.",
        |call| Box::pin(retry(call, EndpointKind::Stream)),
    )
    .taking(Body::Optional("Retry"))
    .giving(200, "Retried"),
];

async fn add(call: Call) -> Result<Reply> {
    let method = call.text("method").and_then(StreamMethod::from_keyword);
    let mode = call.text("mode").and_then(StreamMode::from_keyword);
    let algorithm = call.text("alg").and_then(TokenAlgorithm::from_keyword);
    let new = NewStream {
        name: call.text("name").unwrap_or_default().to_owned(),
        tenant: call.text("tenant").map(str::to_owned),
        start: start(&call).unwrap_or(Start::Now),
        url: call.text("url").map(str::to_owned),
        types: call.text("types").map(str::to_owned),
        allows_private: call.body.get("allowPrivate") == Some(&Value::Bool(true)),
        headers: headers(&call.body).unwrap_or_default(),
        options: StreamOptions {
            method: method.unwrap_or(StreamMethod::Push),
            mode: mode.unwrap_or(StreamMode::Notice),
            audience: call.text("audience").map(str::to_owned),
            algorithm: algorithm.unwrap_or(TokenAlgorithm::Es256),
        },
    };
    let answer = |info: &EndpointInfo| made("/streams", info).kept();
    let once = call.keeping(&answer);
    let info = endpoints(&call)?.add_stream(&new, once).await?;
    Ok(Reply::Json(made("/streams", &info)))
}
