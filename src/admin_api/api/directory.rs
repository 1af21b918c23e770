//! Users and groups of a tenant: reading with SCIM, and the few writes of an operator.

use crate::admin_api::call::{Call, NOTHING, Reply};
use crate::admin_api::operation::{Body, Method, Operation, Place, RequiredAccess};
use crate::admin_api::problem::Result;
use crate::audit::{AuditAction, AuditEntry};
use crate::operator::Deletable;
use crate::protocol::View;
use crate::scim_api::{self, HttpSettings};
use crate::store::OperatorScope;
use crate::sync::locked;
use std::sync::Arc;

const READ: RequiredAccess = RequiredAccess::Scope(OperatorScope::DirectoryRead);
const WRITE: RequiredAccess = RequiredAccess::Scope(OperatorScope::DirectoryWrite);

/// A SCIM operation.
const fn scim(place: Place, summary: &'static str) -> Operation {
    Operation::new(place, READ, summary, |call| Box::pin(read(call)))
        .detailed("Query, response and errors are those of SCIM (RFC 7644).")
        .taking(Body::Scim)
        .giving(200, "ScimAnswer")
}

/// The operations for reading resources.
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
        |call| Box::pin(delete(call, Deletable::User)),
    ),
    Operation::new(
        (
            "deleteGroup",
            Method::Delete,
            "/tenants/{tenant}/groups/{id}",
        ),
        WRITE,
        "Deletes a group.",
        |call| Box::pin(delete(call, Deletable::Group)),
    ),
];

async fn read(call: Call) -> Result<Reply> {
    let tenant = call.tenant();
    let (endpoint, id) = (call.segment("type"), call.segment("id"));
    let entry = AuditEntry::new(AuditAction::DirectoryRead).in_tenant(tenant);
    let entry = if id.is_empty() { entry } else { entry.on(id) };
    let caller = call.operator.caller_in(tenant).await?;
    // An operator with access to the database has no limit.
    if call.caller.is_some() {
        call.operator.record_read(entry).await?;
    }
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

async fn deactivate(call: Call) -> Result<Reply> {
    let (tenant, id) = (call.tenant(), call.segment("id"));
    let view = View::default();
    let once = call.keeping(&NOTHING);
    let deactivated = call.operator.deactivate_user((tenant, id), &view, once);
    deactivated.await?;
    Ok(Reply::Empty)
}

async fn delete(call: Call, what: Deletable) -> Result<Reply> {
    let (tenant, id) = (call.tenant(), call.segment("id"));
    call.operator.delete_resource(tenant, what, id).await?;
    Ok(Reply::Empty)
}
