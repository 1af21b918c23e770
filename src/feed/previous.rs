//! The attributes of a resource before a change.

use crate::resource::Attributes;
use crate::resource::projection::Projection;
use crate::schema::ResourceType;
use serde_json::{Map, Value};

/// The name of an attribute, with its extension.
fn split(name: &str) -> (Option<&str>, &str) {
    match name.rsplit_once(':') {
        Some((urn, name)) => (Some(urn), name),
        None => (None, name),
    }
}

/// The attributes before a change: the new ones with the previous values of changed attributes.
pub(super) fn before(
    after: &Map<String, Value>,
    changed: &[String],
    was: &Map<String, Value>,
) -> Map<String, Value> {
    let mut before = after.clone();
    for name in changed {
        match split(name) {
            (None, name) => put(&mut before, name, was.get(name)),
            (Some(urn), name) => {
                let mut part = before
                    .get(urn)
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_default();
                put(&mut part, name, within(was, urn, name));
                if part.is_empty() {
                    before.shift_remove(urn);
                } else {
                    before.insert(urn.to_owned(), Value::Object(part));
                }
            }
        }
    }
    before
}

/// The previous values of changed attributes for clients, null if there was none. Unreadable attributes are omitted.
pub(super) fn shown(
    resource_type: &ResourceType,
    projection: &Projection,
    changed: &[String],
    (before, after): (Map<String, Value>, Map<String, Value>),
) -> Map<String, Value> {
    let project =
        |attributes| projection.apply(resource_type, &Attributes::from_stored(attributes));
    let (before, after) = (project(before), project(after));
    let mut shown = Map::new();
    for name in changed {
        let (urn, name) = split(name);
        let of = |attributes: &Map<String, Value>| match urn {
            None => attributes.get(name).cloned(),
            Some(urn) => within(attributes, urn, name).cloned(),
        };
        let (was, is) = (of(&before), of(&after));
        if was.is_none() && is.is_none() {
            continue;
        }
        let was = was.unwrap_or_default();
        match urn {
            None => {
                shown.insert(name.to_owned(), was);
            }
            Some(urn) => {
                let part = shown
                    .entry(urn)
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(part) = part {
                    part.insert(name.to_owned(), was);
                }
            }
        }
    }
    shown
}

fn within<'a>(attributes: &'a Map<String, Value>, urn: &str, name: &str) -> Option<&'a Value> {
    attributes.get(urn)?.get(name)
}

fn put(into: &mut Map<String, Value>, name: &str, value: Option<&Value>) {
    match value {
        Some(value) => into.insert(name.to_owned(), value.clone()),
        None => into.shift_remove(name),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changed_attributes_are_as_they_were() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let after =
            object(json!({"a": 1, "b": 2, "urn:x:U": {"d": 1, "e": 2}, "urn:y:U": {"f": 1}}));
        let changed = ["a", "c", "urn:x:U:d", "urn:x:U:g", "urn:y:U:f"].map(str::to_owned);
        let was = object(json!({"c": 3, "urn:x:U": {"d": 0}}));
        let before = before(&after, &changed, &was);
        assert_eq!(
            Value::Object(before),
            json!({"b": 2, "c": 3, "urn:x:U": {"d": 0, "e": 2}})
        );
    }
}
