//! Resolves the value of an operation against its target (RFC 7644 sections 3.5.2.1 and 3.5.2.3).

use super::change::{Change, Edit, NoMatch, Selection, SubChange, Which, in_order, made_of};
use super::target::Place;
use super::{Verb, tolerance};
use crate::error::{Error, Result};
use crate::filter::{Filter, Predicate, literal_value};
use crate::resource::tolerance::{is_empty_reference, one_of_array};
use crate::resource::{Acceptance, accept_element, accept_value, has_only_read_only, unknown};
use crate::schema::{Attribute, Mutability};
use serde_json::{Map, Value};

/// The effect of `add` or `replace` with this value on an attribute or sub-attribute as a whole. `None`: no effect.
pub(super) fn put(
    attribute: &Attribute,
    verb: Verb,
    value: Value,
    path: &str,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Change>> {
    if attribute.is_multi_valued() {
        return put_values(attribute, verb, value, path, acceptance);
    }
    match one_value(value, acceptance) {
        Value::Object(object) if attribute.is_complex() => {
            if acceptance.conformance.is_lenient() && is_empty_reference(attribute, &object) {
                return Ok(Some(Change::Unset));
            }
            let subs = sub_changes(attribute, verb, object, path, acceptance)?;
            Ok((!subs.is_empty()).then(|| merge_whole(attribute, subs)))
        }
        value => Ok(Some(
            accept_element(attribute, value, &path, acceptance)?.map_or(Change::Unset, Change::Set),
        )),
    }
}

/// The new value of a single-valued place, or of an extension.
pub(super) fn one_value(value: Value, acceptance: &Acceptance<'_>) -> Value {
    if acceptance.conformance.is_lenient() {
        one_of_array(value)
    } else {
        value
    }
}

/// `add` appends and `replace` replaces; a value that is not an array is treated as a list with one value. If no value
/// is valid, nothing is replaced.
fn put_values(
    attribute: &Attribute,
    verb: Verb,
    value: Value,
    path: &str,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Change>> {
    let list = match value {
        list @ (Value::Array(_) | Value::Null) => list,
        one => Value::Array(vec![one]),
    };
    let is_read_only = has_only_read_only(attribute, &list);
    Ok(
        match (accept_value(attribute, list, &path, acceptance)?, verb) {
            _ if is_read_only => None,
            (Some(Value::Array(values)), Verb::Add) => Some(Change::Append(values)),
            (Some(values), _) => Some(Change::Set(values)),
            (None, Verb::Add) => None,
            (None, _) => Some(Change::Unset),
        },
    )
}

/// The changes of sub-attributes by an object. As in the body of a resource, sub-attributes that only the server writes
/// are ignored: RFC 7644 section 3.5.2.1 has an example of one.
fn sub_changes(
    attribute: &Attribute,
    verb: Verb,
    object: Map<String, Value>,
    path: &str,
    acceptance: &mut Acceptance<'_>,
) -> Result<Vec<SubChange>> {
    let mut changes = Vec::new();
    for (name, value) in object {
        let Some(sub) = attribute.sub_attribute(&name) else {
            unknown(&format!("{path}.{name}"), value, acceptance)?;
            continue;
        };
        if sub.mutability() == Mutability::ReadOnly {
            continue;
        }
        let change = put(
            sub,
            verb,
            value,
            &format!("{path}.{}", sub.name()),
            acceptance,
        )?;
        changes.extend(change.map(|change| SubChange {
            sub: sub.clone(),
            change,
        }));
    }
    Ok(with_uri(attribute, changes, acceptance))
}

/// The changes, with the change of the URI of a reference if its `value` changes.
pub(super) fn with_uri(
    attribute: &Attribute,
    changes: Vec<SubChange>,
    acceptance: &Acceptance<'_>,
) -> Vec<SubChange> {
    if acceptance.conformance.is_lenient() {
        tolerance::uri_of_value(attribute, changes)
    } else {
        changes
    }
}

/// Changes sub-attributes in every value; without values, a new one is created.
pub(super) fn merge_whole(attribute: &Attribute, subs: Vec<SubChange>) -> Change {
    let made = made_of(attribute, &subs);
    let no_match = if made.is_empty() {
        NoMatch::Nothing
    } else {
        NoMatch::Make(Value::Object(made))
    };
    Change::Select(Selection {
        which: Which::All,
        edit: Edit::Merge(subs),
        no_match,
    })
}

/// The effect of `add` or `replace` with a value path. `None`: no effect.
pub(super) fn put_selected(
    place: &Place,
    filter: &Filter,
    predicate: Predicate,
    verb: Verb,
    value: Value,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Change>> {
    let attribute = place.attribute().as_ref();
    let Some(mut edit) = edit(place, verb, value, acceptance)? else {
        return Ok(None);
    };
    let no_match = match begun_by(attribute, &edit) {
        None => without_value(verb, acceptance),
        // A value that the path would not find is not created: a repeated request would create it twice.
        Some(begun) => match complete(attribute, filter, begun, acceptance)
            .filter(|made| predicate.matches_element(attribute, made))
        {
            Some(made) => with_value(made, verb, acceptance),
            None => NoMatch::Refuse,
        },
    };
    if let (Edit::Replace(value, kept), true) = (&mut edit, acceptance.conformance.is_lenient()) {
        *kept = tolerance::terms_kept(attribute, filter, value);
    }
    Ok(Some(Change::Select(Selection {
        which: Which::Matching(predicate),
        edit,
        no_match,
    })))
}

/// The change of a matching value. `None`: no change.
fn edit(
    place: &Place,
    verb: Verb,
    value: Value,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Edit>> {
    let attribute = place.attribute().as_ref();
    let path = place.path.to_string();
    if let Some(sub) = &place.path.sub {
        let change = put(sub, verb, value, &path, acceptance)?;
        return Ok(change.map(|change| {
            let change = SubChange {
                sub: sub.clone(),
                change,
            };
            Edit::Merge(with_uri(attribute, vec![change], acceptance))
        }));
    }
    match one_value(value, acceptance) {
        value if has_only_read_only(attribute, &value) => {
            accept_element(attribute, value, &path, acceptance)?;
            Ok(None)
        }
        Value::Null if verb == Verb::Add => Ok(None),
        Value::Object(object) if verb == Verb::Add && attribute.is_complex() => {
            let subs = sub_changes(attribute, verb, object, &path, acceptance)?;
            Ok((!subs.is_empty()).then_some(Edit::Merge(subs)))
        }
        value => Ok(Some(
            accept_element(attribute, value, &path, acceptance)?
                .map_or(Edit::Remove, |value| Edit::Replace(value, Vec::new())),
        )),
    }
}

/// The value that an edit creates if there is none.
fn begun_by(attribute: &Attribute, edit: &Edit) -> Option<Value> {
    match edit {
        Edit::Merge(subs) => Some(made_of(attribute, subs))
            .filter(|made| !made.is_empty())
            .map(Value::Object),
        Edit::Replace(value, _) => Some(value.clone()),
        Edit::Remove => None,
    }
}

/// A new value with the sub-attributes of the `eq` terms of the filter. `None` if the filter has other terms or
/// contradicts itself: it does not describe a value.
fn complete(
    attribute: &Attribute,
    filter: &Filter,
    begun: Value,
    acceptance: &mut Acceptance<'_>,
) -> Option<Value> {
    let Value::Object(mut object) = begun else {
        return Some(begun);
    };
    let mut said = Map::new();
    for (name, literal) in filter.equalities()? {
        let sub = attribute.sub_attribute(&name.text)?;
        let value = literal_value(sub, literal, acceptance.conformance)?;
        if !object.contains_key(sub.name().as_ref()) {
            let value = if sub.is_multi_valued() {
                Value::Array(vec![value])
            } else {
                value
            };
            said.insert(sub.name().to_string(), value);
        }
    }
    let said = accept_element(attribute, Value::Object(said), attribute.name(), acceptance);
    if let Some(Value::Object(mut said)) = said.ok()? {
        object.append(&mut said);
    }
    Some(Value::Object(in_order(attribute, object)))
}

/// The effect without a match. RFC 7644 does not define whether `add` creates a value, and forbids it for `replace`.
fn with_value(made: Value, verb: Verb, acceptance: &Acceptance<'_>) -> NoMatch {
    match verb {
        Verb::Add => NoMatch::Make(made),
        _ if acceptance.conformance.is_lenient() => tolerance::replace_makes(made),
        _ => NoMatch::Refuse,
    }
}

fn without_value(verb: Verb, acceptance: &Acceptance<'_>) -> NoMatch {
    match verb {
        Verb::Add => NoMatch::Nothing,
        _ if acceptance.conformance.is_lenient() => tolerance::replace_clears_nothing(),
        _ => NoMatch::Refuse,
    }
}

/// The values that a `remove` lists.
pub(super) fn remove_listed(
    attribute: &Attribute,
    value: Value,
    path: &str,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Change>> {
    let listed = match put_values(attribute, Verb::Add, value, path, acceptance)? {
        Some(Change::Append(listed)) => listed,
        _ => return Ok(None),
    };
    let which = Which::Holding(listed);
    Ok(Some(Change::Select(Selection {
        which,
        edit: Edit::Remove,
        no_match: NoMatch::Nothing,
    })))
}

/// The value, which `add` and `replace` require.
pub(super) fn required(value: Option<Value>) -> Result<Value> {
    value.ok_or_else(|| Error::invalid_value("Member \"value\" is missing."))
}
