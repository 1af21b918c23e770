//! Tokens of tenants.

use crate::admin_api::call::{Call, JsonReply, Reply, cut};
use crate::admin_api::operation::{
    AFTER, BASE, Body, CURSOR, LIMIT, Method, Operation, Parameter, ParameterKind, RequiredAccess,
    SEARCH,
};
use crate::admin_api::problem::{ProblemType, Result};
use crate::clock::Timestamp;
use crate::config::duration;
use crate::operator::{
    IssuedToken, OperatorError, TokenLife, TokenRequest, issued_as_json, token_as_json,
};
use crate::store::{OperatorScope, TokenInfo, TokenQuery, TokenScope};
use serde_json::{Value, json};

pub(super) const READ: RequiredAccess = RequiredAccess::Scope(OperatorScope::TenantsRead);
pub(super) const WRITE: RequiredAccess = RequiredAccess::Scope(OperatorScope::TokensWrite);

/// Default overlap of a rotated token in seconds.
pub(super) const OVERLAP: i64 = 7 * 86_400;

const TOTAL: Parameter = Parameter {
    name: "total",
    kind: ParameterKind::Flag,
    summary: "Whether the response has the total number of tokens of the tenant.",
};

/// The operations for tokens.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "listTokens",
        method: Method::Get,
        path: "/tenants/{tenant}/tokens",
        access: READ,
        summary: "The tokens of a tenant, without their secrets, in the order of their creation.",
        details: "",
        query: &[SEARCH, LIMIT, CURSOR, AFTER, TOTAL],
        body: Body::Empty,
        answer: (200, Some("TokenPage")),
        problems: &[],
        check: None,
        handle: |call| Box::pin(list(call)),
    },
    Operation {
        id: "issueToken",
        method: Method::Post,
        path: "/tenants/{tenant}/tokens",
        access: WRITE,
        summary: "Issues a token; only this response contains it.",
        details: "Send an Idempotency-Key: if the response is lost, the same request returns it again.",
        query: &[],
        body: Body::Json("TokenIssue"),
        answer: (201, Some("Token")),
        problems: &[],
        check: None,
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
        check: None,
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
        check: None,
        handle: |call| Box::pin(revoke(call)),
    },
    Operation {
        id: "rotateToken",
        method: Method::Post,
        path: "/tenants/{tenant}/tokens/{id}/rotate",
        access: WRITE,
        summary: "Issues a successor; the old token expires after an overlap.",
        details: "The successor has the same name, scope and lifetime; only this response contains it.",
        query: &[],
        body: Body::Optional("TokenRotate"),
        answer: (201, Some("Token")),
        problems: &[ProblemType::Conflict],
        check: None,
        handle: |call| Box::pin(rotate(call)),
    },
    Operation {
        id: "listAllTokens",
        method: Method::Get,
        path: "/tokens",
        access: READ,
        summary: "Tokens of all tenants: all by tenant, or those that expire soon, by expiry.",
        details: "Soon means within tokens.warn_days of the configuration; tokens with a successor are then not listed. Tokens for the change feed of all tenants have the tenant \"*\" and are first.",
        query: &[
            Parameter {
                name: "state",
                kind: ParameterKind::Word(&["expiring"]),
                summary: "Only tokens that expire soon, by expiry.",
            },
            SEARCH,
            LIMIT,
            CURSOR,
            AFTER,
        ],
        body: Body::Empty,
        answer: (200, Some("TokenPage")),
        problems: &[],
        check: None,
        handle: |call| Box::pin(list_all(call)),
    },
    Operation {
        id: "getTokenById",
        method: Method::Get,
        path: "/tokens/{id}",
        access: READ,
        summary: "One token of any tenant, without its secret.",
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (200, Some("Token")),
        problems: &[],
        check: None,
        handle: |call| Box::pin(get_by_id(call)),
    },
    Operation {
        id: "revokeTokenById",
        method: Method::Delete,
        path: "/tokens/{id}",
        access: WRITE,
        summary: "Revokes a token of any tenant from the next request on; it stays listed.",
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (204, None),
        problems: &[],
        check: None,
        handle: |call| Box::pin(revoke_by_id(call)),
    },
    Operation {
        id: "rotateTokenById",
        method: Method::Post,
        path: "/tokens/{id}/rotate",
        access: WRITE,
        summary: "Issues a successor of a token of any tenant; the old token expires after an overlap.",
        details: "The successor has the same name, scope and lifetime; only this response contains it.",
        query: &[],
        body: Body::Optional("TokenRotate"),
        answer: (201, Some("Token")),
        problems: &[ProblemType::Conflict],
        check: None,
        handle: |call| Box::pin(rotate_by_id(call)),
    },
];

/// A token in its current state.
pub(super) fn shown(call: &Call, token: &TokenInfo) -> Value {
    let (now, warn_days) = (
        call.operator.clock().now(),
        call.api.config.tokens.warn_days,
    );
    let state = TokenLife::from(token).state(now, warn_days);
    token_as_json(token, state, now)
}

async fn list(call: Call) -> Result<Reply> {
    let mut page = found(&call, Some(call.tenant().to_owned())).await?;
    if call.is_set("total") {
        page.body["total"] = call.operator.count_tokens(call.tenant()).await?.into();
    }
    Ok(Reply::Json(page))
}

/// A page whose next one starts after the id of its last token.
fn by_id(call: &Call, tokens: &[TokenInfo], has_more: bool) -> Result<JsonReply> {
    let place = |token: &TokenInfo| Value::from(token.id.as_str());
    page_of(call, tokens, place, has_more)
}

