//! Users and groups of a tenant: reading with SCIM, and the few writes of an operator.

use crate::admin_api::call::{Call, NOTHING, Reply};
use crate::admin_api::operation::{Access, Body, Method, Operation, Place};
use crate::admin_api::problem::{Problem, Result};
use crate::audit::{AuditAction, AuditEntry};
use crate::model::TypeRoles;
use crate::patch::PATCH_OP;
use crate::schema::{Catalog, ResourceType};
use crate::scim_api::{self, HttpSettings};
use crate::service::{OperatorScope, Precondition, UpdateRequest, View, answered};
use crate::sync::locked;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const READ: Access = Access::Scope(OperatorScope::DirectoryRead);
const WRITE: Access = Access::Scope(OperatorScope::DirectoryWrite);

/// A SCIM operation.
const fn scim(place: Place, summary: &'static str) -> Operation {
    Operation::new(place, READ, summary, |call| Box::pin(read(call)))
        .detailed("Query, answer and errors are those of SCIM (RFC 7644).")
        .taking(Body::Scim)
        .giving(200, "ScimAnswer")
}

pub(crate) const OPERATIONS: &[Operation] = &[
    scim(
        (
            "listResources",
            Method::Get,
            "/tenants/{tenant}/scim/{type}",
        ),
        "Lists resources of a type, such as Users, with filter, sorting and paging.",
    ),
    scim(
        (
            "readResource",
            Method::Get,
            "/tenants/{tenant}/scim/{type}/{id}",
        ),
        "Reads one resource.",
    ),
    scim(
        (
            "searchResources",
            Method::Post,
            "/tenants/{tenant}/scim/{type}/.search",
        ),
        "Lists resources of a type by a SearchRequest.",
    ),
    scim(
        ("searchAll", Method::Post, "/tenants/{tenant}/scim/.search"),
        "Lists resources of all types by a SearchRequest.",
    ),
    Operation::new(
        (
            "deactivateUser",
            Method::Post,
            "/tenants/{tenant}/users/{id}/deactivate",
        ),
        WRITE,
        "Deactivates a user, as an identity provider would.",
        |call| Box::pin(deactivate(call)),
    ),
    Operation::new(
        ("deleteUser", Method::Delete, "/tenants/{tenant}/users/{id}"),
        WRITE,
        "Deletes a user with all memberships.",
        |call| Box::pin(delete(call, true)),
    ),
    Operation::new(
        (
            "deleteGroup",
            Method::Delete,
            "/tenants/{tenant}/groups/{id}",
        ),
        WRITE,
        "Deletes a group.",
        |call| Box::pin(delete(call, false)),
    ),
];

async fn read(call: Call) -> Result<Reply> {
    let tenant = call.tenant();
    let (endpoint, id) = (call.segment("type"), call.segment("id"));
    let entry = AuditEntry::new(AuditAction::DirectoryRead).in_tenant(tenant);
    let entry = if id.is_empty() { entry } else { entry.on(id) };
    let caller = call.operator.caller_in(tenant).await?;
    call.operator.record(entry).await?;
    let upload = locked(&call.upload).take();
    let read = scim_api::Reading {
        endpoint: Some(endpoint).filter(|endpoint| !endpoint.is_empty()),
        id: Some(id).filter(|id| !id.is_empty()),
        head: call.head.clone(),
        settings: Arc::new(HttpSettings::default()),
    };
    let answered = scim_api::read_for_operator(call.operator.service(), &caller, read, upload);
    Ok(Reply::Ready(Box::new(answered.await)))
}

/// The type of users, which take seats, or that of groups, which have members.
fn type_of(catalog: &Catalog, is_user: bool) -> Option<Arc<ResourceType>> {
    let found = catalog.resource_types().iter().find(|kind| {
        if is_user {
            kind.seat().is_some()
        } else {
            kind.members().is_some()
        }
    });
    found.cloned()
}

async fn deactivate(call: Call) -> Result<Reply> {
    let id = call.segment("id");
    let entry = AuditEntry::new(AuditAction::UserDeactivate).in_tenant(call.tenant());
    let caller = call
        .operator
        .acting_caller(call.tenant(), entry.on(id), call.keeping(&NOTHING))
        .await?;
    let kind = type_of(&caller.catalog, true).ok_or_else(no_type)?;
    let seat = kind.seat().map(|attribute| attribute.name().to_string());
    let seat = seat.ok_or_else(no_type)?;
    let view = View::default();
    let request = UpdateRequest {
        id,
        body: inactive(&seat),
        view: &view,
        precondition: &Precondition::default(),
    };
    let modified = call
        .operator
        .service()
        .modify(&caller, &kind, &request)
        .await;
    answered(modified)?;
    if let Some(once) = &call.once {
        // A user who was inactive before is not changed, and then no answer was kept with a change.
        call.operator.keep_answer(once, &NOTHING(&())).await?;
    }
    Ok(Reply::Empty)
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

fn no_type() -> Problem {
    Problem::not_found("The tenant has no resources of this type.")
}

async fn delete(call: Call, is_user: bool) -> Result<Reply> {
    let id = call.segment("id");
    let action = if is_user {
        AuditAction::UserDelete
    } else {
        AuditAction::GroupDelete
    };
    let entry = AuditEntry::new(action).in_tenant(call.tenant()).on(id);
    let caller = call
        .operator
        .acting_caller(call.tenant(), entry, None)
        .await?;
    let kind = type_of(&caller.catalog, is_user).ok_or_else(no_type)?;
    let condition = Precondition::default();
    let deleted = call
        .operator
        .service()
        .delete(&caller, &kind, id, &condition);
    answered(deleted.await)?;
    Ok(Reply::Empty)
}
