//! A resolved path: where a column finds its value in a document.

use serde_json::{Map, Value};
use std::sync::Arc;

/// The object with the attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Container {
    /// The document.
    Document,
    /// The object of an extension.
    Extension(Arc<str>),
    /// The object of the first extension that has the attribute.
    AnyExtension,
}

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// Text, and times in the form of RFC 3339.
    Text,
    /// `true` or `false`.
    Boolean,
    /// An integer.
    Integer,
    /// A number.
    Decimal,
}

impl ColumnType {
    /// The type, a keyword.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
        }
    }

    /// A value, if it is of the type; text of any other value is its JSON.
    fn typed(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (_, Value::Null) => None,
            (Self::Text, Value::String(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::Decimal, Value::Number(_)) => Some(value.clone()),
            (Self::Text, other) => Some(Value::from(other.to_string())),
            (Self::Integer, Value::Number(number)) => number.as_i64().map(Value::from),
            _ => None,
        }
    }
}

/// The condition on a sub-attribute for selecting a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The sub-attribute has this Boolean value.
    Is(Arc<str>, bool),
    /// The sub-attribute has this text; `true` ignores the case of ASCII letters.
    Equals(Arc<str>, String, bool),
}

/// The location of a value in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The object with the attribute.
    pub(crate) container: Container,
    /// The attribute.
    pub(crate) attribute: Arc<str>,
    /// Whether it is an array, of which the first value that matches the conditions is used.
    pub(crate) is_list: bool,
    /// The conditions on a value of the array.
    pub(crate) conditions: Vec<Condition>,
    /// The sub-attribute.
    pub(crate) sub: Option<Arc<str>>,
    /// Type of the value.
    pub(crate) kind: ColumnType,
}

impl Source {
    /// The text at this location of a document.
    pub(crate) fn text<'a>(&self, document: &'a Map<String, Value>) -> Option<&'a str> {
        self.find(document, &|value| value.as_str())
    }

    /// The value at this location of a document, with the type of the source, as in the views.
    pub(crate) fn value(&self, document: &Map<String, Value>) -> Option<Value> {
        self.find(document, &|value| self.kind.typed(value))
    }

    /// The first value that `read` accepts.
    fn find<'a, T>(
        &self,
        document: &'a Map<String, Value>,
        read: &dyn Fn(&'a Value) -> Option<T>,
    ) -> Option<T> {
        match &self.container {
            Container::Document => self.find_in(document, read),
            Container::Extension(urn) => {
                self.find_in(document.get(urn.as_ref())?.as_object()?, read)
            }
            Container::AnyExtension => {
                let mut extensions: Vec<_> =
                    document.iter().filter(|(name, _)| is_urn(name)).collect();
                extensions.sort_by_key(|(name, _)| *name);
                extensions
                    .into_iter()
                    .find_map(|(_, value)| self.find_in(value.as_object()?, read))
            }
        }
    }

    fn find_in<'a, T>(
        &self,
        holder: &'a Map<String, Value>,
        read: &dyn Fn(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = holder.get(self.attribute.as_ref())?;
        if !self.is_list {
            return read(self.end(value)?);
        }
        let chosen = value
            .as_array()?
            .iter()
            .filter(|value| self.conditions.iter().all(|c| c.is_met(value)));
        chosen.into_iter().find_map(|value| read(self.end(value)?))
    }

    fn end<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.sub
            .as_ref()
            .map_or(Some(value), |sub| value.get(sub.as_ref()))
    }
}

impl Condition {
    fn is_met(&self, value: &Value) -> bool {
        match self {
            Self::Is(name, flag) => {
                value.get(name.as_ref()).and_then(Value::as_bool) == Some(*flag)
            }
            Self::Equals(name, text, folded) => value
                .get(name.as_ref())
                .and_then(Value::as_str)
                .is_some_and(|found| match folded {
                    true => found.eq_ignore_ascii_case(text),
                    false => found == text,
                }),
        }
    }
}

/// Whether a member of a document is the object of an extension.
fn is_urn(name: &str) -> bool {
    name.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}
