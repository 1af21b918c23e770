//! Tolerances for the bodies of resources. Each is one function that documents the client and the rule of the RFC that
//! it relaxes; `rfc` mode calls none of them.
//!
//! ```
//! use scim_core::resource::tolerance::{boolean_from_text, is_legacy_core};
//! use scim_core::schema::Catalog;
//! use serde_json::json;
//!
//! assert_eq!(boolean_from_text(&json!("False")), Some(false));
//! assert_eq!(boolean_from_text(&json!("no")), None);
//! let catalog = Catalog::new(&[])?;
//! let user = catalog.by_name("User").ok_or("there is no User")?;
//! assert!(is_legacy_core(user, "urn:scim:schemas:core:1.0"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::attributes::Attributes;
use super::left_out::LeftOut;
use super::printable::printable;
use crate::schema::{Attribute, Mutability, Named, ResourceType};
use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value};
use std::sync::Arc;

/// URN of the enterprise extension (RFC 7643 section 4.3).
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// `"True"` and `"False"`, in any letter case, mean the Boolean where one is required.
///
/// Entra ID sends `active` and `roles.primary` as text unless a flag is set; its validator does so for every user.
/// Relaxes RFC 7643 section 2.3.2.
pub fn boolean_from_text(value: &Value) -> Option<bool> {
    let text = value.as_str()?;
    [true, false]
        .into_iter()
        .find(|flag| text.eq_ignore_ascii_case(if *flag { "true" } else { "false" }))
}

/// A plain string where a complex value is required means its `value`; an empty one means no value.
///
/// Entra ID sends `manager` as the id alone, and `""` to clear it. Relaxes RFC 7643 section 2.3.8. Returns the value if
/// it is not a string or the attribute has no `value`, or is multi-valued.
pub fn complex_from_text(attribute: &Attribute, value: Value) -> Result<Map<String, Value>, Value> {
    match (value, attribute.sub_attribute("value")) {
        (Value::String(text), Some(_)) if !attribute.is_multi_valued() => {
            let assigned = (!text.is_empty()).then(|| ("value".to_owned(), Value::String(text)));
            Ok(assigned.into_iter().collect())
        }
        (other, _) => Err(other),
    }
}

/// Whether a text is exactly a JSON number (RFC 8259 section 6).
pub fn is_number(text: &str) -> bool {
    let (first, last) = (text.bytes().next(), text.bytes().last());
    first.is_some_and(|byte| byte == b'-' || byte.is_ascii_digit())
        && last.is_some_and(|byte| byte.is_ascii_digit())
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A text with exactly a JSON number, where an integer or a decimal is required, means that number.
///
/// Entra ID sends every mapped value as text, and SCIM-SDK, a library for Java, `startIndex` and `count` of a search.
/// Relaxes RFC 7643 sections 2.3.3 and 2.3.4, and RFC 7644 section 3.4.3. `None` for other texts, and for numbers that
/// no double holds.
pub fn number_from_text(value: &Value) -> Option<Number> {
    let text = value.as_str().filter(|text| is_number(text))?;
    serde_json::from_str(text).ok()
}

/// An array with one value, where a single value is required, means that value; an empty one means no value.
///
/// Entra ID's documented request for a manager, Microsoft's SCIM library and better-auth send arrays. Relaxes RFC 7643
/// section 2.2, where an attribute is single-valued or multi-valued.
pub fn one_of_array(value: Value) -> Value {
    match value {
        Value::Array(mut values) if values.len() <= 1 && !values.iter().any(Value::is_array) => {
            values.pop().unwrap_or_default()
        }
        other => other,
    }
}

/// `{"value": x}`, alone or with `"$ref": null`, where a simple value is required, means `x`.
///
/// Entra ID sends values of simple multi-valued attributes in this form, and Microsoft's SCIM library those of
/// single-valued ones. Relaxes RFC 7643 section 2.3: only complex attributes have sub-attributes.
pub fn simple_from_object(value: Value) -> Value {
    let Value::Object(mut members) = value else {
        return value;
    };
    let is_value = |name: &str| name.eq_ignore_ascii_case("value");
    let is_idle =
        |(name, value): (&String, &Value)| name.eq_ignore_ascii_case("$ref") && value.is_null();
    let Some(name) = members.keys().find(|name| is_value(name)).cloned() else {
        return Value::Object(members);
    };
    if members
        .iter()
        .any(|member| !is_value(member.0) && !is_idle(member))
    {
        return Value::Object(members);
    }
    members.shift_remove(&name).unwrap_or_default()
}

/// `{"value": ""}` and `{"value": null}` for a single-valued reference mean that it has no value.
///
/// Entra ID and similar clients clear `manager` in this form, also with the `$ref` of the former manager. Relaxes RFC
/// 7643 section 2.5, where only null and the empty array mean unassigned. Sub-attributes that only the server writes
/// are ignored; if `value` is null and `$ref` is present, `$ref` identifies the resource.
pub fn is_empty_reference(attribute: &Attribute, members: &Map<String, Value>) -> bool {
    let has_parts = ["value", "$ref"]
        .iter()
        .all(|name| attribute.sub_attribute(name).is_some());
    let is_empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    let is_fixed = |name: &str| {
        attribute
            .sub_attribute(name)
            .is_some_and(|sub| sub.mutability() == Mutability::ReadOnly)
    };
    let value = members
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("value"))
        .map(|(_, value)| value);
    let is_cleared = value.is_some_and(Value::is_string);
    let goes_along = |name: &str| is_cleared && name.eq_ignore_ascii_case("$ref");
    has_parts
        && !attribute.is_multi_valued()
        && value.is_some()
        && members
            .iter()
            .all(|(name, value)| is_empty(value) || is_fixed(name) || goes_along(name))
}

