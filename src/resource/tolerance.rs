//! Leniencies in the bodies of resources. Each is one function that names its client and the
//! sentence of the RFC that it bends; `rfc` mode calls none of them.

use super::note::printable;
use super::{Note, Notes};
use crate::schema::{Attribute, Named, ResourceType};
use serde_json::{Map, Value};

/// `"True"` and `"False"`, in any letter case, where a Boolean is due.
///
/// Entra ID sends `active` and `roles.primary` as text unless a flag is set; its validator does so
/// in every user. Bends RFC 7643 section 2.3.2.
pub fn boolean_from_text(value: &Value) -> Option<bool> {
    let text = value.as_str()?;
    [true, false].into_iter().find(|flag| text.eq_ignore_ascii_case(if *flag { "true" } else { "false" }))
}

/// A plain string where a complex value is due means its `value`; an empty one means none.
///
/// Entra ID sends `manager` as the id alone, and `""` to clear it. Bends RFC 7643 section 2.3.8.
/// Gives the value back if it is no string or the attribute has no `value`, or is multi-valued.
pub fn complex_from_text(attribute: &Attribute, value: Value) -> Result<Map<String, Value>, Value> {
    match (value, attribute.sub_attribute("value")) {
        (Value::String(text), Some(_)) if !attribute.is_multi_valued() => {
            let assigned = (!text.is_empty()).then(|| ("value".to_owned(), Value::String(text)));
            Ok(assigned.into_iter().collect())
        }
        (other, _) => Err(other),
    }
}

/// URNs of SCIM 1.1 and of drafts stand for those of SCIM 2.0.
///
/// OneLogin's and Google's templates name `urn:scim:schemas:core:1.0` or
/// `urn:scim:schemas:core:2.0`. Bends RFC 7643 section 3, which wants the exact URN.
pub fn is_legacy_core(urn: &str) -> bool {
    let urn = urn.to_ascii_lowercase();
    ["urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0"]
        .iter()
        .any(|legacy| urn.strip_prefix(legacy).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

/// The URN of SCIM 2.0 for a legacy extension URN.
///
/// SCIM 1.1 clients name `urn:scim:schemas:extension:enterprise:1.0`. Bends RFC 7643 section 3.3.
pub fn modern_extension(urn: &str) -> Option<&'static str> {
    let legacy = ["urn:scim:schemas:extension:enterprise:1.0", "urn:scim:schemas:extension:enterprise:2.0"];
    let known = legacy.iter().any(|l| {
        urn.get(..l.len()).is_some_and(|head| head.eq_ignore_ascii_case(l))
            && urn.get(l.len()..).is_some_and(|rest| rest.is_empty() || rest.eq_ignore_ascii_case(":User"))
    });
    known.then_some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")
}

/// An attribute named with a URN of SCIM 1.1 or of a draft means that of SCIM 2.0.
///
/// OneLogin's and Google's templates use such URNs. Bends RFC 7644 section 3.10, which wants the
/// URN of the schema.
pub fn named_with_legacy_urn(resource_type: &ResourceType, name: &str) -> Option<Named> {
    let (urn, rest) = name.rsplit_once(':')?;
    let core = Some(resource_type.schema().id().as_ref());
    let modern = if is_legacy_core(urn) { core } else { modern_extension(urn) };
    let attribute = modern.and_then(|modern| resource_type.named(&format!("{modern}:{rest}")));
    // What follows the URN of the core schema is an attribute, known or not, unless it names the type.
    let is_whole = !is_legacy_core(urn) || rest.eq_ignore_ascii_case(resource_type.name());
    let whole = if is_whole && is_legacy_core(name) { core } else { modern_extension(name) };
    attribute.or_else(|| resource_type.named(whole?))
}

/// A URN in `schemas` that the type does not have is left out.
///
/// Entra ID names a Windows group URN beside the core one; Okta admins invent namespaces.
/// Bends RFC 7643 section 3, which allows only URNs of the resource type.
pub fn undeclared_schema(urn: &str, notes: &mut Notes) {
    notes.push(Note::UndeclaredSchema(printable(urn)));
}
