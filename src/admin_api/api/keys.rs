//! Keys that sign security event tokens.

use crate::admin_api::api::endpoints::{READ, endpoints, writing};
use crate::admin_api::call::{Call, JsonReply, Reply, cut};
use crate::admin_api::operation::{
    Body, CURSOR, LIMIT, Method, Operation, Parameter, ParameterKind,
};
use crate::admin_api::problem::Result;
use crate::clock::Timestamp;
use crate::delivery::{KeyInfo, TokenAlgorithm};
use serde_json::{Value, json};

const LISTED: &[Parameter] = &[
    Parameter {
        name: "search",
        kind: ParameterKind::Text,
        summary: "The beginning of the id or algorithm; letter case does not count.",
    },
    LIMIT,
    CURSOR,
];

/// The operations for signing keys.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new(
        ("listKeys", Method::Get, "/keys"),
        READ,
        "The keys that sign security event tokens, without their secret parts, in the order of their creation.",
        |call| Box::pin(list(call)),
    )
    .asking(LISTED)
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
    let place = call.place()?.as_ref().and_then(last_of);
    let rest = keys.into_iter().filter(|key| {
        let own = (key.created, key.id.clone());
        place.as_ref().is_none_or(|place| own > *place) && call.finds(&key.algorithm, &key.id)
    });
    let (keys, has_more) = cut(rest.collect(), call.limit());
    let next = keys.last().filter(|_| has_more);
    let next = next.map(|key| json!([key.created.as_micros(), key.id]));
    let items: Vec<_> = keys.iter().map(shown).collect();
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}

/// Time of creation and id of the last key of the previous page.
fn last_of(place: &Value) -> Option<(Timestamp, String)> {
    let (created, id) = serde_json::from_value(place.clone()).ok()?;
    Some((Timestamp::from_micros(created), id))
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
