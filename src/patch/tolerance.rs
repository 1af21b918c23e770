//! Leniencies in PATCH. Each is one function that names its client and the sentence of the RFC
//! that it bends; `rfc` mode calls none of them. Those for values and names in general, such as
//! `"True"`, a manager as plain text or legacy URNs, are in `resource::tolerance`.

use super::change::Otherwise;
use super::path::Place;
use super::{MemberChange, Operation};
use crate::resource::json::read_value;
use crate::schema::{Attribute, ResourceType};
use serde_json::{Map, Value};

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

/// `replace` of the members without any value changes nothing.
///
/// Okta's "push now" was seen to leave the value out; taken as an empty list it would empty the
/// group. Bends RFC 7644 section 3.5.2.3, which wants a value.
pub(super) fn members_without_value() -> Option<MemberChange> {
    None
}

/// A plain text among the members is a member's id.
///
/// Microsoft's own request collection adds a member so. Bends RFC 7643 section 4.2: `members` is
/// complex.
pub(super) fn member_from_text(value: Value) -> Value {
    match value {
        Value::String(id) => Value::Object(Map::from_iter([("value".to_owned(), Value::String(id))])),
        other => other,
    }
}

/// `add` and `replace` at `members[value eq "…"]` add that member, with or without a value.
///
/// The counterpart, for members, of the values that Entra ID has made through value paths. Bends
/// RFC 7644 section 3.5.2.3 for `replace` without match, and section 3.5.2.1: an `add` has a value.
pub(super) fn member_of_path(ids: Vec<String>) -> MemberChange {
    MemberChange::Add(ids)
}
