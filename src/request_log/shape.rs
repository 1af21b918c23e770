//! The shape of a value, without the value: sufficient for a schema that would accept it.

use crate::resource::printable;
use crate::schema::Type;
use serde_json::Value;

/// Maximum number of examined values of a list, and of members of an object.
const MAX: usize = 50;

/// Type, cardinality and sub-attributes of a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// One of string, boolean, integer, decimal and complex; `None` if unknown, for example for null.
    pub kind: Option<Type>,
    /// Whether it was a list.
    pub multi_valued: bool,
    /// Members of a complex value, in the order in which they were first seen.
    pub sub_attributes: Vec<(String, Shape)>,
}

impl Shape {
    /// The shape of a value.
    pub fn of(value: &Value) -> Self {
        Self::within(value, 2)
    }

    /// `levels` limits the depth of described objects: SCIM has attributes and sub-attributes.
    fn within(value: &Value, levels: usize) -> Self {
        let simple = |kind| Self {
            kind: Some(kind),
            ..Self::default()
        };
        match value {
            Value::Null => Self::default(),
            Value::Bool(_) => simple(Type::Boolean),
            Value::Number(number) if number.is_f64() => simple(Type::Decimal),
            Value::Number(_) => simple(Type::Integer),
            Value::String(_) => simple(Type::String),
            Value::Array(values) => {
                let mut list = Self::default();
                values
                    .iter()
                    .take(MAX)
                    .for_each(|value| list.join(Self::within(value, levels)));
                Self {
                    multi_valued: true,
                    ..list
                }
            }
            Value::Object(members) => {
                let described = members.iter().take(if levels == 0 { 0 } else { MAX });
                let described = described
                    .map(|(name, value)| (printable(name), Self::within(value, levels - 1)));
                Self {
                    sub_attributes: described.collect(),
                    ..simple(Type::Complex)
                }
            }
        }
    }

    /// Approximate size of its text in bytes.
    pub(crate) fn weight(&self) -> usize {
        32 + self
            .sub_attributes
            .iter()
            .map(|(name, shape)| name.len() + shape.weight())
            .sum::<usize>()
    }

    /// The shape that includes both: the wider type if they differ.
    pub fn join(&mut self, other: Self) {
        self.kind = match (self.kind, other.kind) {
            (None, kind) | (kind, None) => kind,
            (Some(one), Some(same)) if one == same => Some(one),
            (Some(Type::Integer | Type::Decimal), Some(Type::Integer | Type::Decimal)) => {
                Some(Type::Decimal)
            }
            (Some(Type::Complex), _) | (_, Some(Type::Complex)) => Some(Type::Complex),
            _ => Some(Type::String),
        };
        self.multi_valued |= other.multi_valued;
        for (name, shape) in other.sub_attributes {
            let is_full = self.sub_attributes.len() >= MAX;
            match self
                .sub_attributes
                .iter_mut()
                .find(|(known, _)| known.eq_ignore_ascii_case(&name))
            {
                Some((_, known)) => known.join(shape),
                None if is_full => {}
                None => self.sub_attributes.push((name, shape)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn simple(kind: Type) -> Shape {
        Shape {
            kind: Some(kind),
            ..Shape::default()
        }
    }

    #[test]
    fn types_are_guessed() {
        for (value, kind) in [
            (json!("a"), Some(Type::String)),
            (json!(true), Some(Type::Boolean)),
            (json!(1), Some(Type::Integer)),
            (json!(1.5), Some(Type::Decimal)),
            (json!({}), Some(Type::Complex)),
            (json!(null), None),
        ] {
            assert_eq!(Shape::of(&value).kind, kind, "{value}");
        }
    }

    #[test]
    fn lists_join_their_values() {
        let shape = Shape::of(&json!([{"value": 1}, {"Value": 1.5, "type": "x"}, null]));
        assert!(shape.multi_valued);
        let subs = vec![
            ("value".to_owned(), simple(Type::Decimal)),
            ("type".to_owned(), simple(Type::String)),
        ];
        assert_eq!(
            (shape.kind, shape.sub_attributes),
            (Some(Type::Complex), subs)
        );
        assert_eq!(Shape::of(&json!([true, "a"])).kind, Some(Type::String));
        assert_eq!(
            Shape::of(&json!([])),
            Shape {
                multi_valued: true,
                ..Shape::default()
            }
        );
    }

    #[test]
    fn depth_and_width_are_bounded() {
        let deep = Shape::of(&json!({"a": {"b": {"c": 1}}}));
        assert_eq!(
            deep.sub_attributes[0].1.sub_attributes[0].1,
            simple(Type::Complex)
        );
        let wide: serde_json::Map<_, _> = (0..1000).map(|i| (format!("a{i}"), json!(1))).collect();
        assert_eq!(Shape::of(&Value::Object(wide)).sub_attributes.len(), MAX);
    }
}
