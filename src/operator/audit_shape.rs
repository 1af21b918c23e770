//! A row of the audit trail as JSON: one shape for commands and for the management API.

use crate::store::AuditRow;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The JSON form of a row of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AuditShape {
    /// Id of the row.
    pub(crate) id: String,
    /// Time of the act.
    pub(crate) time: String,
    /// The actor.
    pub(crate) actor: ActorShape,
    /// Address of the client.
    pub(crate) address: Option<String>,
    /// The action, a keyword.
    pub(crate) action: String,
    /// Name of the affected tenant.
    pub(crate) tenant: Option<String>,
    /// The affected object.
    pub(crate) target: Option<String>,
    /// Settings with old and new values.
    pub(crate) changes: Value,
    /// Id of the request.
    pub(crate) request: Option<String>,
}

/// The JSON form of an actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActorShape {
    /// A command, an operator token or the server.
    pub(crate) kind: String,
    /// Id of the operator token, or the host of the command.
    pub(crate) id: String,
    /// Name of the operator token, or of the user.
    pub(crate) name: String,
}

/// A row of the audit trail as JSON.
pub(crate) fn audit_as_json(row: &AuditRow) -> Value {
    let changes = row.changes.as_deref();
    let changes = changes.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let [kind, id, name] = row.actor.clone();
    let shape = AuditShape {
        id: row.id.to_string(),
        time: row.at.to_string(),
        actor: ActorShape { kind, id, name },
        address: row.address.clone(),
        action: row.action.clone(),
        tenant: row.tenant.clone(),
        target: row.target.clone(),
        changes: changes.unwrap_or_else(|| json!({})),
        request: row.request.clone(),
    };
    // Serializing texts cannot fail.
    serde_json::to_value(shape).unwrap_or_default()
}
