//! The attributes in a response: `returned`, `attributes`, `excludedAttributes` (RFC 7643 section 7, RFC 7644 section
//! 3.9).
//!
//! ```
//! use scim_core::resource::projection::Projection;
//! use scim_core::resource::{Attributes, Conformance};
//! use scim_core::schema::Catalog;
//!
//! let catalog = Catalog::new(&[])?;
//! let user = catalog.by_name("User").expect("User is built in");
//! let stored = serde_json::json!({"userName": "ann", "title": "Dr", "name": {"givenName": "Ann", "familyName": "Lee"}});
//! let attributes = Attributes::from_stored(stored.as_object().cloned().unwrap_or_default());
//! let only = ["name.givenName".to_owned()];
//! let projection = Projection::new(user, &only, &[], Conformance::Rfc)?;
//! let shown = serde_json::Value::from(projection.apply(user, &attributes));
//! assert_eq!(shown, serde_json::json!({"name": {"givenName": "Ann"}}));
//! assert!(!projection.shows_meta());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::{Attributes, Conformance, named};
use crate::error::{Error, Result};
use crate::schema::{Attribute, AttributePath, Named, ResourceType, Returned};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// A selection of attributes for the resources of one type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    choice: Choice,
    /// Paths in lower case: attributes, sub-attributes, URNs of extensions.
    named: HashSet<String>,
    /// Attributes with a listed sub-attribute, and URNs with a listed attribute.
    above: HashSet<String>,
    /// Attributes set by a write; those with `returned: request` are included.
    written: HashSet<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    Defaults,
    Only,
    Without,
}

impl Projection {
    /// Parses the two parameters, each a list of names in attribute notation. Unknown names have no effect.
    ///
    /// # Errors
    /// 400 `invalidValue` if both are given, because they are mutually exclusive.
    pub fn new(
        resource_type: &ResourceType,
        attributes: &[String],
        excluded: &[String],
        conformance: Conformance,
    ) -> Result<Self> {
        let (choice, names) = match (attributes.is_empty(), excluded.is_empty()) {
            (true, true) => return Ok(Self::default()),
            (false, true) => (Choice::Only, attributes),
            (true, false) => (Choice::Without, excluded),
            (false, false) => {
                return Err(Error::invalid_value(
                    "Use either \"attributes\" or \"excludedAttributes\", not both.",
                ));
            }
        };
        let mut projection = Self {
            choice,
            ..Self::default()
        };
        for name in names {
            projection.choose(
                resource_type,
                named(resource_type, name.trim(), conformance),
            );
        }
        Ok(projection)
    }

    fn choose(&mut self, resource_type: &ResourceType, named: Option<Named>) {
        match named {
            None => {}
            Some(Named::Attribute(path)) => {
                if path.sub.is_some() {
                    self.above.insert(lower(&AttributePath {
                        sub: None,
                        ..path.clone()
                    }));
                }
                if let Some(urn) = &path.container {
                    self.above.insert(urn.to_ascii_lowercase());
                }
                self.named.insert(lower(&path));
            }
            Some(Named::Extension(extension)) => {
                self.named
                    .insert(extension.schema.id().to_ascii_lowercase());
            }
            Some(Named::Core) => {
                let names = resource_type
                    .schema()
                    .attributes()
                    .iter()
                    .map(|a| a.name().to_ascii_lowercase());
                self.named.extend(names);
            }
        }
    }

    /// The projection for the response to a write: attributes that are returned on request are included if the write
    /// set them (RFC 7643 section 7).
    #[must_use]
    pub fn after_writing(
        mut self,
        resource_type: &ResourceType,
        names: impl IntoIterator<Item = String>,
    ) -> Self {
        if resource_type.shows_on_request() {
            self.written
                .extend(names.into_iter().map(|name| name.to_ascii_lowercase()));
        }
        self
    }

    /// Whether the client selected attributes.
    pub fn is_chosen(&self) -> bool {
        self.choice != Choice::Defaults
    }

    /// Whether the stored document of this type is returned unchanged.
    pub fn is_whole(&self, resource_type: &ResourceType) -> bool {
        !self.is_chosen() && resource_type.is_shown_whole()
    }

