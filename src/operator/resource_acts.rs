//! Changes of the resources of a tenant by an operator: each has a row of the audit trail, in its transaction.

use crate::access::{Caller, answered};
use crate::audit::{AuditAction, AuditEntry};
use crate::error::ScimError;
use crate::model::TypeRoles;
use crate::operator::acting::Once;
use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::patch::PATCH_OP;
use crate::protocol::{Precondition, ScimReply, UpdateRequest, View};
use crate::schema::ResourceType;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The kind of resource to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletable {
    /// A resource of the type with seats.
    User,
    /// A resource of the type with members.
    Group,
}

impl Deletable {
    fn action(self) -> AuditAction {
        match self {
            Self::User => AuditAction::UserDelete,
            Self::Group => AuditAction::GroupDelete,
        }
    }

    /// The resource type in the schemas of a caller's tenant.
    fn of(self, caller: &Caller) -> Result<Arc<ResourceType>> {
        let found = caller.catalog.resource_types().iter().find(|kind| {
            let attribute = match self {
                Self::User => kind.seat(),
                Self::Group => kind.members(),
            };
            attribute.is_some()
        });
        let missing = || ScimError::not_found("The tenant has no resources of this type.").into();
        found.cloned().ok_or_else(missing)
    }
}

impl Operator {
    /// Deactivates a user of a tenant like an identity provider; returns the user in this view. An inactive user is
    /// unchanged, which is not an act. The response of `once` is stored for repetitions of the request.
    ///
    /// # Errors
    /// 404 for an unknown tenant or user.
    pub(crate) async fn deactivate_user(
        &self,
        (tenant, id): (&str, &str),
        view: &View,
        once: Option<Once<'_, ()>>,
    ) -> Result<ScimReply> {
        let entry = AuditEntry::new(AuditAction::UserDeactivate).in_tenant(tenant);
        let caller = self.acting_caller(tenant, entry.on(id), once).await?;
        let kind = Deletable::User.of(&caller)?;
        let seat = kind.seat().map(|attribute| attribute.name().to_string());
        let request = UpdateRequest {
            id,
            body: inactive(&seat.unwrap_or_default()),
            view,
            precondition: &Precondition::default(),
        };
        let modified = self.service.modify(&caller, &kind, &request).await;
        let reply = answered(modified)?;
        if let Some(once) = once {
            // Without a change, no response was stored with it.
            self.keep_answer(once.key, &(once.answer)(&())).await?;
        }
        Ok(reply)
    }

    /// Deletes a user or a group with its memberships.
    ///
    /// # Errors
    /// 404 for an unknown tenant or resource.
    pub(crate) async fn delete_resource(
        &self,
        tenant: &str,
        what: Deletable,
        id: &str,
    ) -> Result<()> {
        let entry = AuditEntry::new(what.action()).in_tenant(tenant).on(id);
        let caller = self.acting_caller(tenant, entry, None).await?;
        let kind = what.of(&caller)?;
        let condition = Precondition::default();
        let deleted = self.service.delete(&caller, &kind, id, &condition).await;
        Ok(answered(deleted).map(|_| ())?)
    }
}

/// The PATCH request of an identity provider that deactivates a user (RFC 7644 section 3.5.2).
fn inactive(seat: &str) -> Map<String, Value> {
    let operation = json!({"op": "replace", "path": seat, "value": false});
    let members = [
        ("schemas", json!([PATCH_OP])),
        ("Operations", json!([operation])),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
