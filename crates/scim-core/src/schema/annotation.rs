//! Annotations of schema and resource type files: properties beyond RFC 7643.

use super::place::{Place, SchemaError};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The object for properties beyond RFC 7643: its name, which the server chooses, and the keys of the server in
/// addition to those of this crate. By default the name is `x-scim` and the server has no keys.
#[derive(Debug, Clone, Copy)]
pub struct Annotations<'a> {
    /// The name of the object, which begins with `x-`.
    pub name: &'a str,
    /// Keys of the server in schema files.
    pub schema_keys: &'a [&'a str],
    /// Keys of the server in resource type files.
    pub type_keys: &'a [&'a str],
    /// Annotations of the server for built-in resource types: the name of each type with a JSON object of the server's
    /// keys.
    pub built_in: &'a [(&'a str, &'a str)],
}

/// The name of the object in the built-in files.
pub(super) const BUILT_IN_NAME: &str = "x-scim";

impl Default for Annotations<'_> {
    fn default() -> Self {
        Self {
            name: BUILT_IN_NAME,
            schema_keys: &[],
            type_keys: &[],
            built_in: &[],
        }
    }
}

impl Annotations<'_> {
    /// Renames the object of a built-in file to the server's name, and adds the server's annotations of its type.
    pub(super) fn give_to(
        &self,
        document: &mut Map<String, Value>,
        place: &Place,
    ) -> Result<(), SchemaError> {
        let own = document.remove(BUILT_IN_NAME);
        let mut own = own.and_then(as_object).unwrap_or_default();
        let is_type = document.contains_key("endpoint");
        let name = document.get("name").and_then(Value::as_str);
        let name = name.filter(|_| is_type);
        for (_, text) in self.built_in.iter().filter(|(of, _)| Some(*of) == name) {
            let more: Map<String, Value> = serde_json::from_str(text)
                .map_err(|error| place.at(self.name).error(error.to_string()))?;
            own.extend(more);
        }
        if !own.is_empty() {
            document.insert(self.name.to_owned(), Value::Object(own));
        }
        Ok(())
    }

    /// Removes the object from a schema file and parses it.
    pub(super) fn of_schema(
        &self,
        document: &mut Map<String, Value>,
        place: &Place,
    ) -> Result<ExtensionKeys, SchemaError> {
        self.take(document, place, &["extends", "required"], self.schema_keys)
    }

    /// Removes the object from a resource type file and parses it.
    pub(super) fn of_type(
        &self,
        document: &mut Map<String, Value>,
        place: &Place,
    ) -> Result<TypeKeys, SchemaError> {
        let own = ["members", "memberOf", "defaults"];
        self.take(document, place, &own, self.type_keys)
    }

    fn take<T: DeserializeOwned>(
        &self,
        document: &mut Map<String, Value>,
        place: &Place,
        own: &[&str],
        of_server: &[&str],
    ) -> Result<T, SchemaError> {
        let place = place.at(self.name);
        let object = match document.remove(self.name) {
            None => Map::new(),
            Some(Value::Object(object)) => object,
            Some(_) => return Err(place.error("must be an object")),
        };
        let known = || own.iter().chain(of_server);
        let is_unknown = |key: &&String| !known().any(|known| known == key);
        if let Some(key) = object.keys().find(is_unknown) {
            let known: Vec<&str> = known().copied().collect();
            let problem = format!("unknown key \"{key}\"; the keys are {}", known.join(", "));
            return Err(place.error(problem));
        }
        serde_json::from_value(Value::Object(object))
            .map_err(|error| place.error(error.to_string()))
    }
}

fn as_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Keys of this crate in the object of a schema.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(super) struct ExtensionKeys {
    /// Names of resource types that the schema extends.
    pub(super) extends: Vec<String>,
    /// Whether each of their resources must have the extension.
    pub(super) required: bool,
}

/// Keys of this crate in the object of a resource type.
#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TypeKeys {
    /// The attribute with the members.
    pub(super) members: Option<String>,
    /// The attribute that mirrors memberships.
    pub(super) member_of: Option<String>,
    /// Default values of attributes that a client does not send at creation or replacement.
    pub(super) defaults: Map<String, Value>,
}

/// Annotations of a file, for the server.
#[derive(Debug, Clone)]
pub(super) struct Annotated {
    /// Every member whose name begins with `x-`.
    pub(super) annotations: Map<String, Value>,
    /// Origin of the file.
    pub(super) origin: Arc<str>,
}

impl Annotated {
    /// The annotations of an unmodified document.
    pub(super) fn of(document: &Map<String, Value>, place: &Place) -> Self {
        let annotations = document.iter().filter(|(name, _)| name.starts_with("x-"));
        Self {
            annotations: annotations
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            origin: place.origin().clone(),
        }
    }

    /// Creates empty annotations.
    pub(super) fn nothing() -> Self {
        Self {
            annotations: Map::new(),
            origin: "".into(),
        }
    }

    /// The error for a place in the file.
    pub(super) fn error_at(&self, pointer: &str, problem: impl Into<String>) -> SchemaError {
        SchemaError::new(&self.origin, pointer, problem)
    }
}