    /// Whether a top-level attribute is included, at least in part. A store can call this before it reads memberships.
    pub fn shows(&self, attribute: &Attribute) -> bool {
        let name = attribute.name().to_ascii_lowercase();
        self.shows_path(attribute.returned(), &name, false)
    }

    fn shows_path(&self, returned: Returned, path: &str, chosen_above: bool) -> bool {
        let named = self.named.contains(path);
        let chosen = match self.choice {
            Choice::Defaults => returned == Returned::Default,
            Choice::Only => {
                named || chosen_above && returned == Returned::Default || self.above.contains(path)
            }
            Choice::Without => returned == Returned::Default && !named && !chosen_above,
        };
        match returned {
            Returned::Always => true,
            Returned::Never => false,
            Returned::Default => chosen,
            Returned::Request => {
                self.choice == Choice::Only && chosen
                    || self.choice == Choice::Defaults && self.written.contains(path)
            }
        }
    }

    /// The attributes of a resource for the response, without `id`, `meta` and `schemas`: the server adds these, with
    /// [`ResourceType::schemas_of`] and, for `meta`, [`Projection::shows_meta_part`].
    pub fn apply(
        &self,
        resource_type: &ResourceType,
        attributes: &Attributes,
    ) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in attributes.iter() {
            if let Some(attribute) = resource_type.top_attribute(name) {
                let path = name.to_ascii_lowercase();
                if let Some(value) = self.attribute(attribute, value, &path, false) {
                    shown.insert(name.clone(), value);
                }
            } else if let (Some(extension), Some(held)) =
                (resource_type.extension(name), value.as_object())
            {
                let urn = name.to_ascii_lowercase();
                let urn_named = self.named.contains(&urn);
                let mut kept = Map::new();
                for (name, value) in held {
                    let Some(attribute) = extension.schema.attribute(name) else {
                        continue;
                    };
                    let path = format!("{urn}:{}", name.to_ascii_lowercase());
                    if let Some(value) = self.attribute(attribute, value, &path, urn_named) {
                        kept.insert(name.clone(), value);
                    }
                }
                if !kept.is_empty() {
                    shown.insert(name.clone(), Value::Object(kept));
                }
            }
        }
        shown
    }

    fn attribute(
        &self,
        attribute: &Attribute,
        value: &Value,
        path: &str,
        chosen_above: bool,
    ) -> Option<Value> {
        if !self.shows_path(attribute.returned(), path, chosen_above) {
            // A sub-attribute that is always returned is included without the other parts of its parent.
            return None;
        }
        if !attribute.is_complex() {
            return Some(value.clone());
        }
        let whole =
            chosen_above || self.named.contains(path) || attribute.returned() == Returned::Always;
        let element = |element: &Value| -> Option<Value> {
            let object = element.as_object()?;
            let mut kept = Map::new();
            for (name, value) in object {
                let Some(sub) = attribute.sub_attribute(name) else {
                    continue;
                };
                let sub_path = format!("{path}.{}", name.to_ascii_lowercase());
                if self.shows_path(
                    sub.returned(),
                    &sub_path,
                    whole && self.choice == Choice::Only,
                ) {
                    kept.insert(name.clone(), value.clone());
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        };
        match value {
            Value::Array(elements) => {
                let kept: Vec<_> = elements.iter().filter_map(element).collect();
                (!kept.is_empty()).then_some(Value::Array(kept))
            }
            one => element(one),
        }
    }

    /// Whether `meta` is included.
    pub fn shows_meta(&self) -> bool {
        match self.choice {
            Choice::Defaults => true,
            Choice::Only => self.named.contains("meta") || self.above.contains("meta"),
            Choice::Without => !self.named.contains("meta"),
        }
    }

    /// Whether a part of `meta`, such as `location`, is included.
    pub fn shows_meta_part(&self, name: &str) -> bool {
        let path = format!("meta.{}", name.to_ascii_lowercase());
        match self.choice {
            Choice::Defaults => true,
            Choice::Only => self.named.contains("meta") || self.named.contains(&path),
            Choice::Without => !self.named.contains("meta") && !self.named.contains(&path),
        }
    }
}

fn lower(path: &AttributePath) -> String {
    path.to_string().to_ascii_lowercase()
}
