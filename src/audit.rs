//! Actors and their acts: the content of a row of the audit trail.
//!
//! The statements of the store that manage tenants, tokens and schemas take an [`Actor`], and write the row in the
//! transaction of the act.

use crate::keyword::keywords;
use serde_json::{Map, Value};

keywords! {
    /// How an actor accesses the server.
    ActorKind {
        /// By a command, on a machine with access to the database.
        Cli = "cli",
        /// By an operator token of the management API.
        Operator = "operator",
    }
}

keywords! {
    /// The kinds of acts.
    AuditAction {
        /// A tenant was created.
        TenantCreate = "tenant.create",
        /// Settings of a tenant were changed.
        TenantChange = "tenant.change",
        /// A tenant was deleted with all its data.
        TenantDelete = "tenant.delete",
        /// A token of a tenant was issued.
        TokenIssue = "token.issue",
        /// A token of a tenant got a successor.
        TokenRotate = "token.rotate",
        /// A token of a tenant was revoked.
        TokenRevoke = "token.revoke",
        /// A schema was added or changed.
        SchemaPut = "schema.put",
        /// A schema was removed.
        SchemaRemove = "schema.remove",
        /// The recording of request bodies was started or ended.
        LogBodies = "log.bodies",
        /// An operator token was issued.
        OperatorIssue = "operator.issue",
        /// An operator token got a successor.
        OperatorRotate = "operator.rotate",
        /// An operator token was revoked.
        OperatorRevoke = "operator.revoke",
        /// Resources of a tenant were read through the management API.
        DirectoryRead = "directory.read",
        /// A user was deactivated.
        UserDeactivate = "user.deactivate",
        /// A user was deleted.
        UserDelete = "user.delete",
        /// A group was deleted.
        GroupDelete = "group.delete",
        /// A webhook was created.
        WebhookAdd = "webhook.add",
        /// Settings of a webhook were changed.
        WebhookChange = "webhook.change",
        /// A webhook was deleted.
        WebhookRemove = "webhook.remove",
        /// A webhook got a new secret.
        WebhookRotate = "webhook.rotate",
        /// Events of a webhook are sent again from a position.
        WebhookReplay = "webhook.replay",
        /// A webhook was paused.
        WebhookPause = "webhook.pause",
        /// A webhook was resumed.
        WebhookResume = "webhook.resume",
        /// Failed events of a webhook are retried.
        WebhookRetry = "webhook.retry",
        /// A test event was sent to a webhook.
        WebhookTest = "webhook.test",
        /// A stream was created.
        StreamAdd = "stream.add",
        /// A stream was deleted.
        StreamRemove = "stream.remove",
        /// Tokens of a stream are sent again from a position.
        StreamReplay = "stream.replay",
        /// A stream was paused.
        StreamPause = "stream.pause",
        /// A stream was resumed.
        StreamResume = "stream.resume",
        /// Failed tokens of a stream are retried.
        StreamRetry = "stream.retry",
        /// A test event was sent to a stream.
        StreamTest = "stream.test",
        /// The next key of an algorithm became the signing key of security event tokens.
        KeyRotate = "key.rotate",
        /// The resources of a tenant were exported.
        Export = "export",
        /// Resources were imported into a tenant.
        Import = "import",
    }
}

/// The author of an act, and its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    /// The kind of access.
    pub(crate) kind: ActorKind,
    /// Public id of the operator token; for a command, its host.
    pub(crate) id: String,
    /// Name of the operator token; for a command, the user of the system.
    pub(crate) name: String,
    /// Address of the client, if known.
    pub(crate) address: Option<String>,
    /// Id of the request, if any.
    pub(crate) request: Option<String>,
}

impl Actor {
    /// The user of the system who runs a command on a host.
    pub(crate) fn cli(user: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::Cli,
            id: host.into(),
            name: user.into(),
            address: None,
            request: None,
        }
    }
}

/// The content of one act: names of settings with their old and new values, never secrets or values of resources.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AuditEntry {
    /// The kind of act.
    pub(crate) action: AuditAction,
    /// Name of the affected tenant; `None` for all tenants or none.
    pub(crate) tenant: Option<String>,
    /// The affected object within the tenant: the id of a token or resource, the URN of a schema.
    pub(crate) target: Option<String>,
    /// Names of settings with their old and new values.
    pub(crate) changes: Map<String, Value>,
}

impl AuditEntry {
    /// An act without details.
    pub(crate) fn new(action: AuditAction) -> Self {
        Self {
            action,
            tenant: None,
            target: None,
            changes: Map::new(),
        }
    }

    /// The entry of an act in a tenant.
    #[must_use]
    pub(crate) fn in_tenant(self, name: &str) -> Self {
        Self {
            tenant: Some(name.to_owned()),
            ..self
        }
    }

    /// The entry of an act on an object.
    #[must_use]
    pub(crate) fn on(self, target: &str) -> Self {
        Self {
            target: Some(target.to_owned()),
            ..self
        }
    }

    /// The entry with the old and new value of a setting; unchanged if they are equal.
    #[must_use]
    pub(crate) fn changing(
        mut self,
        setting: &str,
        before: impl Into<Value>,
        after: impl Into<Value>,
    ) -> Self {
        let (before, after) = (before.into(), after.into());
        if before != after {
            let values = Value::Array(vec![before, after]);
            self.changes.insert(setting.to_owned(), values);
        }
        self
    }
}
