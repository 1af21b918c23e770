//! Keys that sign security event tokens.

use crate::admin_api::api::endpoints::{READ, endpoints, writing};
use crate::admin_api::call::{Call, JsonReply, Reply};
use crate::admin_api::operation::{Body, Method, Operation};
use crate::admin_api::problem::Result;
use crate::delivery::{KeyInfo, TokenAlgorithm};
use serde_json::{Value, json};

/// The operations for signing keys.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new(
        ("listKeys", Method::Get, "/keys"),
        READ,
        "The keys that sign security event tokens, without their secret parts, in the order of their creation.",
        |call| Box::pin(list(call)),
    )
    .giving(200, "SigningKeyList"),
    writing(
        ("rotateKeys", Method::Post, "/keys/rotate"),
        "Makes the next key of an algorithm the current one, and generates another next key.",
        |call| Box::pin(rotate(call)),
    )
    .taking(Body::Optional("KeysRotate"))
    .giving(200, "KeysRotated"),
];

fn shown(key: &KeyInfo) -> Value {
    json!({
        "id": key.id,
        "alg": key.algorithm,
        "state": key.state,
        "since": key.since.to_string(),
    })
}

async fn list(call: Call) -> Result<Reply> {
    let keys = endpoints(&call)?.keys().await?;
    let items: Vec<_> = keys.iter().map(shown).collect();
    Ok(Reply::ok(json!({"items": items, "next": null})))
}

fn rotated(id: &str) -> JsonReply {
    JsonReply::new(200, json!({"id": id}))
}

async fn rotate(call: Call) -> Result<Reply> {
    let algorithm = call.text("alg").and_then(TokenAlgorithm::from_keyword);
    let algorithm = algorithm.unwrap_or(TokenAlgorithm::Es256);
    let answer = |id: &String| rotated(id).kept();
    let once = call.keeping(&answer);
    let id = endpoints(&call)?.rotate_keys(algorithm, once).await?;
    Ok(Reply::Json(rotated(&id)))
}
