//! References between operations: `bulkId:x` is replaced by the id of the resource that the operation with `bulkId` `x`
//! creates (RFC 7644 section 3.7.2). A reference is a complete text: a value, the end of a `$ref` or of the path of an
//! operation, or a value in the brackets of a PATCH path. Other texts that contain `bulkId:` are not references.

use crate::filter::{Filter, FilterLimits, Literal, Test, parse_path};
use crate::messages::{BulkMethod, BulkOperation};
use crate::resource::Conformance;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const MARK: &str = "bulkId:";

/// The ids of created resources, by bulkId.
pub(super) type Ids = HashMap<String, String>;

/// Settings for parsing PATCH paths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paths<'a> {
    pub(super) limits: &'a FilterLimits,
    pub(super) conformance: Conformance,
}

/// The replacement of a bulkId; `None` leaves the reference unchanged.
type IdOf<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// The bulkIds that an operation refers to, in its path and in its data.
pub(super) fn references(operation: &BulkOperation, paths: Paths<'_>) -> Vec<String> {
    let mut names = Vec::new();
    visit(&mut operation.clone(), paths, &mut |name| {
        names.push(name.to_owned());
        None
    });
    names
}

/// The bulkIds in a value; `key` is the name of its member.
pub(super) fn references_in(key: &str, value: &Value) -> Vec<String> {
    let mut names = Vec::new();
    in_value(key, &mut value.clone(), &mut |name| {
        names.push(name.to_owned());
        None
    });
    names
}

/// Replaces references by ids.
///
/// # Errors
/// The first bulkId that has no id.
pub(super) fn resolve(
    operation: &mut BulkOperation,
    paths: Paths<'_>,
    ids: &Ids,
) -> Result<(), String> {
    let mut missing = None;
    visit(operation, paths, &mut |name| {
        let id = ids.get(name).cloned();
        if id.is_none() && missing.is_none() {
            missing = Some(name.to_owned());
        }
        id
    });
    missing.map_or(Ok(()), Err)
}

/// The path of an operation, with a known reference replaced by its id.
pub(super) fn resolved_path(path: &str, ids: &Ids) -> String {
    let mut path = path.to_owned();
    in_uri(&mut path, &mut |name| ids.get(name).cloned());
    path
}

fn visit(operation: &mut BulkOperation, paths: Paths<'_>, id_of: &mut IdOf<'_>) {
    in_uri(&mut operation.path, id_of);
    for (key, value) in &mut operation.data {
        match value {
            Value::Array(operations)
                if operation.method == BulkMethod::Patch
                    && key.eq_ignore_ascii_case("operations") =>
            {
                operations
                    .iter_mut()
                    .for_each(|operation| in_patch(operation, paths, id_of));
            }
            value => in_value(key, value, id_of),
        }
    }
}

/// An operation of a PATCH: its `path` is not a value.
fn in_patch(operation: &mut Value, paths: Paths<'_>, id_of: &mut IdOf<'_>) {
    let Value::Object(members) = operation else {
        return in_value("", operation, id_of);
    };
    for (key, value) in members {
        match value {
            Value::String(path) if key.eq_ignore_ascii_case("path") => in_path(path, paths, id_of),
            value => in_value(key, value, id_of),
        }
    }
}

fn in_value(key: &str, value: &mut Value, id_of: &mut IdOf<'_>) {
    match value {
        Value::String(text) => in_text(key, text, id_of),
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| in_value(key, value, id_of)),
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(key, value)| in_value(key, value, id_of)),
        _ => {}
    }
}

fn in_text(key: &str, text: &mut String, id_of: &mut IdOf<'_>) {
    if let Some(name) = text.strip_prefix(MARK) {
        if let Some(id) = id_of(name) {
            *text = id;
        }
    } else if key.eq_ignore_ascii_case("$ref") {
        in_uri(text, id_of);
    }
}

/// The end of a URI, after the slash.
fn in_uri(uri: &mut String, id_of: &mut IdOf<'_>) {
    let Some((before, name)) = uri.split_once("/bulkId:") else {
        return;
    };
    if let Some(id) = id_of(name) {
        *uri = format!("{before}/{id}");
    }
}

/// An invalid path stays unchanged, so that the operation is refused.
fn in_path(text: &mut String, paths: Paths<'_>, id_of: &mut IdOf<'_>) {
    if !text.contains(MARK) {
        return;
    }
    let Ok(mut path) = parse_path(text, paths.limits, paths.conformance) else {
        return;
    };
    let mut is_changed = false;
    if let Some(filter) = &mut path.filter {
        in_filter(filter, &mut |name| {
            let id = id_of(name);
            is_changed |= id.is_some();
            id
        });
    }
    if is_changed {
        *text = path.to_string();
    }
}

