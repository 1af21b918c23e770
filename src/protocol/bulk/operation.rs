//! One operation of a bulk request: reading it, and executing it like a separate request.

use super::order::endpoint_in;
use crate::access::{Caller, answered};
use crate::error::{ErrorStatus, Result, ScimError};
use crate::messages::{BulkMethod, BulkOperation};
use crate::protocol::{Precondition, ScimReply, Service, Tags, UpdateRequest, View};
use crate::reason::Reason;
use serde_json::Value;
use std::collections::HashSet;

/// The operations, each with a bulkId that no earlier one has (RFC 7644 section 3.7: it is "unique within a bulk
/// request").
pub(super) fn read(sent: &[Value]) -> Vec<Result<BulkOperation>> {
    let mut seen = HashSet::new();
    let each = sent.iter().map(|sent| {
        let operation = BulkOperation::read(sent)?;
        match &operation.bulk_id {
            Some(bulk_id) if !seen.insert(bulk_id.clone()) => {
                let detail = format!(
                    "bulkId \"{bulk_id}\" is used by another operation of this request already."
                );
                Err(ScimError::invalid_value(detail)
                    .logged_as("A bulkId is used twice in the request."))
            }
            _ => Ok(operation),
        }
    });
    each.collect()
}

/// An operation without a body.
pub(super) fn on(method: BulkMethod, path: String) -> BulkOperation {
    BulkOperation {
        method,
        bulk_id: None,
        path,
        version: None,
        data: serde_json::Map::new(),
    }
}

/// The error for a resource whose creation could not be undone.
pub(super) fn left_over(error: &ScimError) -> ScimError {
    ScimError::new(
        ErrorStatus::CONFLICT,
        format!(
            "{} The resource was created without it and still exists: complete or delete it.",
            error.detail()
        ),
    )
    .because(Reason::ReferenceUnresolved)
    .logged_as("A resource was created without its references and could not be removed.")
}

/// The error for a bulkId without a resource.
pub(super) fn unresolved(bulk_id: &str) -> ScimError {
    ScimError::new(
        ErrorStatus::CONFLICT,
        format!("bulkId \"{bulk_id}\" cannot be resolved: no resource was created with it."),
    )
    .because(Reason::ReferenceUnresolved)
    .logged_as("A bulkId cannot be resolved: no resource was created with it.")
}

/// Executes an operation whose references are resolved.
pub(super) async fn carry_out(
    service: &Service,
    caller: &Caller,
    operation: BulkOperation,
) -> Result<ScimReply> {
    let (resource_type, id) = endpoint_in(caller, &operation.path)?;
    let view = View::default();
    let if_match = operation.version.as_deref().map(Tags::parse);
    let precondition = Precondition {
        if_match,
        if_none_match: None,
    };
    let without_id = || {
        ScimError::invalid_value(
            "\"path\" of this operation must name a resource: the endpoint, a slash and the id.",
        )
    };
    match (operation.method, id) {
        (BulkMethod::Post, None) => answered(
            service
                .create(caller, &resource_type, operation.data, &view)
                .await,
        ),
        (BulkMethod::Post, Some(_)) => Err(ScimError::invalid_value(
            "\"path\" of a POST operation must be the endpoint of a resource type.",
        )),
        (method @ (BulkMethod::Put | BulkMethod::Patch), id) => {
            let id = id.ok_or_else(without_id)?;
            let request = UpdateRequest {
                id: &id,
                body: operation.data,
                view: &view,
                precondition: &precondition,
            };
            answered(match method {
                BulkMethod::Put => service.replace(caller, &resource_type, &request).await,
                _ => service.modify(caller, &resource_type, &request).await,
            })
        }
        (BulkMethod::Delete, id) => {
            let id = id.ok_or_else(without_id)?;
            answered(
                service
                    .delete(caller, &resource_type, &id, &precondition)
                    .await,
            )
        }
    }
}
