//! Assembles the resource types of a catalog from schemas and extensions, and checks them.

use super::annotation::{Annotated, TypeKeys};
use super::attribute::Attribute;
use super::definition::Schema;
use super::load::{array_at, flag_at, read_common, text_at};
use super::place::{Place, SchemaError};
use super::resource_type::{Extension, ResourceType};
use serde_json::{Map, Value};
use std::sync::Arc;

const COMMON: &str = include_str!("core/common.json");

/// A resource type file.
pub(super) struct TypeFile {
    pub(super) document: Map<String, Value>,
    pub(super) keys: TypeKeys,
    pub(super) annotated: Annotated,
    pub(super) place: Place,
}

/// A schema file that extends a resource type.
pub(super) struct ExtensionFile {
    pub(super) schema: Arc<Schema>,
    pub(super) extends: String,
    pub(super) required: bool,
    pub(super) place: Place,
}

/// Adds an item, or replaces the same one.
pub(super) fn put<T>(list: &mut Vec<T>, item: T, same: impl Fn(&T, &T) -> bool) {
    match list.iter_mut().find(|there| same(there, &item)) {
        Some(there) => *there = item,
        None => list.push(item),
    }
}

/// The resource types of the files, each with its schema and extensions.
pub(super) fn assemble(
    types: Vec<TypeFile>,
    schemas: &[Arc<Schema>],
    extensions: &[ExtensionFile],
    annotation: &str,
) -> Result<Vec<Arc<ResourceType>>, SchemaError> {
    let common = Arc::new(read_common(COMMON)?);
    for extension in extensions {
        let known = types
            .iter()
            .any(|t| t.document.get("name").and_then(Value::as_str) == Some(&extension.extends));
        if !known {
            let problem = format!("there is no resource type \"{}\"", extension.extends);
            return Err(extension.place.at(annotation).at("extends").error(problem));
        }
    }
    let mut made: Vec<Arc<ResourceType>> = Vec::new();
    for file in types {
        let place = file.place.clone();
        let resource_type = resource_type(file, schemas, extensions, &common)?;
        knows_its_attributes(&resource_type, &place.at(annotation))?;
        if made
            .iter()
            .any(|t| t.endpoint().eq_ignore_ascii_case(resource_type.endpoint()))
        {
            return Err(place
                .at("endpoint")
                .error(format!("\"{}\" is in use", resource_type.endpoint())));
        }
        made.push(Arc::new(resource_type));
    }
    Ok(made)
}

fn resource_type(
    file: TypeFile,
    schemas: &[Arc<Schema>],
    added: &[ExtensionFile],
    common: &Arc<Schema>,
) -> Result<ResourceType, SchemaError> {
    let TypeFile {
        mut document,
        keys,
        annotated,
        place,
    } = file;
    let name = text_at(&document, "name", &place)?.to_owned();
    let endpoint = text_at(&document, "endpoint", &place)?.to_owned();
    if !is_endpoint(&endpoint) {
        return Err(place.at("endpoint").error(format!(
            "\"{endpoint}\" must be a slash and one path segment, such as /Devices"
        )));
    }
    let find = |urn: &str, place: &Place| {
        let found = schemas.iter().find(|s| s.id().eq_ignore_ascii_case(urn));
        found
            .cloned()
            .ok_or_else(|| place.error(format!("there is no schema \"{urn}\"")))
    };
    let schema = find(text_at(&document, "schema", &place)?, &place.at("schema"))?;
    let mut extensions = Vec::new();
    let listed = place.at("schemaExtensions");
    for (i, entry) in array_at(&document, "schemaExtensions", &place)?
        .iter()
        .enumerate()
    {
        let place = listed.at(i);
        let Value::Object(entry) = entry else {
            return Err(place.error("must be an object"));
        };
        let schema = find(text_at(entry, "schema", &place)?, &place.at("schema"))?;
        extensions.push(Extension {
            schema,
            required: flag_at(entry, "required", &place)?,
        });
    }
    for file in added.iter().filter(|file| file.extends == name) {
        let extension = Extension {
            schema: file.schema.clone(),
            required: file.required,
        };
        put(&mut extensions, extension, |a, b| {
            a.schema.id() == b.schema.id()
        });
    }
    let shown = extensions
        .iter()
        .map(|e| serde_json::json!({"schema": e.schema.id().as_ref(), "required": e.required}));
    document.insert("schemaExtensions".into(), shown.collect());
    document.insert(
        "schemas".into(),
        serde_json::json!([super::urn::RESOURCE_TYPE]),
    );
    document.insert("id".into(), name.clone().into());
    let made = ResourceType::new(document, &name, &endpoint, schema, extensions, common);
    Ok(made.annotated(keys, annotated))
}

fn knows_its_attributes(made: &ResourceType, place: &Place) -> Result<(), SchemaError> {
    let keys = &made.keys;
    let exists =
        |key: &str, name: &str, fits: &dyn Fn(&Attribute) -> bool| match made.top_attribute(name) {
            Some(attribute) if attribute.name().as_ref() == name && fits(attribute) => Ok(()),
            Some(_) => Err(place
                .at(key)
                .error(format!("attribute \"{name}\" is not allowed here"))),
            None => Err(place
                .at(key)
                .error(format!("there is no attribute \"{name}\""))),
        };
    let multi_valued_complex = |a: &Attribute| a.is_complex() && a.is_multi_valued();
    for (key, name) in [("members", &keys.members), ("memberOf", &keys.member_of)] {
        name.as_deref()
            .map_or(Ok(()), |name| exists(key, name, &multi_valued_complex))?;
    }
    keys.defaults
        .keys()
        .try_for_each(|name| exists("defaults", name, &|_| true))
}

fn is_endpoint(endpoint: &str) -> bool {
    let segment = endpoint.strip_prefix('/').unwrap_or("");
    let reserved = [
        "schemas",
        "resourcetypes",
        "serviceproviderconfig",
        "bulk",
        "me",
        ".search",
    ];
    !segment.is_empty()
        && segment
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c))
        && !reserved.contains(&segment.to_ascii_lowercase().as_str())
}
