//! Checks a value against its attribute: type, canonical form, size (RFC 7643 section 2.3).

use super::conformance::Conformance;
use super::identity::{Identity, identity};
use super::key::{Key, decode_base64};
use super::left_out::LeftOut;
use super::limits::ValueLimits;
use super::printable::printable;
use super::tolerance;
use crate::error::{Error, Problem, Result};
use crate::schema::{Attribute, Mutability, Type};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt::Display;

/// Settings for accepting a value, and the list of ignored parts.
#[derive(Debug)]
pub struct Acceptance<'a> {
    /// The conformance mode.
    pub conformance: Conformance,
    /// The limits of values.
    pub limits: &'a ValueLimits,
    /// Ignored parts.
    pub left_out: Vec<LeftOut>,
}

impl<'a> Acceptance<'a> {
    /// Creates the settings, without ignored parts.
    pub fn new(conformance: Conformance, limits: &'a ValueLimits) -> Self {
        Self {
            conformance,
            limits,
            left_out: Vec::new(),
        }
    }
}

/// The canonical form of the complete value of an attribute: an array for a multi-valued one. `None` if the value means
/// unassigned: null, an empty array, or an object without valid members (RFC 7643 section 2.5). `path` is for messages.
///
/// # Errors
/// 400 `invalidValue` for a value of another type or beyond a limit; in `rfc` mode
/// 400 `invalidSyntax` for an unknown sub-attribute.
pub fn accept_value(
    attribute: &Attribute,
    value: Value,
    path: &dyn Display,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Value>> {
    if !attribute.is_multi_valued() {
        return accept_element(attribute, value, path, acceptance);
    }
    let elements = match value {
        Value::Null => return Ok(None),
        Value::Array(elements) => elements,
        other => return Err(no_array(attribute, &other, path)),
    };
    let max = acceptance.limits.values_of(attribute);
    if elements.len() > max {
        return Err(Error::invalid_value(format!(
            "Attribute \"{path}\" has {} values; at most {max} are allowed in one request.",
            elements.len()
        )));
    }
    let mut accepted = Vec::with_capacity(elements.len());
    let mut seen = Seen::default();
    let is_one = elements.len() == 1;
    for element in elements {
        let Some(element) = accept_element(attribute, element, path, acceptance)? else {
            continue;
        };
        if is_one || seen.is_new(identity(attribute, &element)) {
            accepted.push(element);
        }
    }
    Ok((!accepted.is_empty()).then_some(Value::Array(accepted)))
}

/// The values of a list so far. A few are compared individually, which is cheaper than hashing them.
#[derive(Default)]
struct Seen {
    few: Vec<Identity>,
    many: HashSet<Identity>,
}

impl Seen {
    const FEW: usize = 16;

    fn is_new(&mut self, value: Identity) -> bool {
        if self.few.contains(&value) {
            false
        } else if self.few.len() < Self::FEW {
            self.few.push(value);
            true
        } else {
            self.many.insert(value)
        }
    }
}

/// The canonical form of one value of an attribute: of the value itself if it is single-valued, of one element if it is
/// multi-valued. The errors are those of [`accept_value`].
pub fn accept_element(
    attribute: &Attribute,
    value: Value,
    path: &dyn Display,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Value>> {
    let value = if acceptance.conformance.is_lenient() {
        unwrapped(attribute, value)
    } else {
        value
    };
    if value.is_null() {
        return Ok(None);
    }
    if attribute.is_complex() {
        return accept_complex(attribute, value, path, acceptance);
    }
    accept_simple(attribute, value, path, acceptance).map(Some)
}

/// The value without wrappers that clients add.
fn unwrapped(attribute: &Attribute, value: Value) -> Value {
    let value = if attribute.is_multi_valued() {
        value
    } else {
        tolerance::one_of_array(value)
    };
    if attribute.is_complex() {
        value
    } else {
        tolerance::simple_from_object(value)
    }
}

fn accept_complex(
    attribute: &Attribute,
    value: Value,
    path: &dyn Display,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Value>> {
    let object = match value {
        Value::Object(object) => object,
        other if acceptance.conformance.is_lenient() => {
            match tolerance::complex_from_text(attribute, other) {
                Ok(object) => object,
                Err(other) => return Err(wrong_type(attribute, &other, path)),
            }
        }
        other => return Err(wrong_type(attribute, &other, path)),
    };
    if acceptance.conformance.is_lenient() && tolerance::is_empty_reference(attribute, &object) {
        return Ok(None);
    }
    let mut given: Vec<Option<Value>> = vec![None; attribute.sub_attributes().len()];
    for (name, value) in object {
        let position = attribute.sub_attribute(&name).and_then(|sub| {
            attribute
                .sub_attributes()
                .iter()
                .position(|other| std::sync::Arc::ptr_eq(other, sub))
        });
        let Some((sub, slot)) =
            position.and_then(|i| Some((attribute.sub_attributes().get(i)?, given.get_mut(i)?)))
        else {
            unknown(&format!("{path}.{name}"), value, acceptance)?;
            continue;
        };
        if sub.mutability() != Mutability::ReadOnly {
            *slot = accept_value(
                sub,
                value,
                &format_args!("{path}.{}", sub.name()),
                acceptance,
            )?;
        }
    }
    let count = given.iter().flatten().count();
    let mut object = Map::with_capacity(count);
    let named = attribute.sub_attributes().iter().zip(given);
    object.extend(named.filter_map(|(sub, value)| Some((sub.name().as_ref().to_owned(), value?))));
    Ok((count > 0).then_some(Value::Object(object)))
}

/// Whether a value of a complex attribute has members and none of them is a sub-attribute that a client can write. The
/// value then does not affect the attribute, and does not clear it.
pub(crate) fn has_only_read_only(attribute: &Attribute, value: &Value) -> bool {
    let is_written = |name: &String| {
        attribute
            .sub_attribute(name)
            .is_some_and(|sub| sub.mutability() != Mutability::ReadOnly)
    };
    let is_read_only = |value: &Value| {
        value
            .as_object()
            .is_some_and(|members| !members.is_empty() && !members.keys().any(is_written))
    };
    attribute.is_complex()
        && match value {
            Value::Array(values) => {
                values.iter().any(is_read_only)
                    && values
                        .iter()
                        .all(|value| value.is_null() || is_read_only(value))
            }
            one => is_read_only(one),
        }
}

/// Ignores an undeclared attribute, or refuses it in `rfc` mode.
pub(crate) fn unknown(path: &str, value: Value, acceptance: &mut Acceptance<'_>) -> Result<()> {
    if acceptance.conformance.is_lenient() {
        let name = printable(path);
        acceptance
            .left_out
            .push(LeftOut::UnknownAttribute { name, value });
        return Ok(());
    }
    Err(
        Error::invalid_syntax(format!("Attribute \"{path}\" is not part of the schema."))
            .about(Problem::UnknownAttribute),
    )
}

fn accept_simple(
    attribute: &Attribute,
    value: Value,
    path: &dyn Display,
    acceptance: &Acceptance<'_>,
) -> Result<Value> {
    let wrong = |value: &Value| wrong_type(attribute, value, path);
    let value = if acceptance.conformance.is_lenient() {
        number_of(attribute, value)
    } else {
        value
    };
    match (attribute.kind(), value) {
        (Type::String | Type::Reference, Value::String(text)) => {
            within_limits(attribute, &text, path, acceptance.limits)?;
            Ok(Value::String(text))
        }
        (Type::Boolean, Value::Bool(flag)) => Ok(Value::Bool(flag)),
        (Type::Boolean, other) if acceptance.conformance.is_lenient() => {
            tolerance::boolean_from_text(&other)
                .map(Value::Bool)
                .ok_or_else(|| wrong(&other))
        }
        (Type::Integer, Value::Number(number)) => number
            .as_i64()
            .map(Value::from)
            .ok_or_else(|| wrong(&Value::Number(number))),
        (Type::Decimal, Value::Number(number)) if number.as_f64().is_some_and(f64::is_finite) => {
            Ok(Value::Number(number))
        }
        (Type::DateTime, Value::String(text)) if Key::date_time(&text).is_some() => {
            Ok(Value::String(text))
        }
        (Type::Binary, Value::String(text)) if decode_base64(&text).is_some() => {
            within_limits(attribute, &text, path, acceptance.limits)?;
            Ok(Value::String(text))
        }
        (_, other) => Err(wrong(&other)),
    }
}

fn number_of(attribute: &Attribute, value: Value) -> Value {
    let is_number = matches!(attribute.kind(), Type::Integer | Type::Decimal);
    let number = if is_number {
        tolerance::number_from_text(&value)
    } else {
        None
    };
    number.map_or(value, Value::Number)
}

fn within_limits(
    attribute: &Attribute,
    text: &str,
    path: &dyn Display,
    limits: &ValueLimits,
) -> Result<()> {
    let is_identifier = attribute.is_unique() || attribute.name().as_ref() == "externalId";
    if text.len() > limits.string_bytes {
        let max = limits.string_bytes;
        return Err(Error::invalid_value(format!(
            "Attribute \"{path}\" is longer than {max} bytes."
        )));
    }
    if is_identifier && text.chars().count() > limits.identifier_chars {
        let max = limits.identifier_chars;
        return Err(Error::invalid_value(format!(
            "Attribute \"{path}\" is longer than {max} characters."
        )));
    }
    if attribute.is_unique()
        && Key::text(text, attribute.is_case_exact())
            .as_str()
            .chars()
            .count()
            > limits.unique_chars
    {
        let max = limits.unique_chars;
        return Err(Error::invalid_value(format!(
            "Attribute \"{path}\" must be unique and is longer than {max} characters."
        )));
    }
    Ok(())
}

fn wrong_type(attribute: &Attribute, value: &Value, path: &dyn Display) -> Error {
    let expected = match attribute.kind() {
        Type::String => "a string",
        Type::Reference => "a string that holds a URI",
        Type::Boolean => "true or false",
        Type::Decimal => "a number",
        Type::Integer => "a whole number of 64 bits",
        Type::DateTime => "a date with time, such as 2026-01-31T08:15:00Z",
        Type::Binary => "a string of Base64",
        Type::Complex => "an object",
    };
    // For a date, Base64 or a number, the format is wrong, not the type.
    let is_type_right = match attribute.kind() {
        Type::DateTime | Type::Binary => value.is_string(),
        Type::Integer | Type::Decimal => value.is_number(),
        _ => false,
    };
    let but = if is_type_right {
        String::new()
    } else {
        format!(", not {}", found(value))
    };
    let subject = if attribute.is_multi_valued() {
        "Each value of attribute"
    } else {
        "Attribute"
    };
    Error::invalid_value(format!("{subject} \"{path}\" must be {expected}{but}."))
}

fn no_array(attribute: &Attribute, value: &Value, path: &dyn Display) -> Error {
    let of = if attribute.is_complex() {
        " of objects"
    } else {
        ""
    };
    Error::invalid_value(format!(
        "Attribute \"{path}\" must be an array{of}, not {}.",
        found(value)
    ))
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a Boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Whether the value is empty or blank text, which a required attribute must not have.
pub fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}