/// `schemas` that is missing, null or empty means the schema of the endpoint, or the URN of the
/// message.
///
/// authentik omits it in PatchOp messages, keycloak-scim2-storage in groups. Relaxes RFC 7643 section 3, where
/// `schemas` is required and not empty, and RFC 7644 sections 3.4.3, 3.5.2 and 3.7.
pub fn schemas_left_out(schemas: Option<&Value>) -> bool {
    schemas.is_none_or(|schemas| schemas.is_null() || schemas.as_array().is_some_and(Vec::is_empty))
}

/// A PUT without an attribute that is to be kept leaves its value unchanged; see
/// [`TypeRules::kept`](crate::schema::TypeRules::kept).
///
/// Clients that push a profile omit `active`; this must not reactivate a deactivated user. Relaxes RFC 7644 section
/// 3.5.1, where an omitted attribute is cleared or gets its default. `after` are the attributes of the body.
pub fn keep_value(resource_type: &ResourceType, before: &Attributes, after: &mut Attributes) {
    if let Some(kept) = &resource_type.rules().kept {
        after.keep(resource_type, kept, before);
    }
}

/// The attribute that is returned as an empty array if it has no value: the members of a group.
///
/// Three clients crash on, or misread, a group without `members`. Relaxes RFC 7643 section 2.5, where an empty array
/// and no value are equivalent.
pub fn shown_when_empty(resource_type: &ResourceType) -> Option<&Arc<Attribute>> {
    resource_type.members()
}

/// A text with commas is accepted in place of an array of names in a SearchRequest.
///
/// SCIM-SDK, a library for Java, sends `attributes` in the form of a URL parameter. Relaxes RFC 7644 section 3.4.3,
/// where `attributes` and `excludedAttributes` are arrays.
pub fn search_names(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `failOnErrors` of 0 in a bulk request means no limit.
///
/// Libraries send the default value of their number type where the caller set none. Relaxes RFC 7644 section 3.7, where
/// it is the number of errors after which the server stops.
pub fn no_limit_of_errors(value: &Value) -> bool {
    value.as_i64() == Some(0)
}

/// URNs of SCIM 1.1 and of drafts are treated as those of SCIM 2.0.
///
/// OneLogin's and Google's templates use `urn:scim:schemas:core:1.0` or `urn:scim:schemas:core:2.0`, with or without a
/// resource type at the end. Relaxes RFC 7643 section 3, which requires the exact URN.
pub fn is_legacy_core(resource_type: &ResourceType, urn: &str) -> bool {
    ["urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0"]
        .iter()
        .any(|legacy| {
            let (head, rest) = urn.split_at_checked(legacy.len()).unwrap_or_default();
            let named = rest.strip_prefix(':');
            head.eq_ignore_ascii_case(legacy)
                && (rest.is_empty()
                    || named.is_some_and(|name| name.eq_ignore_ascii_case(resource_type.name())))
        })
}

/// The URN of SCIM 2.0 for a legacy extension URN.
///
/// SCIM 1.1 clients send `urn:scim:schemas:extension:enterprise:1.0`. Relaxes RFC 7643 section 3.3.
pub fn modern_extension(urn: &str) -> Option<&'static str> {
    let legacy = [
        "urn:scim:schemas:extension:enterprise:1.0",
        "urn:scim:schemas:extension:enterprise:2.0",
    ];
    let known = legacy.iter().any(|l| {
        urn.get(..l.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(l))
            && urn
                .get(l.len()..)
                .is_some_and(|rest| rest.is_empty() || rest.eq_ignore_ascii_case(":User"))
    });
    known.then_some(ENTERPRISE)
}

