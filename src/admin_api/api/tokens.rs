//! Tokens of tenants.

use crate::admin_api::call::{Call, JsonReply, Reply, cut, invalid};
use crate::admin_api::operation::{
    Access, BASE, Body, CURSOR, Kind, LIMIT, Method, Operation, Parameter,
};
use crate::admin_api::problem::{ProblemType, Result};
use crate::clock::Timestamp;
use crate::config::duration;
use crate::service::{
    IssuedToken, OperatorScope, TokenInfo, TokenLife, TokenQuery, TokenRequest, TokenScope,
    issued_as_json, token_as_json,
};
use serde_json::{Value, json};

pub(super) const READ: Access = Access::Scope(OperatorScope::TenantsRead);
pub(super) const WRITE: Access = Access::Scope(OperatorScope::TokensWrite);

/// Seconds for which a token that is rotated stays good if nothing is said.
pub(super) const OVERLAP: i64 = 7 * 86_400;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "listTokens",
        method: Method::Get,
        path: "/tenants/{tenant}/tokens",
        access: READ,
        summary: "The tokens of a tenant, without their secrets, as they were issued.",
        details: "",
        query: &[LIMIT, CURSOR],
        body: Body::Empty,
        answer: (200, Some("TokenPage")),
        problems: &[],
        handle: |call| Box::pin(list(call)),
    },
    Operation {
        id: "issueToken",
        method: Method::Post,
        path: "/tenants/{tenant}/tokens",
        access: WRITE,
        summary: "Issues a token, which is in this answer alone.",
        details: "Send an Idempotency-Key: if the answer is lost, the same request gives it again.",
        query: &[],
        body: Body::Json("TokenIssue"),
        answer: (201, Some("Token")),
        problems: &[],
        handle: |call| Box::pin(issue(call)),
    },
    Operation {
        id: "getToken",
        method: Method::Get,
        path: "/tenants/{tenant}/tokens/{id}",
        access: READ,
        summary: "One token, without its secret.",
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (200, Some("Token")),
        problems: &[],
        handle: |call| Box::pin(get(call)),
    },
    Operation {
        id: "revokeToken",
        method: Method::Delete,
        path: "/tenants/{tenant}/tokens/{id}",
        access: WRITE,
        summary: "Revokes a token from the next request on; it stays listed.",
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (204, None),
        problems: &[],
        handle: |call| Box::pin(revoke(call)),
    },
    Operation {
        id: "rotateToken",
        method: Method::Post,
        path: "/tenants/{tenant}/tokens/{id}/rotate",
        access: WRITE,
        summary: "Issues a successor, and lets the old token end after an overlap.",
        details: "The successor has the same name, scope and length of life, and is in this answer alone.",
        query: &[],
        body: Body::Optional("TokenRotate"),
        answer: (201, Some("Token")),
        problems: &[ProblemType::Conflict],
        handle: |call| Box::pin(rotate(call)),
    },
    Operation {
        id: "listEndingTokens",
        method: Method::Get,
        path: "/tokens",
        access: READ,
        summary: "Tokens of all tenants that end soon, the first to end first.",
        details: "Soon is within tokens.warn_days of the configuration. A token with a successor is not listed.",
        query: &[
            Parameter {
                name: "state",
                kind: Kind::Word(&["expiring"]),
                summary: "Which tokens: only those that expire soon are listed across tenants.",
            },
            LIMIT,
            CURSOR,
        ],
        body: Body::Empty,
        answer: (200, Some("TokenPage")),
        problems: &[],
        handle: |call| Box::pin(ending(call)),
    },
];

/// A token as the caller sees it now.
pub(super) fn shown(call: &Call, token: &TokenInfo) -> Value {
    let (now, warn_days) = (
        call.operator.clock().now(),
        call.api.config.tokens.warn_days,
    );
    let state = TokenLife::from(token).state(now, warn_days);
    token_as_json(token, state, now)
}

async fn list(call: Call) -> Result<Reply> {
    let place = call.place()?;
    let query = TokenQuery {
        tenant: Some(call.tenant().to_owned()),
        after: place.as_ref().and_then(Value::as_str).map(str::to_owned),
        limit: call.limit() + 1,
    };
    let (tokens, has_more) = cut(call.operator.tokens(&query).await?, call.limit());
    let place = |token: &TokenInfo| Value::from(token.id.as_str());
    page_of(&call, &tokens, place, has_more)
}

