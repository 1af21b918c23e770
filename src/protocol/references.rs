//! Attributes that refer to another resource by its id, if the type requires a check.

use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::resource::Attributes;
use crate::schema::ResourceType;
use crate::store::{Scope, Store};
use uuid::Uuid;

/// Checks that referenced resources exist, if the type requires it. Values that have not changed are not checked again.
/// `manager` is not checked: identity providers send it before the manager is provisioned, or never provision the
/// manager.
///
/// # Errors
/// 400 `invalidValue` with the attribute.
pub(crate) async fn check_references(
    store: &Store,
    scope: &Scope,
    resource_type: &ResourceType,
    before: Option<&Attributes>,
    attributes: &Attributes,
) -> Result<()> {
    let kept = before
        .map(|before| references(resource_type, before))
        .unwrap_or_default();
    let is_kept = |path: &str, id: &str| {
        kept.iter()
            .any(|(there, _, ids)| there == path && ids.contains(&id))
    };
    for (path, types, mut ids) in references(resource_type, attributes) {
        ids.retain(|id| !is_kept(&path, id));
        if ids.is_empty() {
            continue;
        }
        let known: Vec<Uuid> = ids
            .iter()
            .filter_map(|id| Uuid::parse_str(id).ok())
            .collect();
        let found = store
            .resolve_members(scope, &known, |name| types.contains(&name))
            .await?;
        let missing = ids
            .iter()
            .find(|id| !Uuid::parse_str(id).is_ok_and(|id| found.contains_key(&id)));
        if let Some(id) = missing {
            let detail = format!(
                "Attribute \"{path}\" names {} \"{id}\", which does not exist.",
                types.join(" or ")
            );
            let logged = format!(
                "Attribute \"{path}\" names {}, which does not exist.",
                types.join(" or ")
            );
            return Err(ScimError::invalid_value(detail).logged_as(logged));
        }
    }
    Ok(())
}

/// The ids in attributes whose references are checked: complex ones with a `$ref` that defines the types and a `value`
/// that is the id.
fn references<'a>(
    resource_type: &'a ResourceType,
    attributes: &'a Attributes,
) -> Vec<(String, Vec<&'a str>, Vec<&'a str>)> {
    let named = resource_type.leaves().iter().filter(|path| {
        path.sub
            .as_ref()
            .is_some_and(|sub| sub.name().as_ref() == "$ref")
    });
    named
        .filter(|path| resource_type.checks_references(path))
        .filter_map(|path| {
            let types = path.end().reference_types().iter().map(String::as_str);
            let types: Vec<&str> = types
                .filter(|name| !matches!(*name, "uri" | "external"))
                .collect();
            let value = path.value_in(attributes)?;
            let elements = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            let ids: Vec<&str> = elements
                .iter()
                .filter_map(|element| element.get("value")?.as_str())
                .collect();
            let name = resource_type.path(path.container.as_ref(), &path.attribute, None);
            (!types.is_empty() && !ids.is_empty()).then(|| (name.to_string(), types, ids))
        })
        .collect()
}
