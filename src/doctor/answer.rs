//! An answer of the server, and what can be asked of one.

use super::check::{Verdict, fails, notes};
use serde_json::Value;

/// The schema of errors.
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// The schema of lists.
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Media type, without parameters.
    pub(super) kind: String,
    /// Where it sends the client.
    pub(super) location: Option<String>,
    /// The body as text.
    pub(super) text: String,
    /// The body as JSON, if it is that.
    pub(super) body: Option<Value>,
}

/// A list as it was answered.
#[derive(Debug)]
pub(super) struct List {
    pub(super) total: u64,
    pub(super) start: Option<u64>,
    pub(super) per_page: Option<u64>,
    pub(super) resources: Vec<Value>,
}

impl Answer {
    /// In one line for a reader. Bodies of resources are not shown: they are of people.
    pub(super) fn told(&self) -> String {
        let kind = if self.kind.is_empty() {
            "no content type"
        } else {
            &self.kind
        };
        let head = format!("status {} ({kind})", self.status);
        match &self.body {
            Some(body) => match body["detail"].as_str() {
                Some(detail) => format!("{head}, detail: {}", shortened(detail)),
                None => head,
            },
            None if self.text.trim().is_empty() => format!("{head}, no body"),
            None => format!("{head}, not JSON: {}", shortened(self.text.trim())),
        }
    }

    /// The same, if it has one of these statuses.
    pub(super) fn expect(self, statuses: &[u16]) -> Verdict<Self> {
        if statuses.contains(&self.status) {
            Ok(self)
        } else {
            fails(self.told())
        }
    }

    /// The JSON object in the body.
    fn object(self, statuses: &[u16]) -> Verdict<Value> {
        let answer = self.expect(statuses)?;
        match answer.body {
            Some(body) if body.is_object() => Ok(body),
            _ => fails(format!("{}, which is no JSON object", answer.told())),
        }
    }

    /// The resource in the body; it has an id.
    pub(super) fn resource(self, status: u16) -> Verdict<Value> {
        let resource = self.object(&[status])?;
        match resource["id"].as_str() {
            Some(id) if !id.is_empty() => Ok(resource),
            _ => fails(format!(
                "status {status} and a resource without an id of text"
            )),
        }
    }

    /// A message of that schema.
    pub(super) fn message(self, schema: &str) -> Verdict<Value> {
        let message = self.object(&[200])?;
        names_schema(&message, schema)?;
        Ok(message)
    }

    /// The list in the body.
    pub(super) fn list(self) -> Verdict<List> {
        let body = self.message(LIST)?;
        let Some(total) = body["totalResults"].as_u64() else {
            return fails(format!(
                "totalResults is {}, not a whole number",
                body["totalResults"]
            ));
        };
        let number = |name: &str| match &body[name] {
            Value::Null => Ok(None),
            value => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| format!("{name} is {value}, not a whole number")),
        };
        let (start, per_page) = match (number("startIndex"), number("itemsPerPage")) {
            (Ok(start), Ok(per_page)) => (start, per_page),
            (Err(wrong), _) | (_, Err(wrong)) => return fails(wrong),
        };
        match body["Resources"].as_array() {
            Some(resources) => Ok(List {
                total,
                start,
                per_page,
                resources: resources.clone(),
            }),
            None => fails("a list whose Resources is not an array"),
        }
    }

    /// A refusal in the form of SCIM.
    pub(super) fn refused(self, status: u16) -> Verdict<Value> {
        let told = self.told();
        let body = self.object(&[status])?;
        names_schema(&body, ERROR)?;
        match &body["status"] {
            Value::String(text) if *text == status.to_string() => {}
            other => {
                return fails(format!(
                    "status {status} with \"status\": {other} in the body, not \"{status}\""
                ));
            }
        }
        if body["detail"].as_str().is_none_or(str::is_empty) {
            return notes(format!("{told}, without a detail that an admin could read"));
        }
        Ok(body)
    }
}

impl List {
    /// The only resource of a list.
    pub(super) fn only(mut self) -> Verdict<Value> {
        match (self.total, self.resources.len()) {
            (1, 1) => Ok(self.resources.remove(0)),
            (total, count) => fails(format!("totalResults {total} with {count} resources")),
        }
    }

    /// A list of nothing.
    pub(super) fn nothing(self) -> Verdict {
        match (self.total, self.resources.len()) {
            (0, 0) => Ok(()),
            (total, count) => fails(format!("totalResults {total} with {count} resources")),
        }
    }
}

fn names_schema(body: &Value, schema: &str) -> Verdict {
    let names = body["schemas"]
        .as_array()
        .is_some_and(|schemas| schemas.iter().any(|name| name == schema));
    if names {
        Ok(())
    } else {
        fails(format!(
            "a body whose schemas is {}, without {schema}",
            body["schemas"]
        ))
    }
}

/// Whether a resource has this value at a JSON pointer.
pub(super) fn shows(resource: &Value, pointer: &str, wanted: &Value) -> Verdict {
    match resource.pointer(pointer) {
        Some(value) if value == wanted => Ok(()),
        Some(value) => fails(format!("{} is {value}, not {wanted}", attribute(pointer))),
        None => fails(format!(
            "{} has no value, instead of {wanted}",
            attribute(pointer)
        )),
    }
}

/// A pointer in the words of SCIM.
fn attribute(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// The entry of a multi-valued attribute with that type.
pub(super) fn entry<'a>(resource: &'a Value, attribute: &str, kind: &str) -> Option<&'a Value> {
    resource[attribute]
        .as_array()?
        .iter()
        .find(|entry| entry["type"] == kind)
}

/// Text of a server for a terminal: it must not steer one.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 160;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain("...".chars()).collect()
}
