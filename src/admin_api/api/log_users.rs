//! The users of requests in the provisioning log: by id, or by a reference that does not contain the name.

use crate::admin_api::call::{Call, Reply, fault, invalid};
use crate::admin_api::operation::{Body, Method, Operation, RequiredAccess};
use crate::admin_api::problem::{FieldError, Result};
use crate::store::{LoggedUser, OperatorScope};
use serde_json::json;
use uuid::Uuid;

/// The operations for users of requests.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    id: "findLoggedUser",
    method: Method::Post,
    path: "/tenants/{tenant}/log/users",
    access: RequiredAccess::Scope(OperatorScope::LogRead),
    summary: "The reference of a user for the parameter user of the log, by userName.",
    details: "URLs end up in logs of proxies, so they do not contain user names. The user may be a refused or deleted one.",
    query: &[],
    body: Body::Json("LoggedUserFind"),
    answer: (200, Some("LoggedUser")),
    problems: &[],
    check: None,
    handle: |call| Box::pin(find_user(call)),
}];

/// The user to whom a list or stream is limited: by id or by reference.
pub(super) async fn user(call: &Call) -> Result<Option<LoggedUser>> {
    let Some(user) = call.parameter("user") else {
        return Ok(None);
    };
    let (tenant, operator) = (call.tenant(), &call.operator);
    if Uuid::parse_str(user).is_ok() {
        return Ok(Some(operator.logged_user(tenant, user).await?));
    }
    match operator.referred_user(tenant, user).await? {
        Some(user) => Ok(Some(user)),
        None => Err(invalid("user", NO_REFERENCE)),
    }
}

const NO_REFERENCE: &str = "Use an id, or the reference that POST …/log/users returns for a userName: user names do not belong in URLs.";

/// The error of the parameter `user`.
pub(super) async fn check_user(call: &Call) -> Result<Vec<FieldError>> {
    let text = call.parameter("user");
    let Some(text) = text.filter(|text| Uuid::parse_str(text).is_err()) else {
        return Ok(Vec::new());
    };
    if call.operator.is_user_reference(call.tenant(), text).await? {
        return Ok(Vec::new());
    }
    Ok(vec![fault("user", NO_REFERENCE)])
}

async fn find_user(call: Call) -> Result<Reply> {
    let name = call.text("userName").unwrap_or_default();
    let (reference, id) = call.operator.refer_to_user(call.tenant(), name).await?;
    Ok(Reply::ok(json!({"user": reference, "id": id})))
}