/// A page of tokens; `place` is where the next page begins after one of them.
pub(super) fn page_of(
    call: &Call,
    tokens: &[TokenInfo],
    place: impl Fn(&TokenInfo) -> Value,
    has_more: bool,
) -> Result<Reply> {
    let items: Vec<_> = tokens.iter().map(|token| shown(call, token)).collect();
    let next = tokens.last().filter(|_| has_more).map(place);
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}

/// The answer to a request that issued a token, which is below a path.
pub(super) fn issued(path: &str, token: &IssuedToken, warn_days: i64) -> JsonReply {
    JsonReply {
        location: Some(format!("{BASE}{path}/{}", token.id)),
        ..JsonReply::new(201, issued_as_json(token, warn_days))
    }
}

/// The path of the tokens of the tenant that a request is about.
fn path(call: &Call) -> String {
    format!("/tenants/{}/tokens", call.tenant())
}

/// Seconds that a token is to be good for; `None`: no end.
pub(super) fn lasting(call: &Call) -> Option<i64> {
    match call.text("expiresIn") {
        // The schema has seen that it can be read.
        Some(text) => duration::parse_or_never(text).flatten(),
        None => call.api.config.tokens.expires,
    }
}

async fn issue(call: Call) -> Result<Reply> {
    let (warn_days, path) = (call.api.config.tokens.warn_days, path(&call));
    let scope = call.text("scope").and_then(TokenScope::from_keyword);
    let request = TokenRequest {
        tenant: call.tenant(),
        name: call.text("name").unwrap_or_default(),
        scope: scope.unwrap_or(TokenScope::ReadWrite),
        seconds: lasting(&call),
    };
    let answer = |token: &IssuedToken| issued(&path, token, warn_days).kept();
    let once = call.keeping(&answer);
    let token = call.operator.issue_token_once(&request, once).await?;
    Ok(Reply::Json(issued(&path, &token, warn_days)))
}

async fn get(call: Call) -> Result<Reply> {
    let token = call.operator.token(call.tenant(), call.segment("id"));
    let token = token.await?;
    Ok(Reply::ok(shown(&call, &token)))
}

async fn revoke(call: Call) -> Result<Reply> {
    let id = call.segment("id");
    call.operator.token(call.tenant(), id).await?;
    call.operator.revoke_token(id).await?;
    Ok(Reply::Empty)
}

async fn rotate(call: Call) -> Result<Reply> {
    let id = call.segment("id");
    call.operator.token(call.tenant(), id).await?;
    let (warn_days, path) = (call.api.config.tokens.warn_days, path(&call));
    let overlap = call.text("overlap").and_then(duration::parse);
    let answer = |token: &IssuedToken| issued(&path, token, warn_days).kept();
    let once = call.keeping(&answer);
    let rotated = call
        .operator
        .rotate_token_once(id, overlap.unwrap_or(OVERLAP), once);
    Ok(Reply::Json(issued(&path, &rotated.await?, warn_days)))
}

async fn ending(call: Call) -> Result<Reply> {
    if call.parameter("state").is_none() {
        let detail =
            "Give state=expiring: tokens are listed across tenants only if they expire soon.";
        return Err(invalid("state", detail));
    }
    let after = call.place()?.as_ref().and_then(last_of);
    let days = call.api.config.tokens.warn_days;
    let mut read = Vec::new();
    let mut ending = call.operator.ending_tokens_after(None, days, after);
    let most = usize::try_from(call.limit() + 1).unwrap_or(usize::MAX);
    while read.len() < most
        && let Some(token) = ending.next().await?
    {
        if call.reaches(&token.tenant) {
            read.push(token);
        }
    }
    let (tokens, has_more) = cut(read, call.limit());
    let place = |token: &TokenInfo| json!([token.id, token.expires.map(Timestamp::as_micros)]);
    page_of(&call, &tokens, place, has_more)
}

/// Id and end of the last token of the page before.
fn last_of(place: &Value) -> Option<(String, i64)> {
    let [id, end] = place.as_array()?.as_slice() else {
        return None;
    };
    Some((id.as_str()?.to_owned(), end.as_i64()?))
}
