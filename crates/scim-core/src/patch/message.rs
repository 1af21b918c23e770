//! The structure of the PatchOp message (RFC 7644 section 3.5.2), before attributes are looked up.

use super::tolerance;
use crate::error::{Error, Result};
use crate::filter::{FilterLimits, PatchPath, parse_path};
use crate::messages::{PATCH_OP, check_schemas};
use crate::resource::Conformance;
use serde_json::{Map, Value};

/// Limits of a PATCH message.
#[derive(Debug, Clone, Copy)]
pub struct PatchLimits {
    /// Maximum number of operations in one request.
    pub operations: usize,
    /// Limits of paths and the filters in them.
    pub path: FilterLimits,
    /// Maximum nesting depth of JSON in a text within the message.
    pub json_depth: usize,
}

impl Default for PatchLimits {
    fn default() -> Self {
        Self {
            operations: 1000,
            path: FilterLimits::default(),
            json_depth: 32,
        }
    }
}

/// The kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Adds values; replaces single ones (RFC 7644 section 3.5.2.1).
    Add,
    /// Removes values (RFC 7644 section 3.5.2.2).
    Remove,
    /// Replaces values (RFC 7644 section 3.5.2.3).
    Replace,
}

/// One operation of the message.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The kind of operation.
    pub verb: Verb,
    /// The target; `None` for the resource, whose attributes are then the members of the value.
    pub path: Option<PatchPath>,
    /// The value, if present; it can be null.
    pub value: Option<Value>,
}

/// Reads a PatchOp message. Member names and `op` are case-insensitive: Entra ID sends `Add`, `Replace` and `Remove`,
/// and RFC 7644 does not define them as case-exact. Unknown members are ignored.
///
/// # Errors
/// 400 `invalidValue` for other URNs in `schemas`; 400 `invalidSyntax` for a wrong structure; 400 `invalidPath` or
/// `invalidFilter` for a path that cannot be parsed; 413 for more operations than allowed; in `rfc` mode 400
/// `invalidValue` for an empty list.
pub fn read(
    body: Map<String, Value>,
    conformance: Conformance,
    limits: &PatchLimits,
) -> Result<Vec<Operation>> {
    let (mut schemas, mut operations) = (None, None);
    for (name, value) in body {
        match name.to_ascii_lowercase().as_str() {
            "schemas" => schemas = Some(value),
            "operations" => operations = Some(value),
            _ => {}
        }
    }
    check_schemas(schemas.as_ref(), PATCH_OP, conformance)?;
    let operations = match operations {
        Some(Value::Array(operations)) => operations,
        _ => {
            return Err(Error::invalid_syntax(
                "Member \"Operations\" must be an array of operations.",
            ));
        }
    };
    within_limit(operations.len(), limits)?;
    if operations.is_empty() {
        return none(conformance);
    }
    let read = |(i, operation)| {
        let read = operation_from(operation, conformance, limits);
        read.map_err(|error| error.within(format_args!("Operation {}", i + 1)))
    };
    operations.into_iter().enumerate().map(read).collect()
}

fn within_limit(operations: usize, limits: &PatchLimits) -> Result<()> {
    let max = limits.operations;
    if operations > max {
        let detail =
            format!("The request has {operations} operations; at most {max} are allowed in one.");
        return Err(Error::too_large(detail));
    }
    Ok(())
}

fn none(conformance: Conformance) -> Result<Vec<Operation>> {
    if conformance.is_lenient() {
        return Ok(tolerance::no_operations());
    }
    Err(Error::invalid_value(
        "\"Operations\" is empty; at least one operation is needed.",
    ))
}

fn operation_from(
    operation: Value,
    conformance: Conformance,
    limits: &PatchLimits,
) -> Result<Operation> {
    let Value::Object(members) = operation else {
        return Err(Error::invalid_syntax("An operation must be an object."));
    };
    let (mut verb, mut path, mut value) = (None, None, None);
    for (name, member) in members {
        match name.to_ascii_lowercase().as_str() {
            "op" => verb = Some(verb_from(&member)?),
            "path" => path = path_from(member, conformance, limits)?,
            "value" => value = Some(member),
            _ => {}
        }
    }
    let verb = verb.ok_or_else(|| Error::invalid_syntax("Member \"op\" is missing."))?;
    if path.is_none() && conformance.is_lenient() {
        value = value.map(|value| tolerance::object_from_text(value, limits.json_depth));
    }
    Ok(Operation { verb, path, value })
}

fn verb_from(member: &Value) -> Result<Verb> {
    let verbs = [
        ("add", Verb::Add),
        ("remove", Verb::Remove),
        ("replace", Verb::Replace),
    ];
    let named = member.as_str().and_then(|text| {
        verbs
            .iter()
            .find(|(name, _)| text.eq_ignore_ascii_case(name))
    });
    named.map(|(_, verb)| *verb).ok_or_else(|| {
        Error::invalid_syntax("Member \"op\" must be \"add\", \"remove\" or \"replace\".")
    })
}

fn path_from(
    member: Value,
    conformance: Conformance,
    limits: &PatchLimits,
) -> Result<Option<PatchPath>> {
    let text = match member {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        _ => return Err(Error::invalid_path("Member \"path\" must be a string.")),
    };
    if conformance.is_lenient() && tolerance::is_no_path(&text) {
        return Ok(None);
    }
    parse_path(&text, &limits.path, conformance).map(Some)
}
