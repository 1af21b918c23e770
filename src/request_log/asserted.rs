//! The attributes in the unvalidated body of a write. With them the provisioning log has the action and the users even
//! for an invalid body.

use crate::schema::ResourceType;
use serde_json::{Map, Value};

/// A write with its unvalidated body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WriteRequest<'a> {
    Create(&'a Map<String, Value>),
    Replace(&'a Map<String, Value>),
    Modify(&'a Map<String, Value>),
    Delete,
}

/// The change of an attribute by a PATCH operation; other bodies replace values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Add,
    Remove,
    Replace,
}

/// An attribute in a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asserted<'a> {
    pub(crate) manner: Manner,
    /// Name of the core attribute in the spelling of the client, without the URN of its schema.
    pub(crate) name: &'a str,
    /// Value of the attribute; null for a removal.
    pub(crate) value: &'a Value,
}

/// The attributes in the body of a write.
pub(crate) fn asserted<'a>(
    resource_type: &ResourceType,
    request: &WriteRequest<'a>,
) -> Vec<Asserted<'a>> {
    match *request {
        WriteRequest::Create(body) | WriteRequest::Replace(body) => {
            members(resource_type, Manner::Replace, body).collect()
        }
        WriteRequest::Modify(body) => {
            let operations = member(body, "operations")
                .and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice);
            operations
                .iter()
                .filter_map(Value::as_object)
                .flat_map(|one| operation(resource_type, one))
                .collect()
        }
        WriteRequest::Delete => Vec::new(),
    }
}

fn operation<'a>(
    resource_type: &ResourceType,
    operation: &'a Map<String, Value>,
) -> Vec<Asserted<'a>> {
    let manner = match member(operation, "op").and_then(Value::as_str) {
        Some(verb) if verb.eq_ignore_ascii_case("remove") => Manner::Remove,
        Some(verb) if verb.eq_ignore_ascii_case("add") => Manner::Add,
        _ => Manner::Replace,
    };
    let value = member(operation, "value").unwrap_or(&Value::Null);
    match (member(operation, "path").and_then(Value::as_str), value) {
        (Some(path), _) => {
            let name = own_name(resource_type, path);
            let name = name
                .find(['[', '.'])
                .and_then(|end| name.split_at_checked(end))
                .map_or(name, |(name, _)| name);
            vec![Asserted {
                manner,
                name,
                value,
            }]
        }
        (None, Value::Object(attributes)) => members(resource_type, manner, attributes).collect(),
        (None, _) => Vec::new(),
    }
}

fn members<'a>(
    resource_type: &ResourceType,
    manner: Manner,
    attributes: &'a Map<String, Value>,
) -> impl Iterator<Item = Asserted<'a>> {
    attributes.iter().map(move |(name, value)| Asserted {
        manner,
        name: own_name(resource_type, name),
        value,
    })
}

/// The name without a preceding URN of the core schema and colon.
fn own_name<'a>(resource_type: &ResourceType, name: &'a str) -> &'a str {
    let urn = resource_type.schema().id();
    let parts = name
        .split_at_checked(urn.len())
        .filter(|(head, _)| head.eq_ignore_ascii_case(urn));
    parts
        .and_then(|(_, rest)| rest.strip_prefix(':'))
        .unwrap_or(name)
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}
