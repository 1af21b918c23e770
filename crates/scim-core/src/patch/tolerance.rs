//! Tolerances in PATCH. Each is one function that documents the client and the rule of the RFC that it relaxes; `rfc`
//! mode calls none of them. Tolerances for values and names in general, such as `"True"`, a manager as plain text or
//! legacy URNs, are in `resource::tolerance`.

use super::change::{Change, NoMatch, SubChange};
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
/// Microsoft's validator sends one. Relaxes RFC 7644 section 3.5.2: `Operations` is "an array of one or more PATCH
/// operations".
pub(super) fn no_operations() -> Vec<Operation> {
    Vec::new()
}

/// An empty path is no path.
///
/// Validators and custom templates send `"path": ""`. Relaxes the grammar of RFC 7644 section 3.5.2, in which a path
/// contains an attribute.
pub(super) fn is_no_path(path: &str) -> bool {
    path.trim_ascii().is_empty()
}

/// A text with a JSON object is treated as that object, if the members of the value are attributes.
///
/// scim-for-keycloak renames a group with a path-less `replace` with a text as value. Relaxes RFC 7644 section 3.5.2.3:
/// without a path the value "SHALL contain a list of one or more attributes". Only in this place: Entra ID sends JSON
/// text in `roles[].value`, which is stored unchanged.
pub(super) fn object_from_text(value: Value, depth: usize) -> Value {
    let read = value.as_str().and_then(|text| read_value(text, depth).ok());
    read.filter(Value::is_object).unwrap_or(value)
}

/// An operation with an undeclared path is ignored; the others are applied.
///
/// Entra ID sends mapped attributes that the server does not have together with the deactivation of the user, which
/// must not be lost. Relaxes RFC 7644 section 3.12, in which such a path is `invalidPath`. Returns the refusal, for a
/// message without other operations.
pub(super) fn leaves_out(
    undeclared: Undeclared,
    value: Option<&Value>,
    left_out: &mut Vec<LeftOut>,
) -> Error {
    left_out.push(undeclared.left_out(value));
    undeclared.refusal
}

/// Whether an attribute keeps its value when it is removed or replaced by null; see
/// [`TypeRules::kept`](crate::schema::TypeRules::kept).
///
/// A template that clears attributes without a value in the directory would reactivate a user, because a user without
/// `active` is active. Relaxes RFC 7644 section 3.5.2.2: a removed attribute is unassigned.
pub(super) fn stays(resource_type: &ResourceType, place: &Place) -> bool {
    place.is(resource_type.rules().kept.as_ref())
}

/// Brackets after a complex single-valued attribute test whether the value matches the filter.
///
/// Entra ID was observed to send `remove` with `manager[value eq "…"]`. Relaxes RFC 7644 section 3.5.2, where a value
/// path selects values of a multi-valued attribute.
pub(super) fn chooses_from_one_value(attribute: &Attribute) -> bool {
    attribute.is_complex()
}

/// Attributes that the server maintains are allowed in a value without a path, and ignored.
///
/// Okta repeats `id` when it renames a group and echoes `groups`; scim-for-keycloak adds `schemas`. Relaxes RFC 7644
/// section 3.5.2: an operation on a readOnly attribute is an error.
pub(super) fn is_echo(resource_type: &ResourceType, place: &Place) -> bool {
    place.is_read_only(resource_type) || place.is(resource_type.top_attribute("schemas"))
}

/// `replace` with a value path without a match creates the value, like `add`.
///
/// Entra ID sends `Replace` for `emails[type eq "work"].value` whether the value exists or not. Relaxes RFC 7644
/// section 3.5.2.3: no match "SHALL" be a `noTarget` error.
pub(super) fn replace_makes(made: Value) -> NoMatch {
    NoMatch::Make(made)
}

/// `replace` of a value selected by a value path keeps the sub-attributes of the path's `eq` terms, unless the new
/// value has them.
///
/// The value that the same request creates without a match has them too, and a repeated request must find it. Relaxes
/// RFC 7644 section 3.5.2.3: matching values "SHALL be replaced".
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

/// A new `value` of a reference without `$ref` removes the former `$ref`.
///
/// Entra ID changes a manager by `value` alone, and the former `$ref` would refer to the former manager. Relaxes RFC
/// 7644 section 3.5.2.3: sub-attributes that are not specified "SHALL be left unchanged".
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
        // Before the value changes, because the former one is needed for the comparison.
        let sub = uri.clone();
        changes.insert(i, SubChange { sub, change });
    }
    changes
}

/// `replace` with null through a value path that matches nothing has nothing to do.
///
/// Entra ID clears attributes in every cycle. Relaxes RFC 7644 section 3.5.2.3 as above.
pub(super) fn replace_clears_nothing() -> NoMatch {
    NoMatch::Nothing
}

/// `remove` of a multi-valued attribute with a list of values removes only these.
///
/// Entra ID and JumpCloud remove members in this form; `roles` are handled alike. Relaxes RFC 7644 section 3.5.2.2,
/// where a path without filter removes "all values".
pub(super) fn removes_listed(attribute: &Attribute, value: &Value) -> bool {
    attribute.is_multi_valued() && !value.is_null()
}

/// The list of a `remove` can be under the attribute's name within the value.
///
/// Salesforce documents `{"op": "remove", "path": "members", "value": {"members": […]}}`. Relaxes RFC 7644 section
/// 3.5.2.2, in which a `remove` has no value.
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
/// Okta's "push now" was observed without a value; treated as an empty list it would remove all members. Relaxes RFC
/// 7644 section 3.5.2.3, which requires a value.
pub(super) fn members_without_value() -> Option<MemberChange> {
    None
}

/// `add` and `replace` at `members[value eq "…"]` add that member, with or without a value.
///
/// The counterpart for members of creating values with value paths. Relaxes RFC 7644 section 3.5.2.3 for `replace`
/// without match, and section 3.5.2.1: an `add` has a value.
pub(super) fn member_of_path(ids: Vec<String>) -> MemberChange {
    MemberChange::Add(ids)
}
