//! The changes of one resource.

use crate::admin_api::call::{Call, Reply, cut};
use crate::admin_api::operation::{Body, CURSOR, LIMIT, Method, Operation, RequiredAccess};
use crate::admin_api::problem::{Problem, Result};
use crate::audit::{AuditAction, AuditEntry};
use crate::operator::change_as_json;
use crate::store::OperatorScope;
use serde_json::Value;

/// The operations for the history of a resource.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    id: "getHistory",
    method: Method::Get,
    path: "/tenants/{tenant}/history/{id}",
    access: RequiredAccess::Scope(OperatorScope::DirectoryRead),
    summary: "The changes of one resource, latest first.",
    details: "Names of attributes and ids of members, no values. A resource that was deleted is known as long as its \
              changes are kept.",
    query: &[LIMIT, CURSOR],
    body: Body::Empty,
    answer: (200, Some("History")),
    problems: &[],
    check: None,
    handle: |call| Box::pin(get(call)),
}];

async fn get(call: Call) -> Result<Reply> {
    let none =
        || Problem::not_found("This tenant has no resource with this id, and no change of one.");
    let id = call.segment("id").parse().map_err(|_| none())?;
    let before = call.place()?.as_ref().and_then(Value::as_i64);
    let changes = call
        .operator
        .history(call.tenant(), id, before, call.limit() + 1)
        .await?;
    let entry = AuditEntry::new(AuditAction::DirectoryRead).in_tenant(call.tenant());
    let entry = entry.on(call.segment("id"));
    call.operator.record_read(entry).await?;
    if changes.is_empty() && before.is_none() {
        return Err(none());
    }
    let (changes, has_more) = cut(changes, call.limit());
    let last = changes.last().map(|change| Value::from(change.version));
    let next = last.filter(|_| has_more);
    let items: Vec<_> = changes.iter().map(change_as_json).collect();
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}
