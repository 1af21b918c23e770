//! The mapping of the directory that the application reads with SQL.

use crate::admin_api::call::{Call, Reply};
use crate::admin_api::operation::{Body, Method, Operation, RequiredAccess};
use crate::admin_api::problem::{Problem, Result};
use crate::error::ScimError;
use crate::operator::{directory_state_word, mapping_as_json, undeclared_text};
use crate::store::OperatorScope;

/// The operations for the directory mapping.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    id: "getMapping",
    method: Method::Get,
    path: "/mapping",
    access: RequiredAccess::Scope(OperatorScope::TenantsRead),
    summary: "Columns, attribute paths and SQL of the directory views, and the result of the check of the mapping.",
    details: "",
    query: &[],
    body: Body::Empty,
    answer: (200, Some("Mapping")),
    problems: &[],
    check: None,
    handle: |call| Box::pin(get(call)),
}];

async fn get(call: Call) -> Result<Reply> {
    let directory = call.api.config.directory();
    let directory = directory.map_err(|error| Problem::from(ScimError::internal(error)))?;
    let views = call.operator.views(&directory).await?;
    let state = call.operator.directory_state(&directory).await?;
    let undeclared = call.operator.undeclared(&directory).await?;
    let mut shown = mapping_as_json(&directory, &views);
    shown["state"] = directory_state_word(state).into();
    shown["undeclared"] = undeclared.iter().map(undeclared_text).collect();
    Ok(Reply::ok(shown))
}
