//! Leniencies in PATCH. Each is one function that names its client and the sentence of the RFC
//! that it bends; `rfc` mode calls none of them. Those for values and names in general, such as
//! `"True"`, a manager as plain text or legacy URNs, are in `resource::tolerance`.

use super::change::{Change, Otherwise, SubChange};
use super::target::{Place, Undeclared};
use super::{MemberChange, Operation};
use crate::error::Error;
use crate::filter::Filter;
use crate::resource::LeftOut;
use crate::resource::json::read_value;
use crate::schema::{Attribute, Mutability, ResourceType};
use serde_json::Value;
use std::sync::Arc;

/// An empty `Operations` array is a request that changes nothing.
///
/// Microsoft's validator sends one. Bends RFC 7644 section 3.5.2: `Operations` is "an array of
/// one or more PATCH operations".
pub(super) fn no_operations() -> Vec<Operation> {
    Vec::new()
}

/// An empty path is no path.
///
/// Validators and hand-written templates send `"path": ""`. Bends the grammar of RFC 7644
/// section 3.5.2, in which a path names an attribute.
pub(super) fn is_no_path(path: &str) -> bool {
    path.trim_ascii().is_empty()
}

/// A text that holds a JSON object is that object, where the value names attributes.
///
/// scim-for-keycloak renames a group with a path-less `replace` whose value is such a text. Bends
/// RFC 7644 section 3.5.2.3: without a path the value "SHALL contain a list of one or more attributes".
/// Only there: Entra ID puts JSON text into `roles[].value`, and that is kept as it is.
pub(super) fn object_from_text(value: Value, depth: usize) -> Value {
    let read = value.as_str().and_then(|text| read_value(text, depth).ok());
    read.filter(Value::is_object).unwrap_or(value)
}

/// An operation whose path names what nobody declares is left out; the others are applied.
///
/// Entra ID sends an attribute that an administrator mapped and the server does not have beside the
/// deactivation of the user, which must not be lost with it. Bends RFC 7644 section 3.12, in which such
/// a path is `invalidPath`. Gives back the refusal, for a message of which nothing is left.
pub(super) fn leaves_out(
    undeclared: Undeclared,
    value: Option<&Value>,
    left_out: &mut Vec<LeftOut>,
) -> Error {
    left_out.push(undeclared.left_out(value));
    undeclared.refusal
}

/// Whether an attribute keeps its value where it is removed or replaced by null; see
/// [`TypeRules::kept`](crate::schema::TypeRules::kept).
///
/// A template that clears what the directory leaves empty would bring a leaver back, as a user without
/// `active` is active. Bends RFC 7644 section 3.5.2.2: a removed attribute is unassigned.
pub(super) fn stays(resource_type: &ResourceType, place: &Place) -> bool {
    place.is(resource_type.rules().kept.as_ref())
}

/// Brackets after a complex attribute with a single value ask whether that value meets the filter.
///
/// Entra ID was seen to send `remove` with `manager[value eq "…"]`. Bends RFC 7644 section 3.5.2,
/// where a value path chooses values of a multi-valued attribute.
pub(super) fn chooses_from_one_value(attribute: &Attribute) -> bool {
    attribute.is_complex()
}

/// What the server itself keeps may stand in a value without a path, and is passed over.
///
/// Okta repeats `id` when it renames a group and echoes `groups`; scim-for-keycloak adds `schemas`.
/// Bends RFC 7644 section 3.5.2: an operation on a readOnly attribute is an error.
pub(super) fn is_echo(resource_type: &ResourceType, place: &Place) -> bool {
    place.is_read_only(resource_type) || place.is(resource_type.top_attribute("schemas"))
}

/// `replace` through a value path that matches nothing makes the value, as `add` does.
///
/// Entra ID sends `Replace` for `emails[type eq "work"].value` whether there is one or not. Bends
/// RFC 7644 section 3.5.2.3: no match "SHALL" be a `noTarget` error.
pub(super) fn replace_makes(made: Value) -> Otherwise {
    Otherwise::Make(made)
}

