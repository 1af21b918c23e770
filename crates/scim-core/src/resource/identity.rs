//! Equality of complete values, including complex ones, based on [`Key`]s.

use super::key::Key;
use crate::schema::Attribute;
use serde_json::Value;
use std::collections::HashSet;

/// The identity of a value: equal if and only if two values of an attribute are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Identity {
    /// The key of a simple value.
    Simple(Key),
    /// The JSON text of a value without a key.
    Text(String),
    /// The sub-attributes with a value, with their positions in the definition.
    Complex(Vec<(usize, Identity)>),
    /// The values of a multi-valued sub-attribute in the order of their identities.
    Several(Vec<Identity>),
}

/// The identity of one value of an attribute.
pub(crate) fn identity(attribute: &Attribute, value: &Value) -> Identity {
    match value {
        Value::Object(object) => {
            let subs = attribute.sub_attributes().iter().enumerate();
            let held = subs
                .filter_map(|(i, sub)| Some((i, identity(sub, object.get(sub.name().as_ref())?))));
            Identity::Complex(held.collect())
        }
        Value::Array(values) => {
            let mut several: Vec<_> = values
                .iter()
                .map(|value| identity(attribute, value))
                .collect();
            several.sort_unstable();
            Identity::Several(several)
        }
        simple => Key::of(attribute, simple)
            .map_or_else(|| Identity::Text(simple.to_string()), Identity::Simple),
    }
}

/// Whether two values of an attribute are the same: equal keys, sub-attribute by sub-attribute, in any order of values
/// (RFC 7643 section 2.4: the order is not significant).
pub fn same(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) if attribute.is_multi_valued() => {
            let ids = |values: &[Value]| {
                values
                    .iter()
                    .map(|v| identity(attribute, v))
                    .collect::<HashSet<_>>()
            };
            a.len() == b.len() && ids(a) == ids(b)
        }
        _ => identity(attribute, a) == identity(attribute, b),
    }
}
