//! Converts a value of a filter to the type of its attribute (RFC 7644 section 3.4.2.2, table 3).

use super::number::{Whole, is_negative};
use super::tolerance;
use crate::filter::lexer::shortened;
use crate::filter::{Literal, Operator};
use crate::resource::{Conformance, Key};
use crate::schema::{Attribute, Type};
use serde_json::Value;

/// The result of resolving a comparison.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// A comparison of keys.
    Compare(Operator, Key),
    /// The comparison holds for no value of this type.
    Never,
    /// The comparison holds for every value of this type.
    Assigned,
}

/// The reason why a comparison is invalid, as text after the attribute's name.
#[derive(Debug, PartialEq)]
pub(super) struct Unfit {
    /// The reason, without text of the client.
    pub(super) why: String,
    /// The literal that was found instead.
    pub(super) but: Option<String>,
}

/// The comparison of the attribute's values with the literal.
///
/// # Errors
/// The reason why they cannot be compared.
pub(super) fn answer(
    attribute: &Attribute,
    operator: Operator,
    literal: &Literal,
    conformance: Conformance,
) -> Result<Answer, Unfit> {
    takes(attribute.kind(), operator)?;
    let literal = tolerance::of_type(attribute.kind(), literal, conformance);
    let literal = literal.as_ref();
    match (attribute.kind(), literal) {
        (Type::Integer, Literal::Number(digits)) => {
            Ok(against_integers(operator, &Whole::of(digits)))
        }
        (Type::Decimal, Literal::Number(digits)) if literal.to_value().is_none() => {
            Ok(beyond(operator, is_negative(digits)))
        }
        _ => {
            let key = literal
                .to_value()
                .and_then(|value| key(attribute, &value, conformance));
            key.map(|key| Answer::Compare(operator, key))
                .ok_or_else(|| Unfit {
                    why: format!("is compared with {}", form(attribute.kind())),
                    but: Some(shortened(&literal.to_string())),
                })
        }
    }
}

fn key(attribute: &Attribute, value: &Value, conformance: Conformance) -> Option<Key> {
    match attribute.kind() {
        Type::Boolean => Key::of(attribute, &tolerance::boolean(value, conformance)),
        _ => Key::of(attribute, value),
    }
}

fn takes(kind: Type, operator: Operator) -> Result<(), Unfit> {
    let in_text = matches!(
        operator,
        Operator::Contains | Operator::StartsWith | Operator::EndsWith
    );
    let (allowed, operators) = match kind {
        Type::String | Type::Reference => (true, "every operator"),
        Type::Integer | Type::Decimal | Type::DateTime => {
            (!in_text, "eq, ne, gt, ge, lt, le and pr")
        }
        Type::Boolean | Type::Binary | Type::Complex => {
            (operator == Operator::Equal, "eq, ne and pr")
        }
    };
    let but = operator.as_str();
    if allowed {
        Ok(())
    } else {
        Err(Unfit {
            why: format!(
                "is of type {} and takes {operators}, not {but}",
                kind.as_str()
            ),
            but: None,
        })
    }
}

fn form(kind: Type) -> &'static str {
    match kind {
        Type::String | Type::Complex => "a string in double quotes",
        Type::Reference => "a URI in double quotes",
        Type::Boolean => "true or false",
        Type::Integer | Type::Decimal => "a number",
        Type::DateTime => "a date with time in double quotes, such as \"2026-01-31T08:15:00Z\"",
        Type::Binary => "Base64 in double quotes",
    }
}

/// The comparison of an integer with a number. Between two integers, `gt` and `ge` start above the lower one, `lt` and
/// `le` end with it.
fn against_integers(operator: Operator, number: &Whole) -> Answer {
    match number {
        Whole::Exactly(number) => Answer::Compare(operator, Key::integer(*number)),
        Whole::Above(floor) => match operator {
            Operator::Greater | Operator::GreaterOrEqual => {
                Answer::Compare(Operator::Greater, Key::integer(*floor))
            }
            Operator::Less | Operator::LessOrEqual => {
                Answer::Compare(Operator::LessOrEqual, Key::integer(*floor))
            }
            _ => Answer::Never,
        },
        Whole::Beyond { negative } => beyond(operator, *negative),
    }
}

/// The comparison with a number that is larger, or if negative smaller, than every value of the type.
fn beyond(operator: Operator, negative: bool) -> Answer {
    match operator {
        Operator::Less | Operator::LessOrEqual if !negative => Answer::Assigned,
        Operator::Greater | Operator::GreaterOrEqual if negative => Answer::Assigned,
        _ => Answer::Never,
    }
}
