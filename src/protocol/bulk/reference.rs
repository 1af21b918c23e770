//! References between operations: `bulkId:x` stands for the id of what the operation with
//! `bulkId` `x` creates (RFC 7644 section 3.7.2).

use serde_json::{Map, Value, json};
use std::collections::HashMap;

const MARK: &str = "bulkId:";

/// The bulkIds that a text refers to: as a whole, or within the quotes of a PATCH path.
fn in_text(text: &str) -> impl Iterator<Item = &str> {
    text.split(MARK)
        .skip(1)
        .map(|after| after.split(['"', '/', ']']).next().unwrap_or(after))
}

/// The bulkIds that a value refers to.
pub(super) fn references(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.contains(MARK) => in_text(text).map(str::to_owned).collect(),
        Value::Array(values) => values.iter().flat_map(references).collect(),
        Value::Object(members) => members.values().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// The same text with ids in place of references that are known.
pub(super) fn resolve_text(text: &str, ids: &HashMap<String, String>) -> String {
    let mut resolved = text.to_owned();
    let mut names: Vec<_> = in_text(text).collect();
    // A longer name may begin with a shorter one.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in names {
        if let Some(id) = ids.get(name) {
            resolved = resolved.replace(&format!("{MARK}{name}"), id);
        }
    }
    resolved
}

/// The same value with ids in place of references that are known.
pub(super) fn resolve(value: &Value, ids: &HashMap<String, String>) -> Value {
    match value {
        Value::String(text) if text.contains(MARK) => Value::String(resolve_text(text, ids)),
        Value::Array(values) => values.iter().map(|value| resolve(value, ids)).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), resolve(value, ids)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Takes the attributes that refer to `unknown` ids out of a body; they come back as PATCH
/// operations that add them later, under the keys that they had.
pub(super) fn postpone(
    data: &mut Map<String, Value>,
    unknown: &dyn Fn(&str) -> bool,
) -> Vec<Value> {
    let mut later = Vec::new();
    let waits = |value: &Value| references(value).iter().any(|name| unknown(name));
    let add = |name: &str, value: Value| json!({"op": "add", "value": {name: value}});
    for (name, value) in data.iter_mut() {
        let Value::Object(members) = value else {
            continue;
        };
        if name.contains(':') {
            let waiting: Vec<String> = members
                .iter()
                .filter(|(_, value)| waits(value))
                .map(|(name, _)| name.clone())
                .collect();
            for attribute in waiting {
                let value = members.shift_remove(&attribute).unwrap_or_default();
                later.push(add(name, json!({ attribute: value })));
            }
        }
    }
    let waiting: Vec<String> = data
        .iter()
        .filter(|(_, value)| waits(value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in waiting {
        let value = data.shift_remove(&name).unwrap_or_default();
        later.push(add(&name, value));
    }
    later
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_and_resolved_anywhere() {
        let value = json!({"members": [{"value": "bulkId:a"}, {"value": "bulkId:ab"}], "path": "members[value eq \"bulkId:a\"]"});
        let ids = HashMap::from([
            ("a".to_owned(), "1".to_owned()),
            ("ab".to_owned(), "2".to_owned()),
        ]);
        assert_eq!(references(&value), ["a", "ab", "a"]);
        let resolved = resolve(&value, &ids);
        assert_eq!(
            resolved,
            json!({"members": [{"value": "1"}, {"value": "2"}], "path": "members[value eq \"1\"]"})
        );
        assert_eq!(resolve_text("/Users/bulkId:ab", &ids), "/Users/2");
    }

    #[test]
    fn what_waits_is_added_later() {
        let Value::Object(mut data) = json!({"displayName": "A", "members": [{"value": "bulkId:b"}],
            "urn:x:y": {"manager": {"value": "bulkId:b"}, "level": 1}})
        else {
            panic!()
        };
        let later = postpone(&mut data, &|name| name == "b");
        assert_eq!(
            Value::Object(data),
            json!({"displayName": "A", "urn:x:y": {"level": 1}})
        );
        assert_eq!(
            later[0]["value"],
            json!({"urn:x:y": {"manager": {"value": "bulkId:b"}}})
        );
        assert_eq!(
            later[1]["value"],
            json!({"members": [{"value": "bulkId:b"}]})
        );
    }
}
