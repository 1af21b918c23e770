//! Roles of attributes of a resource type for the server, from the annotation of its file.

use super::annotation::{ANNOTATION, annotated, was_larger};
use crate::resource::Attributes;
use crate::schema::{
    Attribute, AttributePath, Catalog, Named, ResourceType, SchemaError, SchemaFile, Type,
    TypeRules,
};
use serde_json::Value;
use std::sync::Arc;

/// The server's keys of the annotation.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RoleKeys {
    /// Attributes whose first value is the display name in other resources.
    display: Vec<String>,
    /// The Boolean attribute that determines whether the resource has a seat.
    seat: Option<String>,
    /// The attribute with the password.
    password: Option<String>,
    /// Attributes, in attribute notation, whose references are checked.
    checked_references: Vec<String>,
    /// Attributes, in attribute notation, whose values are searched without an index. An attribute includes its
    /// sub-attributes.
    scanned: Vec<String>,
}

/// The catalog of built-in types and those of the deployment's files, with the rules of the server.
///
/// # Errors
/// The first problem found, with its file and JSON pointer.
pub fn catalog(files: &[SchemaFile]) -> Result<Catalog, SchemaError> {
    annotated(files)?.with_rules(rules)
}

fn rules(resource_type: &ResourceType) -> Result<TypeRules, SchemaError> {
    let mut formerly_larger = Vec::new();
    for extension in resource_type.extensions() {
        if was_larger(&extension.schema)? {
            formerly_larger.push(extension.schema.id().clone());
        }
    }
    let Some(annotation) = resource_type.annotation(ANNOTATION) else {
        return Ok(TypeRules {
            formerly_larger,
            ..TypeRules::default()
        });
    };
    let keys: RoleKeys = serde_json::from_value(annotation.clone())
        .map_err(|error| resource_type.error_at(&format!("/{ANNOTATION}"), error.to_string()))?;
    let single_text = |a: &Attribute| a.kind() == Type::String && !a.is_multi_valued();
    let boolean = |a: &Attribute| a.kind() == Type::Boolean && !a.is_multi_valued();
    for name in &keys.display {
        attribute(resource_type, "display", name, single_text)?;
    }
    for name in &keys.checked_references {
        check_reference(resource_type, name)?;
    }
    for name in &keys.scanned {
        check_scanned(resource_type, name)?;
    }
    let seat = keys
        .seat
        .map(|name| attribute(resource_type, "seat", &name, boolean))
        .transpose()?;
    let password = keys
        .password
        .map(|name| attribute(resource_type, "password", &name, single_text))
        .transpose()?;
    Ok(TypeRules {
        has_printable_names: seat.is_some(),
        kept: seat,
        stored_apart: password,
        formerly_larger,
    })
}

/// The attribute in a key of the annotation.
fn attribute(
    resource_type: &ResourceType,
    key: &str,
    name: &str,
    fits: impl Fn(&Attribute) -> bool,
) -> Result<Arc<Attribute>, SchemaError> {
    let error = |problem| resource_type.error_at(&format!("/{ANNOTATION}/{key}"), problem);
    match resource_type.top_attribute(name) {
        Some(attribute) if attribute.name().as_ref() == name && fits(attribute) => {
            Ok(attribute.clone())
        }
        Some(_) => Err(error(format!("attribute \"{name}\" is not allowed here"))),
        None => Err(error(format!("there is no attribute \"{name}\""))),
    }
}

fn check_reference(resource_type: &ResourceType, name: &str) -> Result<(), SchemaError> {
    let has = |sub: &str, path: &AttributePath| path.attribute.sub_attribute(sub).is_some();
    match resource_type.named(name) {
        Some(Named::Attribute(path))
            if path.sub.is_none() && has("value", &path) && has("$ref", &path) =>
        {
            Ok(())
        }
        _ => Err(resource_type.error_at(
            &format!("/{ANNOTATION}/checkedReferences"),
            format!("\"{name}\" is not an attribute with value and $ref"),
        )),
    }
}

fn check_scanned(resource_type: &ResourceType, name: &str) -> Result<(), SchemaError> {
    let problem = match resource_type.named(name) {
        Some(Named::Attribute(path)) if path.end().is_unique() => {
            "is unique, which requires an index"
        }
        Some(Named::Attribute(_)) => return Ok(()),
        _ => "is not an attribute",
    };
    Err(resource_type.error_at(
        &format!("/{ANNOTATION}/scanned"),
        format!("\"{name}\" {problem}"),
    ))
}

/// The roles of a type. A trait because [`ResourceType`] belongs to another package.
pub(crate) trait TypeRoles {
    /// The Boolean attribute that determines whether a resource has a seat.
    fn seat(&self) -> Option<&Arc<Attribute>>;

    /// The attribute that holds a password.
    fn password(&self) -> Option<&Arc<Attribute>>;

    /// Names of the attributes whose first value is the display name in other resources.
    fn display(&self) -> Vec<&str>;

    /// Whether references in the attribute at that path are checked.
    fn checks_references(&self, path: &AttributePath) -> bool;

    /// Whether the values at that path are searched without an index, because an index would find many resources for
    /// each of the few distinct values. This applies to Booleans, attributes with canonical values, and those listed in
    /// the annotation.
    fn is_scanned(&self, path: &AttributePath) -> bool;
}

impl TypeRoles for ResourceType {
    fn seat(&self) -> Option<&Arc<Attribute>> {
        self.rules().kept.as_ref()
    }

    fn password(&self) -> Option<&Arc<Attribute>> {
        self.rules().stored_apart.as_ref()
    }

    fn display(&self) -> Vec<&str> {
        names(self, "display").collect()
    }

    fn checks_references(&self, path: &AttributePath) -> bool {
        let mut checked = names(self, "checkedReferences").peekable();
        if checked.peek().is_none() {
            return false;
        }
        let attribute = self
            .path(path.container.as_ref(), &path.attribute, None)
            .to_string();
        checked.any(|name| name.eq_ignore_ascii_case(&attribute))
    }

    fn is_scanned(&self, path: &AttributePath) -> bool {
        let end = path.end();
        if end.is_unique() {
            return false;
        }
        if end.kind() == Type::Boolean || !end.canonical_values().is_empty() {
            return true;
        }
        let whole = self.path(path.container.as_ref(), &path.attribute, None);
        let (own, whole) = (path.to_string(), whole.to_string());
        names(self, "scanned")
            .any(|name| name.eq_ignore_ascii_case(&own) || name.eq_ignore_ascii_case(&whole))
    }
}

/// The names in a key of the annotation.
fn names<'a>(resource_type: &'a ResourceType, key: &str) -> impl Iterator<Item = &'a str> {
    resource_type
        .annotation(ANNOTATION)
        .and_then(|annotation| annotation.get(key)?.as_array())
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The display name in other resources: the first of the type's display attributes with a value.
pub(crate) fn display<'a>(
    resource_type: &ResourceType,
    attributes: &'a Attributes,
) -> Option<&'a str> {
    names(resource_type, "display")
        .filter_map(|name| attributes.get(name)?.as_str())
        .find(|text| !text.is_empty())
}

/// Whether a resource has a seat: its type has a seat attribute, whose value is not `false`.
pub(crate) fn takes_seat(resource_type: &ResourceType, attributes: &Attributes) -> bool {
    let seat = resource_type
        .seat()
        .map(|seat| attributes.get(seat.name().as_ref()));
    seat.is_some_and(|value| value != Some(&Value::Bool(false)))
}
