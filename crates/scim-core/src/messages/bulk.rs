//! The BulkRequest and BulkResponse messages (RFC 7644 section 3.7).

use super::error::ErrorMessage;
use super::schemas::check_schemas;
use super::urn::{BULK_REQUEST, BULK_RESPONSE};
use crate::error::{Error, Result};
use crate::resource::{Conformance, tolerance};
use serde_json::{Map, Value, json};

/// A bulk request.
#[derive(Debug)]
pub struct BulkRequest {
    /// Number of errors after which the remaining operations are not executed.
    pub fail_on_errors: Option<usize>,
    /// The raw operations.
    pub operations: Vec<Value>,
}

/// The method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkMethod {
    /// POST: a resource is created.
    Post,
    /// PUT: a resource is replaced.
    Put,
    /// PATCH: a resource is modified.
    Patch,
    /// DELETE: a resource is deleted.
    Delete,
}

/// A well-formed operation.
#[derive(Debug, Clone)]
pub struct BulkOperation {
    /// The method.
    pub method: BulkMethod,
    /// The identifier by which other operations refer to the resource; required for a POST.
    pub bulk_id: Option<String>,
    /// Path below the base URL, with a leading slash.
    pub path: String,
    /// The required entity tag of the resource.
    pub version: Option<String>,
    /// The body; empty for a DELETE.
    pub data: Map<String, Value>,
}

impl BulkRequest {
    /// Reads the message; each operation is read by [`BulkOperation::read`], so that an invalid one does not fail the
    /// others.
    ///
    /// # Errors
    /// [`InvalidSyntax`](crate::error::ErrorKind::InvalidSyntax) or
    /// [`InvalidValue`](crate::error::ErrorKind::InvalidValue) for a wrong structure,
    /// [`TooLarge`](crate::error::ErrorKind::TooLarge) for more operations than `max`.
    pub fn read(body: Map<String, Value>, max: usize, conformance: Conformance) -> Result<Self> {
        let (mut schemas, mut fail_on_errors, mut operations) = (None, None, None);
        for (name, value) in body {
            match name.to_ascii_lowercase().as_str() {
                "schemas" => schemas = Some(value),
                "failonerrors" => fail_on_errors = Some(value),
                "operations" => operations = Some(value),
                _ => {}
            }
        }
        check_schemas(schemas.as_ref(), BULK_REQUEST, conformance)?;
        let Some(Value::Array(operations)) = operations else {
            return Err(Error::invalid_syntax(
                "\"Operations\" must be an array of operations.",
            ));
        };
        if operations.len() > max {
            return Err(Error::too_large(format!(
                "The request has {} operations; at most {max} are allowed (maxOperations).",
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
        _ => Err(Error::invalid_syntax(
            "\"failOnErrors\" must be a whole number of at least 1.",
        )),
    }
}

impl BulkOperation {
    /// Reads an operation.
    ///
    /// # Errors
    /// [`InvalidSyntax`](crate::error::ErrorKind::InvalidSyntax) or
    /// [`InvalidValue`](crate::error::ErrorKind::InvalidValue), for this operation alone.
    pub fn read(value: &Value) -> Result<Self> {
        let Value::Object(members) = value else {
            return Err(Error::invalid_syntax("An operation must be an object."));
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
            Some(_) => Err(Error::invalid_syntax(format!(
                "\"{name}\" of an operation must be a string."
            ))),
        };
        let method = match text("method")?
            .unwrap_or_default()
            .to_ascii_uppercase()
            .as_str()
        {
            "POST" => BulkMethod::Post,
            "PUT" => BulkMethod::Put,
            "PATCH" => BulkMethod::Patch,
            "DELETE" => BulkMethod::Delete,
            other => {
                let detail =
                    format!("\"method\" must be POST, PUT, PATCH or DELETE, not \"{other}\".");
                return Err(Error::invalid_value(detail));
            }
        };
        let path = text("path")?
            .ok_or_else(|| Error::invalid_value("\"path\" of the operation is missing."))?;
        let bulk_id = text("bulkId")?.filter(|id| !id.is_empty());
        if method == BulkMethod::Post && bulk_id.is_none() {
            return Err(Error::invalid_value(
                "\"bulkId\" is required of a POST operation.",
            ));
        }
        let data = match (member("data"), method) {
            (Some(Value::Object(data)), _) => data.clone(),
            (_, BulkMethod::Delete) => Map::new(),
            _ => {
                return Err(Error::invalid_syntax(
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

/// The result of an operation.
#[derive(Debug)]
pub struct BulkResult<'a> {
    /// The URL of the resource, if any.
    pub location: Option<&'a str>,
    /// The outcome.
    pub outcome: std::result::Result<BulkSuccess<'a>, ErrorMessage<'a>>,
}

/// The outcome of a completed operation.
#[derive(Debug)]
pub struct BulkSuccess<'a> {
    /// The HTTP status of the equivalent single request, such as 201.
    pub status: u16,
    /// The entity tag of the resource.
    pub version: Option<&'a str>,
}

impl BulkResult<'_> {
    /// The entry in a BulkResponse for an operation, with its `method` and `bulkId`.
    pub fn entry(&self, operation: &Value) -> Value {
        let mut entry = Map::new();
        for name in ["method", "bulkId"] {
            let sent = operation.as_object().and_then(|members| {
                members
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name))
            });
            if let Some((_, Value::String(text))) = sent {
                entry.insert(name.into(), text.as_str().into());
            }
        }
        if let Some(location) = self.location {
            entry.insert("location".into(), location.into());
        }
        match &self.outcome {
            Ok(success) => {
                if let Some(version) = success.version {
                    entry.insert("version".into(), version.into());
                }
                entry.insert("status".into(), success.status.to_string().into());
            }
            Err(error) => {
                entry.insert("status".into(), error.status.to_string().into());
                entry.insert("response".into(), error.to_value());
            }
        }
        Value::Object(entry)
    }
}

/// A BulkResponse message of these entries, in the order of the operations.
pub fn bulk_response(entries: &[Value]) -> Value {
    json!({"schemas": [BULK_RESPONSE], "Operations": entries})
}