fn in_filter(filter: &mut Filter, id_of: &mut IdOf<'_>) {
    match filter {
        Filter::Or(terms) | Filter::And(terms) => {
            terms.iter_mut().for_each(|term| in_filter(term, id_of));
        }
        Filter::Not(inner) => in_filter(inner, id_of),
        Filter::Test { name, test } => {
            if let Test::Compare(_, Literal::Text(text)) | Test::NotEqual(Literal::Text(text)) =
                test
            {
                in_text(&name.text, text, id_of);
            }
        }
        Filter::Values { filter, .. } => in_filter(filter, id_of),
    }
}

/// Removes attributes with references to later resources from a body; returns PATCH operations that add them later,
/// under their original keys.
pub(super) fn postpone(data: &mut Map<String, Value>, comes: &dyn Fn(&str) -> bool) -> Vec<Value> {
    let waits = |key: &str, value: &Value| references_in(key, value).iter().any(|name| comes(name));
    let add = |name: &str, value: Value| json!({"op": "add", "value": {name: value}});
    let mut later = Vec::new();
    for (name, value) in data.iter_mut() {
        if let (Value::Object(members), true) = (value, name.contains(':')) {
            for (attribute, value) in take_out(members, &waits) {
                later.push(add(name, json!({ attribute: value })));
            }
        }
    }
    for (name, value) in take_out(data, &waits) {
        later.push(add(&name, value));
    }
    later
}

fn take_out(
    members: &mut Map<String, Value>,
    waits: &dyn Fn(&str, &Value) -> bool,
) -> Vec<(String, Value)> {
    let waiting: Vec<String> = members
        .iter()
        .filter(|(name, value)| waits(name, value))
        .map(|(name, _)| name.clone())
        .collect();
    waiting
        .into_iter()
        .filter_map(|name| members.shift_remove_entry(&name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: BulkMethod, path: &str, data: Value) -> BulkOperation {
        let Value::Object(data) = data else { panic!() };
        BulkOperation {
            method,
            bulk_id: None,
            path: path.to_owned(),
            version: None,
            data,
        }
    }

    fn resolved(mut operation: BulkOperation) -> (String, Value, Vec<String>) {
        let limits = FilterLimits::default();
        let paths = Paths {
            limits: &limits,
            conformance: Conformance::Lenient,
        };
        let names = references(&operation, paths);
        let ids = [("a", "1"), ("ab", "2"), ("a/b\"]", "3")];
        let ids = ids
            .map(|(name, id)| (name.to_owned(), id.to_owned()))
            .into();
        let _ = resolve(&mut operation, paths, &ids);
        (operation.path, Value::Object(operation.data), names)
    }

    #[test]
    fn a_reference_is_the_whole_of_a_value() {
        let body = json!({
            "members": [{"value": "bulkId:a", "$ref": "../Users/bulkId:ab"}, {"value": "bulkId:a/b\"]"}],
            "title": "ask bulkId:a",
            "nickName": "../Users/bulkId:a",
            "password": "xxbulkId:zz",
        });
        let (path, data, names) = resolved(operation(BulkMethod::Put, "/Groups/bulkId:ab", body));
        assert_eq!(path, "/Groups/2");
        assert_eq!(
            data,
            json!({
                "members": [{"value": "1", "$ref": "../Users/2"}, {"value": "3"}],
                "title": "ask bulkId:a",
                "nickName": "../Users/bulkId:a",
                "password": "xxbulkId:zz",
            })
        );
        assert_eq!(names, ["ab", "a", "ab", "a/b\"]"]);
    }

    #[test]
    fn a_path_refers_by_a_value_in_its_brackets() {
        for (path, after) in [
            ("members[value eq \"bulkId:a\"]", "members[value eq \"1\"]"),
            ("members[value eq 'bulkId:ab']", "members[value eq \"2\"]"),
            (
                "members[value eq bulkId:a and type eq User]",
                "members[value eq \"1\" and type eq \"User\"]",
            ),
            (
                "members[value eq \"bulkId:a/b\\\"]\"]",
                "members[value eq \"3\"]",
            ),
            (
                "emails[value eq \"not bulkId:a\"].value",
                "emails[value eq \"not bulkId:a\"].value",
            ),
            ("members[value eq \"bulkId:a", "members[value eq \"bulkId:a"),
        ] {
            let body = json!({"Operations": [{"op": "remove", "path": path}]});
            let (_, data, _) = resolved(operation(BulkMethod::Patch, "/Groups/1", body));
            assert_eq!(data["Operations"][0]["path"], after);
        }
        let kept = json!({"path": "members[value eq \"bulkId:a\"]"});
        let (_, data, names) = resolved(operation(BulkMethod::Put, "/Groups/1", kept.clone()));
        assert_eq!((data, names), (kept, Vec::new()));
    }

    #[test]
    fn postponed_attributes_are_added_later() {
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
