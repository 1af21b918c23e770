//! The audit trail.

use crate::admin_api::call::{Call, Reply, cut};
use crate::admin_api::operation::{
    Body, CURSOR, LIMIT, Method, Operation, Parameter, ParameterKind, RequiredAccess,
};
use crate::admin_api::problem::Result;
use crate::operator::audit_as_json;
use crate::store::{AuditQuery, OperatorScope};
use serde_json::Value;

const fn text(name: &'static str, summary: &'static str) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Text,
        summary,
    }
}

/// The operations for the audit trail.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    id: "listAudit",
    method: Method::Get,
    path: "/audit",
    access: RequiredAccess::Scope(OperatorScope::AuditRead),
    summary: "The audit trail, latest first.",
    details: "",
    query: &[
        text("tenant", "Only acts on the tenant with this name."),
        text("actor", "Only acts of the actor with this name."),
        text(
            "action",
            "Only actions whose name begins with this, such as tenant. or token.issue.",
        ),
        Parameter {
            name: "since",
            kind: ParameterKind::Moment,
            summary: "Only acts from this time on.",
        },
        Parameter {
            name: "until",
            kind: ParameterKind::Moment,
            summary: "Only acts before this time.",
        },
        LIMIT,
        CURSOR,
    ],
    body: Body::Empty,
    answer: (200, Some("AuditPage")),
    problems: &[],
    check: None,
    handle: |call| Box::pin(list(call)),
}];

async fn list(call: Call) -> Result<Reply> {
    let place = call.place()?;
    let before = place
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|id| id.parse().ok());
    let text = |name: &str| call.parameter(name).map(str::to_owned);
    let query = AuditQuery {
        tenant: text("tenant"),
        among: call.tenants().map(<[String]>::to_vec),
        actor: text("actor"),
        action: text("action"),
        since: call.moment("since"),
        until: call.moment("until"),
        before,
        limit: call.limit() + 1,
    };
    let (rows, has_more) = cut(call.operator.audit(&query).await?, call.limit());
    let last = rows.last().map(|row| Value::from(row.id.to_string()));
    let items: Vec<_> = rows.iter().map(audit_as_json).collect();
    let next = last.filter(|_| has_more);
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}
