//! Users and groups of a tenant: reading with SCIM, and the few writes of an operator.

use crate::admin_api::call::{Call, Reply};
use crate::admin_api::operation::{Access, Body, Method, Operation};
use crate::admin_api::problem::Result;
use crate::audit::{AuditAction, AuditEntry};
use crate::scim_api::{self, HttpSettings};
use crate::service::{Deletable, OperatorScope, View};
use crate::sync::locked;
use std::sync::Arc;

const READ: Access = Access::Scope(OperatorScope::DirectoryRead);
const WRITE: Access = Access::Scope(OperatorScope::DirectoryWrite);

/// A SCIM operation.
const fn scim(
    (id, method, path): (&'static str, Method, &'static str),
    summary: &'static str,
) -> Operation {
    Operation {
        id,
        method,
        path,
        access: READ,
        summary,
        details: "Query, answer and errors are those of SCIM (RFC 7644).",
        query: &[],
        body: Body::Scim,
        answer: (200, Some("ScimAnswer")),
        problems: &[],
        handle: |call| Box::pin(read(call)),
    }
}

/// A write of an operator.
const fn write(
    (id, method, path): (&'static str, Method, &'static str),
    summary: &'static str,
    handle: fn(Call) -> crate::admin_api::operation::Answering,
) -> Operation {
    Operation {
        id,
        method,
        path,
        access: WRITE,
        summary,
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (204, None),
        problems: &[],
        handle,
    }
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
    write(
        (
            "deactivateUser",
            Method::Post,
            "/tenants/{tenant}/users/{id}/deactivate",
        ),
        "Deactivates a user, as an identity provider would.",
        |call| Box::pin(deactivate(call)),
    ),
    write(
        ("deleteUser", Method::Delete, "/tenants/{tenant}/users/{id}"),
        "Deletes a user with all memberships.",
        |call| Box::pin(delete(call, Deletable::User)),
    ),
    write(
        (
            "deleteGroup",
            Method::Delete,
            "/tenants/{tenant}/groups/{id}",
        ),
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
    // Whoever has the database reads it as it likes.
    if call.caller.is_some() {
        call.operator.record(&entry).await?;
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
    call.operator.deactivate_user(tenant, id, &view).await?;
    Ok(Reply::Empty)
}

async fn delete(call: Call, what: Deletable) -> Result<Reply> {
    let (tenant, id) = (call.tenant(), call.segment("id"));
    call.operator.delete_resource(tenant, what, id).await?;
    Ok(Reply::Empty)
}