/// A page of tokens; `place` returns the position after one of them.
pub(super) fn page_of(
    call: &Call,
    tokens: &[TokenInfo],
    place: impl Fn(&TokenInfo) -> Value,
    has_more: bool,
) -> Result<JsonReply> {
    let items: Vec<_> = tokens.iter().map(|token| shown(call, token)).collect();
    let next = tokens.last().filter(|_| has_more).map(place);
    call.page(&items, next.as_ref())
}

async fn list_all(call: Call) -> Result<Reply> {
    if call.parameter("state").is_some() {
        return ending(call).await;
    }
    Ok(Reply::Json(found(&call, None).await?))
}

/// Whether the caller asks for a token and may see it.
pub(super) fn is_wanted(call: &Call, token: &TokenInfo) -> bool {
    call.reaches(&token.tenant) && call.finds(&token.name, &token.id)
}

/// A page of the tokens of a tenant, or of all.
async fn found(call: &Call, tenant: Option<String>) -> Result<JsonReply> {
    let mut query = TokenQuery {
        tenant,
        after: call.behind()?,
        limit: call.limit() + 1,
    };
    let max = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut read = Vec::new();
    loop {
        let slice = call.operator.tokens(&query).await?;
        let is_last = slice.len() < max;
        query.after = slice.last().map(|token| token.id.clone());
        read.extend(slice.into_iter().filter(|token| is_wanted(call, token)));
        if is_last || read.len() >= max {
            break;
        }
    }
    let (tokens, has_more) = cut(read, call.limit());
    by_id(call, &tokens, has_more)
}

/// The response to a request that issued a token, which is below a path.
pub(super) fn issued(path: &str, token: &IssuedToken, warn_days: i64) -> JsonReply {
    JsonReply {
        location: Some(format!("{BASE}{path}/{}", token.id)),
        ..JsonReply::new(201, issued_as_json(token, warn_days))
    }
}

/// The path of the tokens of a tenant.
fn path(tenant: &str) -> String {
    format!("/tenants/{tenant}/tokens")
}

/// The requested validity of a token in seconds; `None`: does not expire.
pub(super) fn lasting(call: &Call) -> Option<i64> {
    match call.text("expiresIn") {
        // The schema has checked that it can be parsed.
        Some(text) => duration::parse_or_never(text).flatten(),
        None => call.api.config.tokens.expires,
    }
}

async fn issue(call: Call) -> Result<Reply> {
    let (warn_days, path) = (call.api.config.tokens.warn_days, path(call.tenant()));
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

/// The token with the id in the path, of a tenant to which the caller has access.
async fn reached(call: &Call) -> Result<TokenInfo> {
    let id = call.segment("id");
    let token = call.operator.token_by_id(id).await?;
    if call.reaches(&token.tenant) {
        Ok(token)
    } else {
        Err(OperatorError::NoToken(id.to_owned()).into())
    }
}

async fn get_by_id(call: Call) -> Result<Reply> {
    let token = reached(&call).await?;
    Ok(Reply::ok(shown(&call, &token)))
}

async fn revoke(call: Call) -> Result<Reply> {
    let id = call.segment("id");
    call.operator.token(call.tenant(), id).await?;
    call.operator.revoke_token(id).await?;
    Ok(Reply::Empty)
}

async fn revoke_by_id(call: Call) -> Result<Reply> {
    reached(&call).await?;
    call.operator.revoke_token(call.segment("id")).await?;
    Ok(Reply::Empty)
}

async fn rotate(call: Call) -> Result<Reply> {
    let id = call.segment("id");
    call.operator.token(call.tenant(), id).await?;
    let path = path(call.tenant());
    rotated(&call, &path).await
}

async fn rotate_by_id(call: Call) -> Result<Reply> {
    let token = reached(&call).await?;
    rotated(&call, &path(&token.tenant)).await
}

async fn rotated(call: &Call, path: &str) -> Result<Reply> {
    let id = call.segment("id");
    let warn_days = call.api.config.tokens.warn_days;
    let overlap = call.text("overlap").and_then(duration::parse);
    let answer = |token: &IssuedToken| issued(path, token, warn_days).kept();
    let once = call.keeping(&answer);
    let rotated = call
        .operator
        .rotate_token_once(id, overlap.unwrap_or(OVERLAP), once);
    Ok(Reply::Json(issued(path, &rotated.await?, warn_days)))
}

async fn ending(call: Call) -> Result<Reply> {
    let after = call.place()?.as_ref().and_then(last_of);
    let days = call.api.config.tokens.warn_days;
    let mut read = Vec::new();
    let mut ending = call.operator.ending_tokens_after(None, days, after);
    let max = usize::try_from(call.limit() + 1).unwrap_or(usize::MAX);
    while read.len() < max
        && let Some(token) = ending.next().await?
    {
        if is_wanted(&call, &token) {
            read.push(token);
        }
    }
    let (tokens, has_more) = cut(read, call.limit());
    let place = |token: &TokenInfo| json!([token.id, token.expires.map(Timestamp::as_micros)]);
    Ok(Reply::Json(page_of(&call, &tokens, place, has_more)?))
}

/// Id and expiry of the last token of the previous page.
fn last_of(place: &Value) -> Option<(String, i64)> {
    let [id, end] = place.as_array()?.as_slice() else {
        return None;
    };
    Some((id.as_str()?.to_owned(), end.as_i64()?))
}
