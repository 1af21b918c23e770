//! Resolved operations: the interface between resolving and applying.

use crate::filter::Predicate;
use crate::resource::same;
use crate::schema::{Attribute, AttributePath};
use serde_json::{Map, Value};
use std::sync::Arc;

/// One change of the document by an operation. An operation without a path can have several.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// Number of the operation in the request, from 1, for messages.
    pub(super) operation: usize,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    /// An attribute is changed; its path has no sub-attribute.
    Change {
        path: AttributePath,
        change: Box<Change>,
    },
    /// All attributes of the extension with that URN are removed.
    RemoveExtension(Arc<str>),
    /// The id that the client sent must be that of the resource.
    RequireId(String),
}

/// A change of the value of an attribute or sub-attribute.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// The value is replaced.
    Set(Value),
    /// These values are added.
    Append(Vec<Value>),
    /// The value is removed.
    Unset,
    /// The value is removed, unless this sub-attribute already has this value.
    UnsetUnless(Arc<Attribute>, Value),
    /// Some values are changed. A single-valued attribute is handled as a list of at most one value.
    Select(Selection),
}

/// A change to some values of an attribute.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub(super) which: Which,
    pub(super) edit: Edit,
    /// Effect if no value matches.
    pub(super) no_match: NoMatch,
}

/// The selected values of an attribute.
#[derive(Debug, Clone)]
pub(super) enum Which {
    /// Every value.
    All,
    /// Values that match the filter of a value path.
    Matching(Predicate),
    /// Values that have every sub-attribute of one of these objects.
    Holding(Vec<Value>),
}

#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// Some sub-attributes are changed.
    Merge(Vec<SubChange>),
    /// The value is replaced, except for these sub-attributes.
    Replace(Value, Vec<Arc<Attribute>>),
    /// The value is removed.
    Remove,
}

#[derive(Debug, Clone)]
pub(super) struct SubChange {
    pub(super) sub: Arc<Attribute>,
    pub(super) change: Change,
}

#[derive(Debug, Clone)]
pub(super) enum NoMatch {
    /// Nothing is changed.
    Nothing,
    /// The operation is refused with 400 `noTarget`.
    Refuse,
    /// This value is added.
    Make(Value),
}

impl Change {
    /// Names of the sub-attributes that the change sets.
    pub(super) fn sub_names(&self) -> Vec<&str> {
        match self {
            Self::Set(value) => keys(std::slice::from_ref(value)),
            Self::Append(values) => keys(values),
            Self::Unset | Self::UnsetUnless(..) => Vec::new(),
            Self::Select(Selection { edit, .. }) => match edit {
                Edit::Merge(subs) => subs.iter().map(|sub| sub.sub.name().as_ref()).collect(),
                Edit::Replace(value, _) => keys(std::slice::from_ref(value)),
                Edit::Remove => Vec::new(),
            },
        }
    }
}

/// The names of the members of objects, also inside arrays.
fn keys(values: &[Value]) -> Vec<&str> {
    let mut names = Vec::new();
    for value in values {
        match value {
            Value::Object(members) => names.extend(members.keys().map(String::as_str)),
            Value::Array(values) => names.extend(keys(values)),
            _ => {}
        }
    }
    names
}

impl Which {
    pub(super) fn selects(&self, attribute: &Attribute, value: &Value) -> bool {
        match self {
            Self::All => true,
            Self::Matching(predicate) => predicate.matches_element(attribute, value),
            Self::Holding(listed) => listed.iter().any(|listed| holds(attribute, value, listed)),
        }
    }
}

/// Whether a value has every sub-attribute of another, with the same content.
fn holds(attribute: &Attribute, value: &Value, part: &Value) -> bool {
    let Some(part) = part.as_object() else {
        return same(attribute, value, part);
    };
    part.iter().all(
        |(name, part)| match (attribute.sub_attribute(name), value.get(name)) {
            (Some(sub), Some(value)) => same(sub, value, part),
            _ => false,
        },
    )
}

/// The new value that these changes create if there was none.
pub(super) fn made_of(attribute: &Attribute, subs: &[SubChange]) -> Map<String, Value> {
    let made = subs.iter().filter_map(|SubChange { sub, change }| {
        let value = match change {
            Change::Set(value) => value.clone(),
            Change::Append(values) => Value::Array(values.clone()),
            Change::Unset | Change::UnsetUnless(..) | Change::Select(_) => return None,
        };
        Some((sub.name().to_string(), value))
    });
    in_order(attribute, made.collect())
}

/// The changes that add the sub-attributes of a value to another; existing ones stay unchanged.
pub(super) fn additions(
    attribute: &Attribute,
    value: &Map<String, Value>,
    to: &Map<String, Value>,
) -> Vec<SubChange> {
    let named = value
        .iter()
        .filter_map(|(name, value)| Some((attribute.sub_attribute(name)?, value)));
    let new = named.filter(|(sub, value)| {
        to.get(sub.name().as_ref())
            .is_none_or(|there| !same(sub, there, value))
    });
    new.map(|(sub, value)| {
        let change = match value {
            Value::Array(values) if sub.is_multi_valued() => Change::Append(values.clone()),
            value => Change::Set(value.clone()),
        };
        SubChange {
            sub: sub.clone(),
            change,
        }
    })
    .collect()
}

/// The sub-attributes in the order of the schema, so that equal values have equal text.
pub(super) fn in_order(
    attribute: &Attribute,
    mut object: Map<String, Value>,
) -> Map<String, Value> {
    let subs = attribute.sub_attributes().iter();
    subs.filter_map(|sub| object.remove_entry(sub.name().as_ref()))
        .collect()
}
