//! The message of a bulk request, and the result of an operation.

use crate::error::{Result, ScimError};
use crate::protocol::Reply;
use crate::resource::{Conformance, message, tolerance};
use serde_json::{Map, Value, json};

const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// A bulk request.
#[derive(Debug)]
pub(super) struct Job {
    /// Errors after which the rest is left undone.
    pub(super) fail_on_errors: Option<usize>,
    /// The operations as they were sent.
    pub(super) operations: Vec<Value>,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

/// An operation that has the shape of one.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) bulk_id: Option<String>,
    /// Below the base URL, with a slash in front.
    pub(super) path: String,
    pub(super) version: Option<String>,
    pub(super) data: Map<String, Value>,
}

impl Job {
    /// Reads the message.
    ///
    /// # Errors
    /// 400 `invalidSyntax` or `invalidValue`, 413 for more operations than `most`.
    pub(super) fn read(
        body: Map<String, Value>,
        most: usize,
        conformance: Conformance,
    ) -> Result<Self> {
        let (mut schemas, mut fail_on_errors, mut operations) = (None, None, None);
        for (name, value) in body {
            match name.to_ascii_lowercase().as_str() {
                "schemas" => schemas = Some(value),
                "failonerrors" => fail_on_errors = Some(value),
                "operations" => operations = Some(value),
                _ => {}
            }
        }
        message::check_schemas(schemas.as_ref(), BULK_REQUEST, conformance)?;
        let Some(Value::Array(operations)) = operations else {
            return Err(ScimError::invalid_syntax(
                "\"Operations\" must be an array of operations.",
            ));
        };
        if operations.len() > most {
            return Err(ScimError::too_large(format!(
                "The request has {} operations; at most {most} are allowed (maxOperations).",
                operations.len()
            )));
        }
        let is_absent =
            |value: &Value| conformance.is_lenient() && tolerance::no_limit_of_errors(value);
        let fail_on_errors = fail_on_errors.filter(|value| !is_absent(value));
        Ok(Self {
            fail_on_errors: fail_on_errors.map(positive).transpose()?.flatten(),
            operations,
        })
    }
}

fn positive(value: Value) -> Result<Option<usize>> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) if number.as_u64().is_some_and(|n| n > 0) => Ok(number
            .as_u64()
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX))),
        _ => Err(ScimError::invalid_syntax(
            "\"failOnErrors\" must be a whole number of at least 1.",
        )),
    }
}

impl Operation {
    /// Reads an operation.
    ///
    /// # Errors
    /// 400 `invalidSyntax` or `invalidValue` for this operation alone.
    pub(super) fn read(value: &Value) -> Result<Self> {
        let Value::Object(members) = value else {
            return Err(ScimError::invalid_syntax("An operation must be an object."));
        };
        let member = |name: &str| {
            members
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        let text = |name: &str| match member(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(ScimError::invalid_syntax(format!(
                "\"{name}\" of an operation must be a string."
            ))),
        };
        let method = match text("method")?
            .unwrap_or_default()
            .to_ascii_uppercase()
            .as_str()
        {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            other => {
                let detail =
                    format!("\"method\" must be POST, PUT, PATCH or DELETE, not \"{other}\".");
                return Err(ScimError::invalid_value(detail));
            }
        };
        let path = text("path")?
            .ok_or_else(|| ScimError::invalid_value("\"path\" of the operation is missing."))?;
        let bulk_id = text("bulkId")?.filter(|id| !id.is_empty());
        if method == Method::Post && bulk_id.is_none() {
            return Err(ScimError::invalid_value(
                "\"bulkId\" is required of a POST operation.",
            ));
        }
        let data = match (member("data"), method) {
            (Some(Value::Object(data)), _) => data.clone(),
            (_, Method::Delete) => Map::new(),
            _ => {
                return Err(ScimError::invalid_syntax(
                    "\"data\" of the operation must be an object.",
                ));
            }
        };
        let path = format!("/{}", path.trim_start_matches('/'));
        Ok(Self {
            method,
            bulk_id,
            path,
            version: text("version")?.filter(|version| !version.is_empty()),
            data,
        })
    }
}

/// The entry of an operation in the answer; `location` for one that failed.
pub(super) fn result(
    sent: &Value,
    outcome: Result<&Reply, &ScimError>,
    location: Option<String>,
) -> Value {
    let mut entry = Map::new();
    for name in ["method", "bulkId"] {
        let found = sent.as_object().and_then(|members| {
            members
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
        });
        if let Some((_, Value::String(text))) = found {
            entry.insert(name.into(), text.as_str().into());
        }
    }
    match outcome {
        Ok(reply) => {
            entry.extend(
                reply
                    .location
                    .clone()
                    .or(location)
                    .map(|location| ("location".to_owned(), location.into())),
            );
            entry.extend(
                reply
                    .etag
                    .clone()
                    .map(|version| ("version".to_owned(), version.into())),
            );
            entry.insert("status".into(), reply.status.to_string().into());
        }
        Err(error) => {
            entry.extend(location.map(|location| ("location".to_owned(), location.into())));
            entry.insert("status".into(), error.status().to_string().into());
            entry.insert("response".into(), error_body(error));
        }
    }
    Value::Object(entry)
}

fn error_body(error: &ScimError) -> Value {
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "detail": error.detail(),
        "status": error.status().to_string(),
    });
    if let (Some(members), Some(scim_type)) = (body.as_object_mut(), error.scim_type()) {
        members.insert("scimType".into(), scim_type.as_str().into());
    }
    body
}
