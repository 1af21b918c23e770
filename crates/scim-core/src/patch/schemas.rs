//! Operations on `schemas`. The extensions of a resource follow from its attributes, so adding a URN changes nothing,
//! and removing one removes the extension (RFC 7643 section 3).

use super::Verb;
use super::path::{listed, texts};
use super::target::Place;
use super::value::required;
use crate::error::{Error, Problem, Result};
use crate::resource::Acceptance;
use crate::resource::tolerance::{is_legacy_core, modern_extension, undeclared_schema};
use crate::schema::{Extension, ResourceType};
use serde_json::Value;

enum Urn {
    Core,
    Extension(Extension),
    Unknown,
}

/// The extensions that an operation on `schemas` removes.
///
/// # Errors
/// 400 `mutability` or `invalidValue` if the URN of the type's own schema would be removed; in `rfc` mode 400
/// `invalidValue` for a URN that the type does not have.
pub(super) fn removed(
    resource_type: &ResourceType,
    place: &Place,
    verb: Verb,
    value: Option<Value>,
    acceptance: &mut Acceptance<'_>,
) -> Result<Vec<Extension>> {
    if verb == Verb::Remove {
        return remove(resource_type, place, value.as_ref(), acceptance);
    }
    if place.filter.is_some() {
        return Err(Error::mutability(
            "\"schemas\" follows from the attributes; a URN cannot be replaced.",
        ));
    }
    let value = required(value)?;
    let urns = texts(&value)
        .ok_or_else(|| Error::invalid_value("\"schemas\" must be an array of URNs."))?;
    let mut keeps_core = verb == Verb::Add;
    for urn in urns {
        keeps_core |= matches!(known(resource_type, urn, acceptance)?, Urn::Core);
    }
    if keeps_core {
        Ok(Vec::new())
    } else {
        Err(Error::invalid_value(core_stays(resource_type)))
    }
}

fn remove(
    resource_type: &ResourceType,
    place: &Place,
    value: Option<&Value>,
    acceptance: &mut Acceptance<'_>,
) -> Result<Vec<Extension>> {
    let lenient = acceptance.conformance.is_lenient();
    let named = match (&place.filter, value) {
        (Some(filter), _) => listed(filter, "value"),
        (None, Some(value)) if lenient => texts(value),
        (None, _) => None,
    };
    let mut extensions = Vec::new();
    // Without a list all URNs would be removed, including that of the core schema.
    for urn in named.unwrap_or_else(|| vec![resource_type.schema().id()]) {
        match identify(resource_type, urn, lenient) {
            Urn::Core => return Err(Error::mutability(core_stays(resource_type))),
            Urn::Extension(extension) => extensions.push(extension),
            Urn::Unknown => {}
        }
    }
    Ok(extensions)
}

fn known(resource_type: &ResourceType, urn: &str, acceptance: &mut Acceptance<'_>) -> Result<Urn> {
    let lenient = acceptance.conformance.is_lenient();
    let found = identify(resource_type, urn, lenient);
    match found {
        Urn::Unknown if lenient => undeclared_schema(urn, &mut acceptance.left_out),
        Urn::Unknown => {
            let name = resource_type.name();
            return Err(Error::invalid_value(format!(
                "Schema \"{urn}\" is not part of resource type {name}."
            ))
            .about(Problem::UnknownAttribute));
        }
        Urn::Core | Urn::Extension(_) => {}
    }
    Ok(found)
}

fn identify(resource_type: &ResourceType, urn: &str, lenient: bool) -> Urn {
    if urn.eq_ignore_ascii_case(resource_type.schema().id())
        || (lenient && is_legacy_core(resource_type, urn))
    {
        return Urn::Core;
    }
    let modern = lenient
        .then(|| modern_extension(urn))
        .flatten()
        .unwrap_or(urn);
    resource_type
        .extension(modern)
        .cloned()
        .map_or(Urn::Unknown, Urn::Extension)
}

fn core_stays(resource_type: &ResourceType) -> String {
    format!(
        "\"schemas\" keeps \"{}\", the schema of the resource type.",
        resource_type.schema().id()
    )
}
