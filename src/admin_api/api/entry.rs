//! The entry of the API, with the caller.

use crate::admin_api::call::{Call, Reply};
use crate::admin_api::operation::{BASE, Body, Method, Operation, RequiredAccess};
use crate::admin_api::problem::Result;
use serde_json::json;

/// The operations for the entry page.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "getEntry",
        method: Method::Get,
        path: "",
        access: RequiredAccess::AnyOperator,
        summary: "The caller, the version of the server, and its URLs.",
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (200, Some("Entry")),
        problems: &[],
        check: None,
        handle: |call| Box::pin(entry(call)),
    },
    Operation {
        id: "getOpenApi",
        method: Method::Get,
        path: "/openapi.json",
        access: RequiredAccess::Public,
        summary: "This API as an OpenAPI 3.1 document.",
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (200, Some("OpenApi")),
        problems: &[],
        check: None,
        handle: |call| Box::pin(document(call)),
    },
];

async fn entry(call: Call) -> Result<Reply> {
    let caller = call.caller.as_deref();
    let scopes = caller.map(|caller| {
        let scopes = caller.scopes();
        scopes
            .iter()
            .map(|scope| scope.as_str())
            .collect::<Vec<_>>()
    });
    Ok(Reply::ok(json!({
        "name": caller.map(|caller| &caller.name),
        "role": caller.map(|caller| caller.role.as_str()),
        "scopes": scopes,
        "tenants": caller.and_then(|caller| caller.tenants.clone()),
        "version": env!("CARGO_PKG_VERSION"),
        "links": {
            "tenants": format!("{BASE}/tenants"),
            "openapi": format!("{BASE}/openapi.json"),
            "reference": "/api/docs",
        },
    })))
}

async fn document(call: Call) -> Result<Reply> {
    Ok(Reply::ok(call.api.document.clone()))
}
