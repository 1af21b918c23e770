//! The value of an operation held against its target: which change it asks for (RFC 7644
//! sections 3.5.2.1 and 3.5.2.3).

use super::change::{Change, Edit, Otherwise, Selection, SubChange, Which, in_order, made_of};
use super::path::Place;
use super::{Verb, tolerance};
use crate::error::{Error, Result};
use crate::filter::{Filter, Predicate, literal_value};
use crate::resource::tolerance::{is_empty_reference, one_of_array};
use crate::resource::{Acceptance, accept_element, accept_value, unknown};
use crate::schema::{Attribute, Mutability};
use serde_json::{Map, Value};

/// What `add` or `replace` with this value does to an attribute or sub-attribute as a whole.
/// `None`: nothing.
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
            accept_element(attribute, value, path, acceptance)?.map_or(Change::Unset, Change::Set),
        )),
    }
}

/// The value that a single-valued place is to have.
fn one_value(value: Value, acceptance: &Acceptance<'_>) -> Value {
    if acceptance.conformance.is_lenient() {
        one_of_array(value)
    } else {
        value
    }
}

/// `add` appends and `replace` replaces; a value that is no array is taken as the only one.
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
    Ok(
        match (accept_value(attribute, list, path, acceptance)?, verb) {
            (Some(Value::Array(values)), Verb::Add) => Some(Change::Append(values)),
            (Some(values), _) => Some(Change::Set(values)),
            (None, Verb::Add) => None,
            (None, _) => Some(Change::Unset),
        },
    )
}

/// The changes to sub-attributes that an object asks for. As in the body of a resource, those
/// that only the server writes are passed over: RFC 7644 section 3.5.2.1 shows such a value.
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
            unknown(&format!("{path}.{name}"), &value, acceptance)?;
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
    Ok(changes)
}

/// Sub-attributes change in every value, and make one where there is none.
pub(super) fn merge_whole(attribute: &Attribute, subs: Vec<SubChange>) -> Change {
    let made = made_of(attribute, &subs);
    let otherwise = if made.is_empty() {
        Otherwise::Nothing
    } else {
        Otherwise::Make(Value::Object(made))
    };
    Change::Select(Selection {
        which: Which::All,
        edit: Edit::Merge(subs),
        otherwise,
    })
}

/// What `add` or `replace` does through a value path. `None`: nothing.
pub(super) fn put_selected(
    place: &Place,
    filter: &Filter,
    predicate: Predicate,
    verb: Verb,
    value: Value,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Change>> {
    let attribute = place.attribute().as_ref();
    let Some(edit) = edit(place, verb, value, acceptance)? else {
        return Ok(None);
    };
    let otherwise = match begun_by(attribute, &edit) {
        None => without_value(verb, acceptance),
        Some(begun) => match complete(attribute, filter, begun, acceptance)? {
            // What would not be found again is not made: a repeated request would make it twice.
            Some(made) if predicate.matches_element(attribute, &made) => {
                with_value(made, verb, acceptance)
            }
            _ => Otherwise::Refuse,
        },
    };
    Ok(Some(Change::Select(Selection {
        which: Which::Matching(predicate),
        edit,
        otherwise,
    })))
}

/// What is done to a value that matches. `None`: nothing.
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
            Edit::Merge(vec![SubChange {
                sub: sub.clone(),
                change,
            }])
        }));
    }
    match one_value(value, acceptance) {
        Value::Null if verb == Verb::Add => Ok(None),
        Value::Object(object) if verb == Verb::Add && attribute.is_complex() => {
            let subs = sub_changes(attribute, verb, object, &path, acceptance)?;
            Ok((!subs.is_empty()).then_some(Edit::Merge(subs)))
        }
        value => Ok(Some(
            accept_element(attribute, value, &path, acceptance)?
                .map_or(Edit::Remove, Edit::Replace),
        )),
    }
}

/// The value that an edit would make where there is none.
fn begun_by(attribute: &Attribute, edit: &Edit) -> Option<Value> {
    match edit {
        Edit::Merge(subs) => Some(made_of(attribute, subs))
            .filter(|made| !made.is_empty())
            .map(Value::Object),
        Edit::Replace(value) => Some(value.clone()),
        Edit::Remove => None,
    }
}

/// A new value, with what the `eq` terms of the filter say of it. `None` if the filter is of
/// another kind: it does not describe one value.
fn complete(
    attribute: &Attribute,
    filter: &Filter,
    begun: Value,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<Value>> {
    let Value::Object(mut object) = begun else {
        return Ok(Some(begun));
    };
    let Some(terms) = filter.equalities() else {
        return Ok(None);
    };
    let mut said = Map::new();
    for (name, literal) in terms {
        let Some(sub) = attribute.sub_attribute(&name.text) else {
            return Ok(None);
        };
        let Some(value) = literal_value(sub, literal, acceptance.conformance) else {
            return Ok(None);
        };
        if !object.contains_key(sub.name().as_ref()) {
            said.insert(sub.name().to_string(), value);
        }
    }
    if let Some(Value::Object(mut said)) =
        accept_element(attribute, Value::Object(said), attribute.name(), acceptance)?
    {
        object.append(&mut said);
    }
    Ok(Some(Value::Object(in_order(attribute, object))))
}

/// RFC 7644 leaves open whether `add` makes a value, and forbids it for `replace`.
fn with_value(made: Value, verb: Verb, acceptance: &Acceptance<'_>) -> Otherwise {
    match verb {
        Verb::Add => Otherwise::Make(made),
        _ if acceptance.conformance.is_lenient() => tolerance::replace_makes(made),
        _ => Otherwise::Refuse,
    }
}

fn without_value(verb: Verb, acceptance: &Acceptance<'_>) -> Otherwise {
    match verb {
        Verb::Add => Otherwise::Nothing,
        _ if acceptance.conformance.is_lenient() => tolerance::replace_clears_nothing(),
        _ => Otherwise::Refuse,
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
        otherwise: Otherwise::Nothing,
    })))
}

/// What an `add` or `replace` must come with.
pub(super) fn required(value: Option<Value>) -> Result<Value> {
    value.ok_or_else(|| Error::invalid_value("Member \"value\" is missing."))
}
