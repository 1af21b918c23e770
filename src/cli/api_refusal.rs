//! The refusal of an operation: a problem (RFC 9457), or a SCIM error.

use crate::admin_api::{Problem, ProblemType};
use crate::error::ScimError;
use serde_json::Value;
use std::error::Error;
use std::iter::successors;

/// The prefix of the types of problems.
const PROBLEM: &str = "urn:scimd:problem:";

/// The refusal of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiRefusal {
    /// The type of the problem; `None` for one that is unknown in this version.
    pub(super) kind: Option<ProblemType>,
    /// The status of HTTP.
    pub(super) status: u16,
    /// The error and its remedy.
    pub(super) detail: String,
    /// The individual errors, if any: position and text.
    pub(super) faults: Vec<(String, String)>,
}

impl ApiRefusal {
    /// The refusal in a body.
    pub(super) fn of(status: u16, body: &Value) -> Self {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let kind = text("type").and_then(|uri| uri.strip_prefix(PROBLEM));
        let faults = body.get("errors").and_then(Value::as_array);
        let fault = |fault: &Value| {
            let member = |name: &str| fault.get(name).and_then(Value::as_str);
            let (pointer, detail) = (member("pointer"), member("detail"));
            (
                pointer.unwrap_or_default().to_owned(),
                detail.unwrap_or_default().to_owned(),
            )
        };
        Self {
            kind: kind.and_then(ProblemType::from_keyword),
            status,
            detail: text("detail").unwrap_or_default().to_owned(),
            faults: faults.into_iter().flatten().map(fault).collect(),
        }
    }

    /// Whether a retry can succeed.
    pub(super) fn is_away(&self) -> bool {
        self.status == 503
    }

    /// Whether the named object does not exist.
    pub(super) fn is_not_found(&self) -> bool {
        self.kind == Some(ProblemType::NotFound)
    }

    /// The error in one line.
    pub(super) fn summary(&self) -> String {
        let place = |pointer: &str| match pointer.trim_start_matches('/') {
            "" => String::new(),
            name => format!("{name}: "),
        };
        match self.faults.as_slice() {
            // The text about a value does not contain its name.
            [(pointer, detail)] if detail.starts_with("The value") => {
                return format!("{}{detail}", place(pointer));
            }
            [] | [_] => return self.detail.clone(),
            _ => {}
        }
        let faults = self.faults.iter();
        let faults = faults.map(|(pointer, detail)| format!("{}{detail}", place(pointer)));
        let faults: Vec<_> = faults.collect();
        format!("{} errors: {}", faults.len(), faults.join(" "))
    }
}

impl From<Problem> for ApiRefusal {
    fn from(problem: Problem) -> Self {
        let cause = problem.cause.as_deref();
        let error = cause.and_then(|cause| cause.downcast_ref::<ScimError>());
        let faults = problem.faults.into_iter();
        Self {
            kind: Some(problem.kind),
            status: problem.status,
            // An operator with access to the database may see the cause.
            detail: error.map_or(problem.detail, with_causes),
            faults: faults.map(|fault| (fault.pointer, fault.detail)).collect(),
        }
    }
}

/// An error with its cause, which only the operator may see.
pub(super) fn with_causes(error: &ScimError) -> String {
    let mut causes: Vec<_> = successors(error.source(), |cause: &&dyn Error| (*cause).source())
        .map(ToString::to_string)
        .collect();
    // Some errors repeat their cause.
    causes.dedup_by(|cause, above| above.ends_with(cause.as_str()));
    // The text for clients does not describe an internal error.
    match (error.status(), causes.is_empty()) {
        (_, true) => error.to_string(),
        (500, _) => causes.join(": "),
        _ => format!("{error} ({})", causes.join(": ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_faults_are_printed() {
        let body = json!({
            "type": "urn:scimd:problem:invalid-request",
            "detail": "The request has 2 errors; see errors.",
            "errors": [{"pointer": "/seats", "detail": "Too few."}, {"pointer": "", "detail": "No."}],
        });
        let refusal = ApiRefusal::of(400, &body);
        assert_eq!(refusal.kind, Some(ProblemType::InvalidRequest));
        assert_eq!(refusal.summary(), "2 errors: seats: Too few. No.");
        let unknown = ApiRefusal::of(418, &json!({"type": "about:blank", "detail": "No."}));
        assert_eq!((unknown.kind, unknown.summary().as_str()), (None, "No."));
    }
}
