//! A response of the server, and the conditions that checks put on it.

use crate::check::{CheckResult, failure, note};
use serde_json::Value;

/// Schema URN of an error (RFC 7644, section 3.12).
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Schema URN of a list (RFC 7644, section 3.4.2).
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A complete response.
#[derive(Debug)]
pub(crate) struct ScimResponse {
    pub(crate) status: u16,
    /// Media type in lower case, without parameters; empty if there is no header.
    pub(crate) content_type: String,
    /// The header `Location`.
    pub(crate) location: Option<String>,
    /// The body as text.
    pub(crate) text: String,
    /// The body as JSON; none if it is not JSON.
    pub(crate) body: Option<Value>,
}

/// The content of a ListResponse.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) total: u64,
    pub(crate) start: Option<u64>,
    pub(crate) per_page: Option<u64>,
    pub(crate) resources: Vec<Value>,
}

impl ScimResponse {
    /// Status, content type and error detail in one line. Bodies of resources are omitted, because they are personal
    /// data.
    pub(crate) fn description(&self) -> String {
        let content_type = if self.content_type.is_empty() {
            "no content type"
        } else {
            &self.content_type
        };
        let head = format!("status {} ({content_type})", self.status);
        match &self.body {
            Some(body) => match body["detail"].as_str() {
                Some(detail) => format!("{head}, detail: {}", shortened(detail)),
                None => head,
            },
            None if self.text.trim().is_empty() => format!("{head}, no body"),
            None => format!("{head}, not JSON: {}", shortened(self.text.trim())),
        }
    }

    /// The response itself if it has one of these statuses; else a failure.
    pub(crate) fn expect(self, statuses: &[u16]) -> CheckResult<Self> {
        if statuses.contains(&self.status) {
            Ok(self)
        } else {
            failure(self.description())
        }
    }

    /// The JSON object in the body of a response with one of these statuses.
    fn object(self, statuses: &[u16]) -> CheckResult<Value> {
        let response = self.expect(statuses)?;
        match response.body {
            Some(body) if body.is_object() => Ok(body),
            _ => failure(format!("{}, not a JSON object", response.description())),
        }
    }

    /// The resource in the body, which has an id.
    pub(crate) fn resource(self, status: u16) -> CheckResult<Value> {
        let resource = self.object(&[status])?;
        match resource["id"].as_str() {
            Some(id) if !id.is_empty() => Ok(resource),
            _ => failure(format!(
                "status {status} and a resource whose id is missing or not a string"
            )),
        }
    }

    /// The message in the body, which has this schema.
    pub(crate) fn message(self, schema: &str) -> CheckResult<Value> {
        let message = self.object(&[200])?;
        has_schema(&message, schema)?;
        Ok(message)
    }

    /// The ListResponse in the body.
    pub(crate) fn list(self) -> CheckResult<List> {
        let body = self.message(LIST)?;
        let Some(total) = body["totalResults"].as_u64() else {
            return failure(format!(
                "totalResults is {}, not an integer",
                body["totalResults"]
            ));
        };
        let number = |name: &str| match &body[name] {
            Value::Null => Ok(None),
            value => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| format!("{name} is {value}, not an integer")),
        };
        let (start, per_page) = match (number("startIndex"), number("itemsPerPage")) {
            (Ok(start), Ok(per_page)) => (start, per_page),
            (Err(actual), _) | (_, Err(actual)) => return failure(actual),
        };
        match body["Resources"].as_array() {
            Some(resources) => Ok(List {
                total,
                start,
                per_page,
                resources: resources.clone(),
            }),
            None => failure("a list whose Resources is not an array"),
        }
    }

    /// The SCIM error in the body of a response with this status.
    pub(crate) fn scim_error(self, status: u16) -> CheckResult<Value> {
        let description = self.description();
        let body = self.object(&[status])?;
        has_schema(&body, ERROR)?;
        match &body["status"] {
            Value::String(text) if *text == status.to_string() => {}
            other => {
                return failure(format!(
                    "status {status} with \"status\": {other} in the body, not \"{status}\""
                ));
            }
        }
        if body["detail"].as_str().is_none_or(str::is_empty) {
            return note(format!(
                "{description}, without a detail for the administrator"
            ));
        }
        Ok(body)
    }
}

impl List {
    /// The resource of a list with exactly one.
    pub(crate) fn single(mut self) -> CheckResult<Value> {
        match (self.total, self.resources.len()) {
            (1, 1) => Ok(self.resources.remove(0)),
            (total, count) => failure(format!("totalResults {total} with {count} resources")),
        }
    }

    /// Fails unless the list is empty.
    pub(crate) fn empty(self) -> CheckResult {
        match (self.total, self.resources.len()) {
            (0, 0) => Ok(()),
            (total, count) => failure(format!("totalResults {total} with {count} resources")),
        }
    }
}

fn has_schema(body: &Value, schema: &str) -> CheckResult {
    let found = body["schemas"]
        .as_array()
        .is_some_and(|schemas| schemas.iter().any(|urn| urn == schema));
    if found {
        Ok(())
    } else {
        failure(format!(
            "a body whose schemas is {}, without {schema}",
            body["schemas"]
        ))
    }
}

/// Fails unless a resource has this value at a JSON pointer.
pub(crate) fn has_value(resource: &Value, pointer: &str, expected: &Value) -> CheckResult {
    match resource.pointer(pointer) {
        Some(value) if value == expected => Ok(()),
        Some(value) => failure(format!("{} is {value}, not {expected}", attribute(pointer))),
        None => failure(format!(
            "{} has no value, expected {expected}",
            attribute(pointer)
        )),
    }
}

/// A JSON pointer as an attribute path.
fn attribute(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// The value of a multi-valued attribute with this `type`.
pub(crate) fn entry<'a>(
    resource: &'a Value,
    attribute: &str,
    value_type: &str,
) -> Option<&'a Value> {
    resource[attribute]
        .as_array()?
        .iter()
        .find(|entry| entry["type"] == value_type)
}

/// Text from the server without control characters, which could control a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn shortened(text: &str) -> String {
    const MAX_LENGTH: usize = 160;
    if text.chars().count() <= MAX_LENGTH {
        return text.to_owned();
    }
    text.chars().take(MAX_LENGTH).chain("...".chars()).collect()
}
