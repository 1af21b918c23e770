//! A row of the audit trail as JSON: one shape for commands and for the management API.

use crate::store::AuditRow;
use serde_json::{Value, json};

/// A row of the audit trail.
pub fn audit_as_json(row: &AuditRow) -> Value {
    let changes = row.changes.as_deref();
    let changes = changes.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let [kind, id, name] = &row.actor;
    json!({
        "id": row.id.to_string(),
        "time": row.at.to_string(),
        "actor": {"kind": kind, "id": id, "name": name},
        "address": row.address,
        "action": row.action,
        "tenant": row.tenant,
        "target": row.target,
        "changes": changes.unwrap_or_else(|| json!({})),
        "request": row.request,
    })
}
