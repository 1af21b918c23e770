//! Operator tokens. The API lists them; only commands issue and change them.

use crate::admin_api::call::{Call, Reply, cut};
use crate::admin_api::operation::{
    AFTER, Body, CURSOR, LIMIT, Method, Operation, RequiredAccess, SEARCH,
};
use crate::admin_api::problem::Result;
use crate::operator::operator_token_as_json;
use crate::store::OperatorScope;
use serde_json::Value;

/// The operations for operator tokens.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    id: "listOperators",
    method: Method::Get,
    path: "/operators",
    access: RequiredAccess::Scope(OperatorScope::OperatorsRead),
    summary: "The operator tokens, without their secrets, in the order of their creation.",
    details: "Only the command scimd operator issues, rotates and revokes them.",
    query: &[SEARCH, LIMIT, CURSOR, AFTER],
    body: Body::Empty,
    answer: (200, Some("OperatorTokenPage")),
    problems: &[],
    check: None,
    handle: |call| Box::pin(list(call)),
}];

async fn list(call: Call) -> Result<Reply> {
    let (mut after, mut read) = (call.behind()?, Vec::new());
    let limit = call.limit() + 1;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    while read.len() < most {
        let slice = call.operator.operator_tokens(after.as_deref(), limit);
        let slice = slice.await?;
        after = slice.last().map(|token| token.id.clone());
        let is_last = slice.len() < most;
        let found = slice.into_iter();
        read.extend(found.filter(|token| call.finds(&token.name, &token.id)));
        if is_last {
            break;
        }
    }
    let (tokens, has_more) = cut(read, call.limit());
    let (now, warn_days) = (
        call.operator.clock().now(),
        call.api.config.tokens.warn_days,
    );
    let last = tokens.last().map(|token| Value::from(token.id.as_str()));
    let items: Vec<_> = tokens
        .iter()
        .map(|token| operator_token_as_json(token, now, warn_days))
        .collect();
    let next = last.filter(|_| has_more);
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}
