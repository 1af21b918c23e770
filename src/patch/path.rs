//! The target of an operation: a path held against the resource type (RFC 7644 sections 3.5.2, 3.10).

use super::tolerance;
use crate::error::{Result, ScimError};
use crate::filter::{Filter, Literal, Name, PatchPath};
use crate::resource::Conformance;
use crate::resource::tolerance::named_with_legacy_urn;
use crate::schema::{Attribute, AttributePath, Extension, Mutability, Named, ResourceType};
use serde_json::Value;
use std::sync::Arc;

/// What an operation works on.
#[derive(Debug)]
pub(super) enum Target {
    /// The resource; the value names its attributes.
    Resource,
    /// All attributes of an extension.
    Extension(Extension),
    /// An attribute, or some of its values, or a sub-attribute of those.
    Attribute(Place),
}

/// An attribute as a path names it.
#[derive(Debug)]
pub(super) struct Place {
    /// The attribute and the sub-attribute.
    pub(super) path: AttributePath,
    /// Which values, where there were brackets.
    pub(super) filter: Option<Filter>,
}

impl Place {
    /// The attribute, not the sub-attribute.
    pub(super) fn attribute(&self) -> &Arc<Attribute> {
        &self.path.attribute
    }

    /// The path of the attribute, not of the sub-attribute.
    pub(super) fn top(&self) -> AttributePath {
        AttributePath { sub: None, leaf: None, ..self.path.clone() }
    }

    /// Whether only the server writes there.
    pub(super) fn is_read_only(&self, resource_type: &ResourceType) -> bool {
        let read_only = |attribute: &Attribute| attribute.mutability() == Mutability::ReadOnly;
        read_only(self.attribute()) || read_only(self.path.end()) || self.is(resource_type.member_of())
    }

    /// Whether it is this attribute at the top of the document.
    pub(super) fn is(&self, attribute: Option<&Arc<Attribute>>) -> bool {
        self.path.container.is_none() && attribute.is_some_and(|other| Arc::ptr_eq(other, self.attribute()))
    }
}

/// The target that a path names.
///
/// # Errors
/// 400 `invalidPath` if the type has no such attribute, or brackets stand where there is nothing
/// to choose from.
pub(super) fn target(resource_type: &ResourceType, path: PatchPath, conformance: Conformance) -> Result<Target> {
    let PatchPath { name, filter, sub } = path;
    match (named(resource_type, &name.text, conformance), filter) {
        (None, _) => Err(unknown(&name.text, resource_type)),
        (Some(Named::Attribute(path)), None) => Ok(Target::Attribute(Place { path, filter: None })),
        (Some(Named::Attribute(path)), Some(filter)) => {
            selective(path, filter, sub, conformance).map(Target::Attribute)
        }
        (Some(Named::Extension(extension)), None) => Ok(Target::Extension(extension)),
        (Some(Named::Core), None) => Ok(Target::Resource),
        (Some(_), Some(_)) => Err(ScimError::invalid_path(format!("\"{name}\" is a schema and takes no filter."))),
    }
}

/// What a name stands for; in `lenient` mode its URN may be one of SCIM 1.1.
pub(super) fn named(resource_type: &ResourceType, name: &str, conformance: Conformance) -> Option<Named> {
    let found = resource_type.named(name);
    if found.is_none() && conformance.is_lenient() {
        return named_with_legacy_urn(resource_type, name);
    }
    found
}

fn selective(path: AttributePath, filter: Filter, sub: Option<Name>, conformance: Conformance) -> Result<Place> {
    let attribute = &path.attribute;
    let one_value = conformance.is_lenient() && tolerance::chooses_from_one_value(attribute);
    if path.sub.is_some() || !(attribute.is_multi_valued() || one_value) {
        return Err(ScimError::invalid_path(format!("\"{path}\" has a single value and takes no filter.")));
    }
    let Some(sub) = sub else { return Ok(Place { path, filter: Some(filter) }) };
    let Some(found) = attribute.sub_attribute(&sub.text).cloned() else {
        return Err(ScimError::invalid_path(format!("Attribute \"{path}\" has no sub-attribute \"{sub}\".")));
    };
    Ok(Place { path: AttributePath { sub: Some(found), leaf: None, ..path }, filter: Some(filter) })
}

fn unknown(name: &str, resource_type: &ResourceType) -> ScimError {
    ScimError::invalid_path(format!("\"{name}\" is no attribute of resource type {}.", resource_type.name()))
}

/// The values that a filter lists one by one for a sub-attribute: `value eq "a" or value eq "b"`.
/// `None` for any other filter.
pub(super) fn listed<'a>(filter: &'a Filter, sub: &str) -> Option<Vec<&'a str>> {
    if let Filter::Or(terms) = filter {
        let each: Option<Vec<_>> = terms.iter().map(|term| listed(term, sub)).collect();
        return Some(each?.into_iter().flatten().collect());
    }
    match filter.equalities()?.as_slice() {
        [(name, Literal::Text(text))] if name.text.eq_ignore_ascii_case(sub) => Some(vec![text]),
        _ => None,
    }
}

/// The text of a value that lists names or ids.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter().map(Value::as_str).collect()
}
