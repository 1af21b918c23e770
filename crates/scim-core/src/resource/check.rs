//! Rules for a resource as a whole: required attributes are present, immutable ones are unchanged, at most one value of
//! an attribute is primary (RFC 7643 sections 2.2, 2.4, 7).
//!
//! ```
//! use scim_core::error::Problem;
//! use scim_core::resource::Attributes;
//! use scim_core::resource::check::{WriteKind, check};
//! use scim_core::schema::Catalog;
//!
//! let catalog = Catalog::new(&[])?;
//! let user = catalog.by_name("User").expect("User is built in");
//! let error = check(user, None, &Attributes::default(), WriteKind::Whole).unwrap_err();
//! assert_eq!(error.problem(), Some(Problem::RequiredMissing));
//! assert_eq!(error.detail(), "Attribute \"userName\" is required and has no value.");
//! # Ok::<(), scim_core::schema::SchemaError>(())
//! ```

use super::members::part;
use super::{Attributes, is_blank, same, undeclared};
use crate::error::{Error, Problem, Result};
use crate::schema::{Attribute, Mutability, ResourceType};
use serde_json::Value;
use std::fmt::Display;

/// The kind of write, which determines the error for a missing required attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteKind {
    /// POST or PUT: 400 `invalidValue`.
    Whole,
    /// PATCH: 400 `mutability` (RFC 7644 section 3.5.2.2).
    Modify,
}

/// Checks the attributes of a resource after a change, with those before it if the resource existed. A required
/// attribute without a value before and after the change is not an error: the schema was tightened after the resource
/// was stored, and the change does not affect the attribute.
///
/// # Errors
/// 400 `invalidValue` or `mutability`, with the attribute.
pub fn check(
    resource_type: &ResourceType,
    before: Option<&Attributes>,
    after: &Attributes,
    change: WriteKind,
) -> Result<()> {
    let context = Context {
        change,
        is_new: before.is_none(),
    };
    for attribute in resource_type
        .top_attributes()
        .iter()
        .filter(|a| !matches!(a.name().as_ref(), "id" | "schemas" | "meta"))
    {
        let name = attribute.name().as_ref();
        let was = before.and_then(|before| before.get(name));
        check_attribute(attribute, was, after.get(name), &name, context)?;
        if resource_type.rules().has_printable_names {
            check_name(attribute, was, after.get(name))?;
        }
    }
    for extension in resource_type.extensions() {
        let urn = extension.schema.id();
        let held = undeclared::visible(extension, after);
        let was = before.and_then(|before| undeclared::visible(extension, before));
        if held.is_none() && extension.required && (before.is_none() || was.is_some()) {
            return Err(missing(&urn, change, was.is_some()));
        }
        let context = Context {
            change,
            is_new: was.is_none(),
        };
        for attribute in extension.schema.attributes() {
            let name = attribute.name().as_ref();
            let (was, is) = (
                was.and_then(|o| o.get(name)),
                held.and_then(|o| o.get(name)),
            );
            // A required attribute of an optional extension is required only if the extension has a value.
            if held.is_some() || was.is_some() && attribute.mutability() == Mutability::Immutable {
                check_attribute(attribute, was, is, &format_args!("{urn}:{name}"), context)?;
            }
        }
    }
    Ok(())
}

/// The context of a check.
#[derive(Debug, Clone, Copy)]
struct Context {
    change: WriteKind,
    /// Whether the resource, the extension or the complex value that has the attribute is new.
    is_new: bool,
}

fn check_attribute(
    attribute: &Attribute,
    was: Option<&Value>,
    is: Option<&Value>,
    path: &dyn Display,
    context: Context,
) -> Result<()> {
    let unassigned = is.is_none_or(is_blank);
    let is_touched = || context.is_new || was != is;
    if attribute.is_required()
        && unassigned
        && is_touched()
        && attribute.mutability() != Mutability::ReadOnly
    {
        return Err(missing(path, context.change, was.is_some()));
    }
    let has_changed = || match (was, is) {
        (None, _) => false,
        (Some(was), Some(is)) => !same(attribute, was, is),
        (Some(_), None) => true,
    };
    if attribute.mutability() == Mutability::Immutable && has_changed() {
        return Err(Error::mutability(format!(
            "Attribute \"{path}\" is immutable: it has a value and keeps it."
        )));
    }
    let Some(is) = is else { return Ok(()) };
    if attribute.is_complex() {
        check_complex(attribute, was, is, path, context.change)?;
    }
    if attribute.is_multi_valued() && is.as_array().is_some_and(|values| primaries(values) > 1) {
        return Err(Error::invalid_value(format!(
            "Only one value of \"{path}\" may have \"primary\" true."
        )));
    }
    Ok(())
}

/// Checks that a name is text that can be shown and typed (RFC 7644 section 5).
fn check_name(attribute: &Attribute, was: Option<&Value>, is: Option<&Value>) -> Result<()> {
    let text = is
        .filter(|is| attribute.is_unique() && was != Some(*is))
        .and_then(Value::as_str);
    if text.is_some_and(|text| text.contains(char::is_control)) {
        let name = attribute.name();
        return Err(Error::invalid_value(format!(
            "Attribute \"{name}\" holds a control character, such as a tab or a line break: correct it in your identity provider."
        )));
    }
    Ok(())
}

fn check_complex(
    attribute: &Attribute,
    was: Option<&Value>,
    is: &Value,
    path: &dyn Display,
    change: WriteKind,
) -> Result<()> {
    let kept = was.map(listed).unwrap_or_default();
    // Values of a multi-valued attribute have no identity for a comparison; their immutable sub-attributes are checked
    // when a PATCH changes them.
    let was = was.filter(|_| !attribute.is_multi_valued());
    for element in listed(is) {
        let mut checked = attribute.sub_attributes().iter().map(|sub| {
            let name = sub.name().as_ref();
            let context = Context {
                change,
                is_new: was.is_none(),
            };
            let was = was.and_then(|was| part(was, name));
            let is = part(element, name);
            check_attribute(sub, was, is, &format_args!("{path}.{name}"), context)
        });
        // An unchanged value is not checked.
        checked.try_for_each(|checked| {
            checked.or_else(|error| {
                if kept.contains(element) {
                    Ok(())
                } else {
                    Err(error)
                }
            })
        })?;
    }
    Ok(())
}

/// The values of an attribute: those of a list, or the single one.
fn listed(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn primaries(values: &[Value]) -> usize {
    values
        .iter()
        .filter(|value| part(value, "primary") == Some(&Value::Bool(true)))
        .count()
}

/// The error for a required attribute without a value: a PATCH that removes the value is refused for the removal, and
/// one that creates the parent of the attribute for the missing value.
fn missing(path: &dyn Display, change: WriteKind, had_value: bool) -> Error {
    match (change, had_value) {
        (WriteKind::Whole, _) | (WriteKind::Modify, false) => Error::invalid_value(format!(
            "Attribute \"{path}\" is required and has no value."
        ))
        .about(Problem::RequiredMissing),
        (WriteKind::Modify, true) => Error::mutability(format!(
            "Attribute \"{path}\" is required and cannot be removed."
        ))
        .about(Problem::RequiredMissing),
    }
}
