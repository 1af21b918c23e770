//! Operator tokens. The API lists them; only commands issue and change them.

use crate::admin_api::call::{Call, Reply, cut};
use crate::admin_api::operation::{AFTER, Body, CURSOR, LIMIT, Method, Operation, RequiredAccess};
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
    query: &[LIMIT, CURSOR, AFTER],
    body: Body::Empty,
    answer: (200, Some("OperatorTokenPage")),
    problems: &[],
    handle: |call| Box::pin(list(call)),
}];

async fn list(call: Call) -> Result<Reply> {
    let after = call.behind()?;
    let read = call
        .operator
        .operator_tokens(after.as_deref(), call.limit() + 1);
    let (tokens, has_more) = cut(read.await?, call.limit());
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
