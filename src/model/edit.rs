//! Creates and edits schema files: extensions of resource types, attribute by attribute.

use super::annotation::{ANNOTATION, HIDES};
use crate::schema::SCHEMA;
use serde_json::{Map, Value, json};

/// A schema file without attributes.
pub(crate) fn extension(urn: &str) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("schemas".into(), json!([SCHEMA]));
    document.insert("id".into(), urn.into());
    document.insert("name".into(), name_of(urn).into());
    document.insert("attributes".into(), json!([]));
    document
}

/// A readable name: `AcmeUser` for `urn:ietf:params:scim:schemas:extension:acme:2.0:User`.
fn name_of(urn: &str) -> String {
    let parts = urn
        .split(':')
        .rev()
        .filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()))
        .take(2);
    let capital = |part: &str| {
        let mut letters = part.chars().filter(char::is_ascii_alphanumeric);
        letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect::<String>()
    };
    let parts: Vec<_> = parts.map(capital).collect();
    parts.into_iter().rev().collect()
}

/// Names of resource types that a file extends.
pub(crate) fn extends(document: &Map<String, Value>) -> Vec<String> {
    own_names(document, "extends")
}

/// Sets the resource types that a file extends.
pub(crate) fn extend(document: &mut Map<String, Value>, types: &[String]) {
    set_own(document, "extends", Some(types.into()));
}

/// Removes the object of this server, so that only the schema of RFC 7643 remains.
pub(crate) fn strip(document: &mut Map<String, Value>) {
    document.shift_remove(ANNOTATION);
}

/// The names in an array of the object of this server.
fn own_names(document: &Map<String, Value>, key: &str) -> Vec<String> {
    let names = document
        .get(ANNOTATION)
        .and_then(|own| own.get(key))
        .and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn set_own(document: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    let Value::Object(own) = document.entry(ANNOTATION).or_insert_with(|| json!({})) else {
        return;
    };
    match value {
        Some(value) => drop(own.insert(key.to_owned(), value)),
        None => drop(own.remove(key)),
    }
}

/// The attribute definitions of a file.
fn attributes(document: &Map<String, Value>) -> &[Value] {
    document
        .get("attributes")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn is_named(definition: &Value, name: &str) -> bool {
    definition
        .get("name")
        .and_then(Value::as_str)
        .is_some_and(|other| other.eq_ignore_ascii_case(name))
}

/// The definition of an attribute, by its name in any letter case.
pub(crate) fn attribute<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    attributes(document)
        .iter()
        .find(|definition| is_named(definition, name))
}

/// Names of the attributes.
pub fn names(document: &Map<String, Value>) -> impl Iterator<Item = &str> {
    attributes(document)
        .iter()
        .filter_map(|definition| definition.get("name").and_then(Value::as_str))
}

/// Adds an attribute, or replaces the definition with the same name.
pub(crate) fn put(document: &mut Map<String, Value>, definition: Value) {
    let Some(name) = definition
        .get("name")
        .and_then(Value::as_str)
        .map(str::to_owned)
    else {
        return;
    };
    show(document, &name);
    let list = document.entry("attributes").or_insert_with(|| json!([]));
    let Some(list) = list.as_array_mut() else {
        return;
    };
    match list.iter_mut().find(|there| is_named(there, &name)) {
        Some(there) => *there = definition,
        None => list.push(definition),
    }
}

/// Removes an attribute and records that resources can have values of it; `false` for an unknown name.
pub(crate) fn remove(document: &mut Map<String, Value>, name: &str) -> bool {
    let Some(spelt) = attribute(document, name)
        .and_then(|found| found.get("name")?.as_str())
        .map(str::to_owned)
    else {
        return false;
    };
    if let Some(list) = document.get_mut("attributes").and_then(Value::as_array_mut) {
        list.retain(|definition| !is_named(definition, name));
    }
    hide(document, [spelt]);
    true
}

/// The names of attributes that were removed.
pub(crate) fn hidden(document: &Map<String, Value>) -> Vec<String> {
    own_names(document, HIDES)
}

/// Records names of former attributes, of which resources can have values.
pub(crate) fn hide(document: &mut Map<String, Value>, names: impl IntoIterator<Item = String>) {
    let mut all = hidden(document);
    for name in names {
        let is_there = attribute(document, &name).is_some()
            || all.iter().any(|there| there.eq_ignore_ascii_case(&name));
        if !is_there {
            all.push(name);
        }
    }
    set_hidden(document, all);
}

/// Deletes the record of a removed attribute.
fn show(document: &mut Map<String, Value>, name: &str) {
    let mut all = hidden(document);
    all.retain(|there| !there.eq_ignore_ascii_case(name));
    set_hidden(document, all);
}

fn set_hidden(document: &mut Map<String, Value>, names: Vec<String>) {
    if !names.is_empty() || document.contains_key(ANNOTATION) {
        set_own(document, HIDES, (!names.is_empty()).then(|| names.into()));
    }
}

/// The file as formatted text.
pub fn text(document: &Map<String, Value>) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_attributes_are_recorded_until_they_are_added_again() {
        let mut document = extension("urn:ietf:params:scim:schemas:extension:acme:2.0:User");
        assert_eq!(document["name"], "AcmeUser");
        put(&mut document, json!({"name": "level", "type": "integer"}));
        put(&mut document, json!({"name": "badge"}));
        assert!(remove(&mut document, "LEVEL") && !remove(&mut document, "level"));
        assert_eq!(
            (hidden(&document), names(&document).collect::<Vec<_>>()),
            (vec!["level".to_owned()], vec!["badge"])
        );
        put(&mut document, json!({"name": "Level", "type": "string"}));
        assert_eq!(hidden(&document), Vec::<String>::new());
        assert_eq!(attribute(&document, "level").unwrap()["type"], "string");
    }
}
