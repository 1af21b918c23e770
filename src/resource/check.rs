//! What must hold of a resource as a whole: required attributes are there, immutable ones have
//! not changed, at most one value of an attribute is primary (RFC 7643 sections 2.2, 2.4, 7).

use super::{hidden, is_blank, same};
use crate::error::{Result, ScimError};
use crate::reason::Reason;
use crate::schema::{Attribute, Mutability, ResourceType};
use serde_json::{Map, Value};

/// Which error tells that a required attribute is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// POST or PUT: 400 `invalidValue`.
    Whole,
    /// PATCH: 400 `mutability` (RFC 7644 section 3.5.2.2).
    Modify,
}

/// Checks the attributes of a resource after a change, against those before it if there were any.
///
/// # Errors
/// 400 `invalidValue` or `mutability`, naming the attribute.
pub fn check(
    resource_type: &ResourceType,
    before: Option<&Map<String, Value>>,
    after: &Map<String, Value>,
    change: Change,
) -> Result<()> {
    for attribute in
        resource_type.top_attributes().iter().filter(|a| !matches!(a.name().as_ref(), "id" | "schemas" | "meta"))
    {
        let name = attribute.name().as_ref();
        let was = before.and_then(|before| before.get(name));
        check_attribute(attribute, was, after.get(name), name, change)?;
        if resource_type.seat().is_some() {
            check_name(attribute, was, after.get(name))?;
        }
    }
    for extension in resource_type.extensions() {
        let urn = extension.schema.id();
        let held = hidden::visible(extension, after);
        if held.is_none() && extension.required {
            return Err(missing(
                urn,
                change,
                before.is_some_and(|before| hidden::visible(extension, before).is_some()),
            ));
        }
        let was = before.and_then(|before| hidden::visible(extension, before));
        for attribute in extension.schema.attributes() {
            let name = attribute.name().as_ref();
            let (was, is) = (was.and_then(|o| o.get(name)), held.and_then(|o| o.get(name)));
            // A required attribute of an optional extension is due only once the extension is used.
            if held.is_some() || was.is_some() && attribute.mutability() == Mutability::Immutable {
                check_attribute(attribute, was, is, &format!("{urn}:{name}"), change)?;
            }
        }
    }
    Ok(())
}

fn check_attribute(
    attribute: &Attribute,
    was: Option<&Value>,
    is: Option<&Value>,
    path: &str,
    change: Change,
) -> Result<()> {
    // What was taken once stays until the client speaks of it.
    let unassigned = is.is_none_or(|value| is_blank(value) && was != Some(value));
    if attribute.is_required() && unassigned && attribute.mutability() != Mutability::ReadOnly {
        return Err(missing(path, change, was.is_some()));
    }
    let has_changed = || match (was, is) {
        (None, _) => false,
        (Some(was), Some(is)) => !same(attribute, was, is),
        (Some(_), None) => true,
    };
    if attribute.mutability() == Mutability::Immutable && has_changed() {
        return Err(ScimError::mutability(format!("Attribute \"{path}\" is immutable: it has a value and keeps it.")));
    }
    let Some(is) = is else { return Ok(()) };
    if attribute.is_complex() {
        check_complex(attribute, was, is, path, change)?;
    }
    if attribute.is_multi_valued() && is.as_array().is_some_and(|values| primaries(values) > 1) {
        return Err(ScimError::invalid_value(format!("Only one value of \"{path}\" may have \"primary\" true.")));
    }
    Ok(())
}

/// What people are told apart by is text that can be shown and typed (RFC 7644 section 5).
fn check_name(attribute: &Attribute, was: Option<&Value>, is: Option<&Value>) -> Result<()> {
    let text = is.filter(|is| attribute.is_unique() && was != Some(*is)).and_then(Value::as_str);
    if text.is_some_and(|text| text.contains(char::is_control)) {
        let name = attribute.name();
        return Err(ScimError::invalid_value(format!(
            "Attribute \"{name}\" holds a control character, such as a tab or a line break: correct it in your identity provider."
        )));
    }
    Ok(())
}

fn check_complex(attribute: &Attribute, was: Option<&Value>, is: &Value, path: &str, change: Change) -> Result<()> {
    let elements = is.as_array().map_or(std::slice::from_ref(is), Vec::as_slice);
    // Values of a multi-valued attribute have no identity to compare over time; their immutable
    // sub-attributes are guarded where a PATCH names them.
    let was = if attribute.is_multi_valued() { None } else { was };
    for element in elements {
        for sub in attribute.sub_attributes() {
            let name = sub.name().as_ref();
            let was = was.and_then(|was| was.get(name));
            check_attribute(sub, was, element.get(name), &format!("{path}.{name}"), change)?;
        }
    }
    Ok(())
}

fn primaries(values: &[Value]) -> usize {
    values.iter().filter(|value| value.get("primary") == Some(&Value::Bool(true))).count()
}

/// A PATCH that takes a required value away is told so; one that begins to use what needs
/// another value is told what is missing.
fn missing(path: &str, change: Change, had_value: bool) -> ScimError {
    match (change, had_value) {
        (Change::Whole, _) | (Change::Modify, false) => {
            ScimError::invalid_value(format!("Attribute \"{path}\" is required and has no value."))
                .because(Reason::RequiredMissing)
        }
        (Change::Modify, true) => {
            ScimError::mutability(format!("Attribute \"{path}\" is required and cannot be removed."))
                .because(Reason::RequiredMissing)
        }
    }
}