/// An attribute named with a URN of SCIM 1.1 or of a draft means that of SCIM 2.0.
///
/// OneLogin's and Google's templates use such URNs. Relaxes RFC 7644 section 3.10, which requires the URN of the
/// schema.
pub fn named_with_legacy_urn(resource_type: &ResourceType, name: &str) -> Option<Named> {
    let (urn, rest) = name.rsplit_once(':')?;
    let core = Some(resource_type.schema().id().as_ref());
    let modern = |urn: &str| {
        if is_legacy_core(resource_type, urn) {
            core
        } else {
            modern_extension(urn)
        }
    };
    let attribute = modern(urn).and_then(|urn| resource_type.named(&format!("{urn}:{rest}")));
    attribute.or_else(|| resource_type.named(modern(name)?))
}

/// A full stop is accepted in place of the colon after the URN of a schema.
///
/// Documents of WSO2 and templates based on them contain `urn:…:User.badge`. Relaxes RFC 7644 section 3.10, where a
/// colon separates URN and attribute.
pub fn named_after_full_stop(resource_type: &ResourceType, name: &str) -> Option<Named> {
    let extensions = resource_type
        .extensions()
        .iter()
        .map(|extension| extension.schema.id());
    extensions
        .chain([resource_type.schema().id()])
        .find_map(|urn| {
            let is_head = name
                .get(..urn.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(urn));
            let rest = name
                .get(urn.len()..)
                .filter(|_| is_head)?
                .strip_prefix('.')?;
            resource_type
                .named(&format!("{urn}:{rest}"))
                .filter(|_| !rest.is_empty())
        })
}

/// An attribute name without a URN means the attribute of the only extension that declares it, or of the enterprise
/// extension among several.
///
/// Microsoft's documented request for a manager has the path `manager`; better-auth sends `employeeNumber`. Relaxes RFC
/// 7644 section 3.10: attributes of extensions "MUST" have their URN.
pub fn named_without_urn(resource_type: &ResourceType, name: &str) -> Option<Named> {
    let attribute = name.split('.').next().unwrap_or_default();
    if name.contains(':') || resource_type.top_attribute(attribute).is_some() {
        return None;
    }
    let extensions = resource_type.extensions().iter();
    let declaring: Vec<_> = extensions
        .filter(|extension| extension.schema.attribute(attribute).is_some())
        .collect();
    let meant = match declaring.as_slice() {
        [only] => only,
        several => several
            .iter()
            .find(|extension| extension.schema.id().eq_ignore_ascii_case(ENTERPRISE))?,
    };
    resource_type.named(&format!("{}:{name}", meant.schema.id()))
}

/// A key of a body that is the name of an attribute with its URN, `urn:…:User:department`, sets that attribute, as in a
/// PATCH.
///
/// Client libraries that use full names of attributes send such keys in POST and PUT. Relaxes RFC 7643 section 3, where
/// attributes of an extension are in an object under its URN.
pub fn is_qualified_key(name: &str, named: &Named) -> bool {
    matches!(named, Named::Attribute(_)) && name.contains(':')
}

/// Plain strings among the members of a body are ids of members.
///
/// Microsoft's own request collection adds members in this form in a PATCH; POST and PUT accept the same form. Relaxes
/// RFC 7643 section 4.2: `members` is complex.
pub fn members_from_texts(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(member_from_text).collect(),
        other => other,
    }
}

/// A plain string among the members is the id of a member.
///
/// Microsoft's own request collection adds a member in this form. Relaxes RFC 7643 section 4.2: `members` is complex.
pub(crate) fn member_from_text(value: Value) -> Value {
    match value {
        Value::String(id) => {
            Value::Object(Map::from_iter([("value".to_owned(), Value::String(id))]))
        }
        other => other,
    }
}

/// A key of a body with the name of an extension attribute without its URN is ignored if its value is invalid.
///
/// A user with attributes of another application's schema, such as `"employeeNumber": 100`, is accepted without them,
/// as if the name were undeclared. Relaxes RFC 7644 section 3.12, in which a value of another type is `invalidValue`.
pub fn unfit_without_urn(path: &str, left_out: &mut Vec<LeftOut>) {
    left_out.push(LeftOut::UnfitValue(path.to_owned()));
}

/// An unknown URN in `schemas` is ignored.
///
/// Entra ID sends a Windows group URN in addition to the core URN; Okta administrators define their own namespaces.
/// Relaxes RFC 7643 section 3, which allows only URNs of the resource type.
pub fn undeclared_schema(urn: &str, left_out: &mut Vec<LeftOut>) {
    left_out.push(LeftOut::UndeclaredSchema(printable(urn)));
}
