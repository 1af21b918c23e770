//! The difference between two states of a document, for the change log.

use crate::model::TypeRoles;
use crate::resource::Attributes;
use crate::store::resources::document::NewDocument;
use crate::store::resources::ids::TypeIds;
use serde_json::{Map, Value};

/// The attributes that a write changes.
#[derive(Debug, Default)]
pub(in crate::store) struct Difference {
    /// Their names, separated by commas; attributes of extensions as `URN:name`.
    pub(in crate::store) names: String,
    /// The previous values of the attributes, as JSON in the form of a document.
    pub(in crate::store) was: String,
}

impl Difference {
    /// The difference from `before` to the new state. A password is listed without its value.
    pub(in crate::store) fn between(
        before: &Attributes,
        written: &NewDocument,
        of_type: &TypeIds,
    ) -> Self {
        let changed = written.attributes.changed_names(before);
        Self::of_changed(before, written, &changed, of_type)
    }

    /// The difference, with the names of the top-level attributes that differ.
    pub(in crate::store) fn of_changed(
        before: &Attributes,
        written: &NewDocument,
        changed: &[&str],
        of_type: &TypeIds,
    ) -> Self {
        let (mut names, mut was) = (Vec::new(), Map::new());
        let password = of_type.resource_type.password();
        for name in changed.iter().copied() {
            let (old, new) = (before.get(name), written.attributes.get(name));
            if !name.contains(':') {
                names.push(name.to_owned());
                was.extend(old.map(|old| (name.to_owned(), old.clone())));
                continue;
            }
            let mut part = Map::new();
            for (inner, old) in changed_within(members(old), members(new)) {
                names.push(format!("{name}:{inner}"));
                part.extend(old.map(|old| (inner.to_owned(), old.clone())));
            }
            if !part.is_empty() {
                was.insert(name.to_owned(), Value::Object(part));
            }
        }
        if let (Some(password), Some(_)) = (password, &written.password) {
            names.push(password.name().to_string());
        }
        Self {
            names: names.join(","),
            was: Value::Object(was).to_string(),
        }
    }
}

/// Names of members that differ, with their previous values.
fn changed_within<'a>(
    before: Option<&'a Map<String, Value>>,
    after: Option<&'a Map<String, Value>>,
) -> Vec<(&'a str, Option<&'a Value>)> {
    let old = |name: &str| before.and_then(|before| before.get(name));
    let new = |name: &str| after.and_then(|after| after.get(name));
    let was = before.into_iter().flatten().map(|(name, _)| name.as_str());
    let added = after
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .filter(|name| old(name).is_none());
    was.chain(added)
        .filter(|name| old(name) != new(name))
        .map(|name| (name, old(name)))
        .collect()
}

fn members(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}