/// `replace` of a value that a value path chooses keeps the sub-attributes of the path's `eq` terms, unless
/// the new value has them.
///
/// The value that the same request makes where nothing matches has them too, and a repeated request
/// must find it. Bends RFC 7644 section 3.5.2.3: matching values "SHALL be replaced".
pub(super) fn terms_kept(
    attribute: &Attribute,
    filter: &Filter,
    value: &Value,
) -> Vec<Arc<Attribute>> {
    let terms = filter.equalities().unwrap_or_default().into_iter();
    terms
        .filter_map(|(name, _)| attribute.sub_attribute(&name.text))
        .filter(|sub| value.get(sub.name().as_ref()).is_none())
        .cloned()
        .collect()
}

/// Another `value` of a reference without its `$ref` takes the former `$ref` along.
///
/// Entra ID changes a manager by `value` alone, and the former `$ref` would name the former manager.
/// Bends RFC 7644 section 3.5.2.3: sub-attributes that are not specified "SHALL be left unchanged".
pub(super) fn uri_of_value(attribute: &Attribute, mut changes: Vec<SubChange>) -> Vec<SubChange> {
    let is_written = |sub: &Attribute| {
        !matches!(
            sub.mutability(),
            Mutability::ReadOnly | Mutability::Immutable
        )
    };
    let uri = attribute
        .sub_attribute("$ref")
        .filter(|uri| is_written(uri) && !changes.iter().any(|c| Arc::ptr_eq(&c.sub, uri)));
    let value = changes
        .iter()
        .enumerate()
        .find(|(_, change)| change.sub.name().as_ref() == "value");
    let goes = match (uri, value) {
        (Some(uri), Some((i, SubChange { sub, change }))) => match change {
            Change::Set(value) => Some((i, uri, Change::UnsetUnless(sub.clone(), value.clone()))),
            Change::Unset => Some((i, uri, Change::Unset)),
            _ => None,
        },
        _ => None,
    };
    if let Some((i, uri, change)) = goes {
        // Before the value, so that the former one is still there to compare.
        let sub = uri.clone();
        changes.insert(i, SubChange { sub, change });
    }
    changes
}

/// `replace` with null through a value path that matches nothing has nothing to do.
///
/// Entra ID clears attributes in every cycle. Bends RFC 7644 section 3.5.2.3 as above.
pub(super) fn replace_clears_nothing() -> Otherwise {
    Otherwise::Nothing
}

/// `remove` of a multi-valued attribute with a list of values removes just those.
///
/// Entra ID and JumpCloud remove members so; what they mean for members they mean for `roles`.
/// Bends RFC 7644 section 3.5.2.2, where a path without filter removes "all values".
pub(super) fn removes_listed(attribute: &Attribute, value: &Value) -> bool {
    attribute.is_multi_valued() && !value.is_null()
}

/// The list of a `remove` may stand under the attribute's name within the value.
///
/// Salesforce documents `{"op": "remove", "path": "members", "value": {"members": […]}}`. Bends RFC 7644
/// section 3.5.2.2, in which a `remove` has no value at all.
pub(super) fn listed_under_name(attribute: &Attribute, value: Value) -> Value {
    let Value::Object(mut members) = value else {
        return value;
    };
    let is_alone = members.len() == 1 && attribute.sub_attribute(attribute.name()).is_none();
    let named = members
        .keys()
        .find(|name| name.eq_ignore_ascii_case(attribute.name()))
        .cloned();
    match named
        .filter(|_| is_alone)
        .and_then(|name| members.shift_remove(&name))
    {
        Some(listed) => listed,
        None => Value::Object(members),
    }
}

/// `replace` of the members without any value changes nothing.
///
/// Okta's "push now" was seen to leave the value out; taken as an empty list it would empty the
/// group. Bends RFC 7644 section 3.5.2.3, which wants a value.
pub(super) fn members_without_value() -> Option<MemberChange> {
    None
}

/// `add` and `replace` at `members[value eq "…"]` add that member, with or without a value.
///
/// The counterpart, for members, of the values that Entra ID has made through value paths. Bends
/// RFC 7644 section 3.5.2.3 for `replace` without match, and section 3.5.2.1: an `add` has a value.
pub(super) fn member_of_path(ids: Vec<String>) -> MemberChange {
    MemberChange::Add(ids)
}
