//! The target of a PATCH operation (RFC 7644 section 3.5.2).

use crate::error::Error;
use crate::filter::{Filter, Name};
use crate::resource::{LeftOut, printable};
use crate::schema::{Attribute, AttributePath, Extension, Mutability, ResourceType};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The target of an operation.
#[derive(Debug)]
pub(super) enum Target {
    /// The resource; the members of the value are its attributes.
    Resource,
    /// All attributes of an extension.
    Extension(Extension),
    /// An attribute, some of its values, or a sub-attribute.
    Attribute(Place),
    /// An undeclared name.
    Undeclared(Undeclared),
}

/// An attribute or sub-attribute that the type does not have.
#[derive(Debug)]
pub(super) struct Undeclared {
    /// The name in attribute notation, without a sub-attribute after brackets.
    pub(super) name: String,
    /// The content of the brackets and the name after them, if the name before them is unknown.
    pub(super) within: Option<(Filter, Option<Name>)>,
    /// The compared value, if the name is in brackets.
    pub(super) compared: Option<Value>,
    /// The error with the name: 400 `invalidPath`, or `invalidFilter` if it is in brackets.
    pub(super) refusal: Error,
}

impl Undeclared {
    /// The attribute with its new value.
    pub(super) fn left_out(&self, value: Option<&Value>) -> LeftOut {
        let value = self.compared.as_ref().or(value).cloned();
        let value = value.unwrap_or_default();
        LeftOut::UnknownAttribute {
            name: printable(&self.name),
            value: match &self.within {
                None => value,
                Some((filter, sub)) => Value::Array(vec![chosen(filter, sub.as_ref(), value)]),
            },
        }
    }
}

/// A value that matches the brackets, with a different sub-attribute.
fn chosen(filter: &Filter, sub: Option<&Name>, value: Value) -> Value {
    let terms = filter.equalities().unwrap_or_default().into_iter();
    let mut members: Map<_, _> = terms
        .map(|(name, literal)| (name.text.clone(), literal.to_value().unwrap_or_default()))
        .collect();
    match (sub, value) {
        (Some(sub), value) => drop(members.insert(sub.text.clone(), value)),
        (None, Value::Object(given)) => members.extend(given),
        (None, _) => {}
    }
    Value::Object(members)
}

/// The attribute at a path.
#[derive(Debug)]
pub(super) struct Place {
    /// The attribute and the sub-attribute.
    pub(super) path: AttributePath,
    /// The filter in brackets, which selects values.
    pub(super) filter: Option<Filter>,
}

impl Place {
    /// The attribute, not the sub-attribute.
    pub(super) fn attribute(&self) -> &Arc<Attribute> {
        &self.path.attribute
    }

    /// The path of the attribute, not of the sub-attribute.
    pub(super) fn top(&self) -> AttributePath {
        AttributePath {
            sub: None,
            leaf: None,
            ..self.path.clone()
        }
    }

    /// Whether only the server writes the attribute.
    pub(super) fn is_read_only(&self, resource_type: &ResourceType) -> bool {
        let read_only = |attribute: &Attribute| attribute.mutability() == Mutability::ReadOnly;
        read_only(self.attribute())
            || read_only(self.path.end())
            || self.is(resource_type.member_of())
    }

    /// Whether the place is this top-level attribute.
    pub(super) fn is(&self, attribute: Option<&Arc<Attribute>>) -> bool {
        self.path.container.is_none()
            && attribute.is_some_and(|other| Arc::ptr_eq(other, self.attribute()))
    }
}
