//! Tolerances in filters. Each documents the client and the rule of the RFC that it relaxes; `rfc` mode uses none of
//! them.

use crate::filter::Literal;
use crate::resource::{Conformance, tolerance};
use crate::schema::Type;
use serde_json::Value;
use std::borrow::Cow;

/// A value without quotation marks: a text, unless it is `true`, `false`, `null` or a number.
///
/// suvera's Keycloak client writes `emails[type eq work].value`, and administrators write `userName eq ann`. Relaxes
/// RFC 7644 section 3.4.2.2, figure 1: a value is a JSON literal. `None` if the value is missing and another part of
/// the filter follows, and for a text with unbalanced or typographic quotation marks: no value begins with them, and
/// the filter would match nothing.
pub(in crate::filter) fn unquoted(word: &str) -> Option<Literal> {
    let is_joint = ["and", "or", "not"]
        .iter()
        .any(|joint| word.eq_ignore_ascii_case(joint));
    let is_broken = word.contains(|c: char| c.is_control() || matches!(c, '"' | '(' | '['))
        || word.starts_with([
            '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{201e}', '«', '»',
        ]);
    match word {
        "true" => Some(Literal::Boolean(true)),
        "false" => Some(Literal::Boolean(false)),
        "null" => Some(Literal::Null),
        _ if tolerance::is_number(word) => Some(Literal::Number(word.to_owned())),
        _ if word.is_empty() || is_joint || is_broken => None,
        _ => Some(Literal::Text(word.to_owned())),
    }
}

/// A text in single quotation marks, with its length in bytes, as JSON writes it in double ones.
///
/// Administrators and scripts write `userName eq 'ann'`, as SQL does. Relaxes RFC 7644 section 3.4.2.2, figure 1: a
/// value is a JSON literal. `None` if no mark closes it.
pub(in crate::filter) fn single_quoted(text: &str) -> Option<(String, usize)> {
    let mut json = String::from('"');
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Some((json + "\"", at + 1)),
            '"' => json.push_str("\\\""),
            '\\' => match characters.next()?.1 {
                '\'' => json.push('\''),
                escaped => json.extend(['\\', escaped]),
            },
            other => json.push(other),
        }
    }
    None
}

/// `emails[type eq "work"] eq "x"` compares `value` of the values that match the brackets.
///
/// Microsoft's documentation has an example of this filter. Relaxes RFC 7644 section 3.4.2.2, figure 1: nothing follows
/// the brackets.
pub(in crate::filter) fn compared_after_brackets(conformance: Conformance) -> Option<&'static str> {
    conformance.is_lenient().then_some("value")
}

/// In a comparison of texts a number is treated as text, and in a comparison of numbers a numeric text is treated as a
/// number.
///
/// Values without quotation marks can look like numbers (`employeeNumber eq 701984`), and Entra ID sends numbers as
/// text. Relaxes RFC 7644 section 3.4.2.2, whose values are of the attribute's type.
pub(super) fn of_type(kind: Type, literal: &Literal, conformance: Conformance) -> Cow<'_, Literal> {
    match (kind, literal) {
        (Type::String | Type::Reference, Literal::Number(digits)) if conformance.is_lenient() => {
            Cow::Owned(Literal::Text(digits.clone()))
        }
        (Type::Integer | Type::Decimal, Literal::Text(text))
            if conformance.is_lenient() && tolerance::is_number(text) =>
        {
            Cow::Owned(Literal::Number(text.clone()))
        }
        _ => Cow::Borrowed(literal),
    }
}

/// `"True"` and `"False"` in a comparison of a Boolean.
///
/// Entra ID sends `roles[primary eq "True"]`. Relaxes RFC 7644 section 3.4.2.2, whose values are JSON literals of the
/// attribute's type.
pub(super) fn boolean(value: &Value, conformance: Conformance) -> Value {
    let flag = conformance
        .is_lenient()
        .then(|| tolerance::boolean_from_text(value))
        .flatten();
    flag.map_or_else(|| value.clone(), Value::Bool)
}

/// A single-valued complex attribute is compared by its `value`, like a multi-valued one.
///
/// Entra ID's documented query for a reference is `id eq "…" and manager eq "…"`. Extends RFC 7644 section 3.4.2.2,
/// which defines this for multi-valued attributes only.
pub(super) fn single_by_value(conformance: Conformance) -> bool {
    conformance.is_lenient()
}
