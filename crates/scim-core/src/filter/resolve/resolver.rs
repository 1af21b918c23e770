//! The names of a filter: looks them up, and checks that they can be searched.

use super::super::lexer::quoted;
use super::super::{Name, Predicate, Target};
use crate::error::{Error, Result};
use crate::resource::{Conformance, named};
use crate::schema::{Attribute, AttributePath, Extension, Named, ResourceType};
use std::sync::Arc;

/// The context in which the names of a filter are looked up.
#[derive(Clone, Copy)]
pub(super) struct Resolver<'a> {
    pub(super) resource_type: &'a ResourceType,
    pub(super) conformance: Conformance,
    /// The attribute before the brackets, within brackets.
    pub(super) scope: Option<&'a AttributePath>,
    /// The types that are queried together, if there are several.
    pub(super) all_types: &'a [Arc<ResourceType>],
    /// Whether resources are searched, which the configuration can restrict, instead of a value in memory.
    pub(super) searches: bool,
}

impl Resolver<'_> {
    /// Looks up a name; `None` if only another queried type has the attribute.
    pub(super) fn named(&self, name: &Name) -> Result<Option<Named>> {
        let found = match self.scope {
            Some(attribute) => self.within(attribute, &name.text).map(Named::Attribute),
            None => named(self.resource_type, &name.text, self.conformance),
        };
        let mut other_types = self.all_types.iter().filter(|_| self.scope.is_none());
        match found {
            Some(named) => Ok(Some(named)),
            None if other_types
                .any(|other| named(other, &name.text, self.conformance).is_some()) =>
            {
                Ok(None)
            }
            None => Err(self.unknown(name)),
        }
    }

    fn within(&self, attribute: &AttributePath, name: &str) -> Option<AttributePath> {
        if !attribute.attribute.is_complex()
            && attribute.is_multi_valued()
            && name.eq_ignore_ascii_case("value")
        {
            return Some(attribute.clone());
        }
        let sub = attribute.attribute.sub_attribute(name)?;
        Some(self.resource_type.path(
            attribute.container.as_ref(),
            &attribute.attribute,
            Some(sub),
        ))
    }

    fn unknown(&self, name: &Name) -> Error {
        let text = quoted(&name.text);
        match self.scope {
            Some(attribute) => {
                refused(name, format!("\"{attribute}\" has no sub-attribute {text}"))
            }
            None if self.all_types.is_empty() => refused(
                name,
                format!(
                    "resource type {} has no attribute {text}",
                    self.resource_type.name()
                ),
            ),
            None => refused(name, format!("no resource type has an attribute {text}")),
        }
    }

    pub(super) fn has_extension(&self, name: &Name, extension: &Extension) -> Result<Predicate> {
        let urn = Some(extension.schema.id());
        let leaves = self
            .resource_type
            .leaves()
            .iter()
            .filter(|leaf| leaf.container.as_ref() == urn);
        self.any_present(name, leaves.cloned())
    }

    /// The condition that one of the paths has a value. All paths must be searchable.
    pub(super) fn any_present(
        &self,
        name: &Name,
        paths: impl Iterator<Item = AttributePath>,
    ) -> Result<Predicate> {
        let read: Vec<_> = paths.filter(|path| !is_secret(path)).collect();
        read.iter()
            .try_for_each(|path| self.may_search(name, path))?;
        Ok(Predicate::any(
            read.into_iter()
                .map(|path| Predicate::Present(Target::Attribute(path))),
        ))
    }

    pub(super) fn may_search(&self, name: &Name, path: &AttributePath) -> Result<()> {
        if !self.searches || self.resource_type.is_searched(path) {
            return Ok(());
        }
        Err(refused(
            name,
            format!("\"{path}\" is not searched on this server (schemas.searchable)"),
        ))
    }

    /// Whether the path is the attribute of memberships; an extension can have an attribute with the same name.
    pub(super) fn is_relation(&self, path: &AttributePath) -> bool {
        self.resource_type.is_relation(path)
    }

    pub(super) fn sub_path(&self, path: &AttributePath, sub: &Arc<Attribute>) -> AttributePath {
        self.resource_type
            .path(path.container.as_ref(), &path.attribute, Some(sub))
    }
}

/// The error for a test of a name.
pub(super) fn refused(name: &Name, why: impl std::fmt::Display) -> Error {
    Error::invalid_filter(format!(
        "Filter cannot be answered at column {}: {why}.",
        name.position
    ))
}

pub(super) fn is_secret(path: &AttributePath) -> bool {
    path.attribute.is_secret() || path.end().is_secret()
}
