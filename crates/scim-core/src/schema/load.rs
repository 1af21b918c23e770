//! Reads schema and resource type files. Every error has the file and the JSON pointer.

use super::annotation::{Annotated, Annotations, TypeKeys};
use super::attribute::{Attribute, Mutability, Returned, Type, Uniqueness, index};
use super::definition::Schema;
use super::place::{Place, SchemaError};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A schema or resource type file: its origin, for messages, and its text. The documentation of the module
/// [`schema`](crate::schema) describes the format.
#[derive(Debug, Clone)]
pub struct SchemaFile {
    /// Path or other name of the origin.
    pub origin: String,
    /// JSON text.
    pub text: String,
}

/// A parsed file, before types and schemas are combined.
#[derive(Debug)]
pub(super) enum Definition {
    Schema {
        schema: Arc<Schema>,
        extends: Vec<String>,
        required: bool,
        place: Place,
    },
    ResourceType {
        document: Map<String, Value>,
        keys: Box<TypeKeys>,
        annotated: Annotated,
        place: Place,
    },
}

/// Reads a file of a deployment.
pub(super) fn read(
    file: &SchemaFile,
    annotations: &Annotations<'_>,
) -> Result<Definition, SchemaError> {
    let place = Place::of(&file.origin);
    read_document(parse(&file.text, &place)?, place, annotations)
}

/// Reads a built-in file.
pub(super) fn read_built_in(
    origin: &str,
    text: &str,
    annotations: &Annotations<'_>,
) -> Result<Definition, SchemaError> {
    let place = Place::of(origin);
    let mut document = parse(text, &place)?;
    annotations.give_to(&mut document, &place)?;
    read_document(document, place, annotations)
}

fn parse(text: &str, place: &Place) -> Result<Map<String, Value>, SchemaError> {
    match serde_json::from_str(text) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(place.error("must be a JSON object")),
        Err(error) => Err(place.error(format!("not JSON: {error}"))),
    }
}

fn read_document(
    mut document: Map<String, Value>,
    place: Place,
    annotations: &Annotations<'_>,
) -> Result<Definition, SchemaError> {
    let annotated = Annotated::of(&document, &place);
    document.remove("meta");
    if document.contains_key("attributes") {
        let keys = annotations.of_schema(&mut document, &place)?;
        let schema = read_schema(document, &place)?.annotated(annotated);
        Ok(Definition::Schema {
            schema: Arc::new(schema),
            extends: keys.extends,
            required: keys.required,
            place,
        })
    } else if document.contains_key("endpoint") {
        Ok(Definition::ResourceType {
            keys: Box::new(annotations.of_type(&mut document, &place)?),
            document,
            annotated,
            place,
        })
    } else {
        Err(place.error("must have \"attributes\" (a Schema) or \"endpoint\" (a ResourceType)"))
    }
}

pub(super) fn read_common(text: &str) -> Result<Schema, SchemaError> {
    let place = Place::of("common.json");
    let document = parse(text, &place)?;
    Ok(Schema::new(
        "",
        "Common",
        read_attributes(&document, "attributes", &place, false)?,
        Map::new(),
    ))
}

fn read_schema(mut document: Map<String, Value>, place: &Place) -> Result<Schema, SchemaError> {
    let id = text_at(&document, "id", place)?.to_owned();
    let is_urn = id.len() > 4 && id.to_ascii_lowercase().starts_with("urn:");
    if !is_urn || id.contains(|c: char| c.is_whitespace() || c.is_control() || "[]\"\\".contains(c))
    {
        return Err(place.at("id").error(format!(
            "\"{id}\" must be a URN, such as urn:ietf:params:scim:schemas:extension:acme:2.0:User"
        )));
    }
    let name = document
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or(&id)
        .to_owned();
    // The Schema schema describes itself, and has a complex sub-attribute (erratum 8415).
    let attributes = read_attributes(&document, "attributes", place, id == super::urn::SCHEMA)?;
    document.insert("schemas".into(), serde_json::json!([super::urn::SCHEMA]));
    document.insert("name".into(), name.clone().into());
    document.insert(
        "attributes".into(),
        attributes
            .iter()
            .zip(array_at(&document, "attributes", place)?)
            .map(|(a, source)| describe(a, source))
            .collect(),
    );
    Ok(Schema::new(&id, &name, attributes, document))
}

/// The attribute in the form of `/Schemas`, with every characteristic, and the defaults of RFC 7643 section 7 for
/// omitted ones.
fn describe(attribute: &Attribute, source: &Value) -> Value {
    let mut shown = Map::new();
    shown.insert("name".into(), attribute.name.as_ref().into());
    shown.insert("type".into(), attribute.kind.as_str().into());
    shown.insert("multiValued".into(), attribute.multi_valued.into());
    if let Some(description) = source.get("description") {
        shown.insert("description".into(), description.clone());
    }
    shown.insert("required".into(), attribute.required.into());
    if !attribute.canonical_values.is_empty() {
        shown.insert(
            "canonicalValues".into(),
            attribute.canonical_values.clone().into(),
        );
    }
    shown.insert("caseExact".into(), attribute.is_case_exact().into());
    shown.insert("mutability".into(), attribute.mutability.as_str().into());
    shown.insert("returned".into(), attribute.returned.as_str().into());
    shown.insert("uniqueness".into(), attribute.uniqueness.as_str().into());
    if attribute.kind == Type::Reference {
        shown.insert(
            "referenceTypes".into(),
            attribute.reference_types.clone().into(),
        );
    }
    if attribute.is_complex() {
        let sources = source
            .get("subAttributes")
            .and_then(Value::as_array)
            .map_or(&[] as &[_], Vec::as_slice);
        let subs = attribute
            .sub_attributes
            .iter()
            .zip(sources)
            .map(|(sub, source)| describe(sub, source));
        shown.insert("subAttributes".into(), subs.collect());
    }
    Value::Object(shown)
}

fn read_attributes(
    owner: &Map<String, Value>,
    key: &str,
    place: &Place,
    nested: bool,
) -> Result<Vec<Arc<Attribute>>, SchemaError> {
    let place = place.at(key);
    let mut attributes: Vec<Arc<Attribute>> = Vec::new();
    for (i, value) in array_at(owner, key, &place)?.iter().enumerate() {
        let place = place.at(i);
        let Value::Object(definition) = value else {
            return Err(place.error("must be an object"));
        };
        let attribute = read_attribute(definition, &place, nested)?;
        if attributes
            .iter()
            .any(|a| a.name.eq_ignore_ascii_case(&attribute.name))
        {
            return Err(place
                .at("name")
                .error(format!("\"{}\" is defined twice", attribute.name)));
        }
        attributes.push(Arc::new(attribute));
    }
    Ok(attributes)
}

fn read_attribute(
    definition: &Map<String, Value>,
    place: &Place,
    nested: bool,
) -> Result<Attribute, SchemaError> {
    let name = text_at(definition, "name", place)?;
    if !is_attribute_name(name) {
        return Err(place.at("name").error(format!(
            "\"{name}\" is not an attribute name: a letter, then letters, digits, '-' and '_' (RFC 7643 section 2.1)"
        )));
    }
    let kind = keyword(
        definition,
        "type",
        place,
        Type::from_keyword,
        Type::KEYWORDS,
    )?
    .unwrap_or(Type::String);
    let sub_attributes = read_sub_attributes(definition, kind, place, nested)?;
    let (from_keyword, allowed) = (Mutability::from_keyword, Mutability::KEYWORDS);
    let mutability = keyword(definition, "mutability", place, from_keyword, allowed)?;
    let (from_keyword, allowed) = (Returned::from_keyword, Returned::KEYWORDS);
    let returned = keyword(definition, "returned", place, from_keyword, allowed)?;
    let (from_keyword, allowed) = (Uniqueness::from_keyword, Uniqueness::KEYWORDS);
    let uniqueness = keyword(definition, "uniqueness", place, from_keyword, allowed)?;
    let attribute = Attribute {
        name: name.into(),
        kind,
        multi_valued: flag_at(definition, "multiValued", place)?,
        required: flag_at(definition, "required", place)?,
        case_exact: flag_at(definition, "caseExact", place)?,
        mutability: mutability.unwrap_or(Mutability::ReadWrite),
        returned: returned.unwrap_or(Returned::Default),
        uniqueness: uniqueness.unwrap_or(Uniqueness::None),
        canonical_values: texts_at(definition, "canonicalValues", place)?,
        reference_types: texts_at(definition, "referenceTypes", place)?,
        by_name: index(&sub_attributes),
        sub_attributes,
    };
    fits_together(&attribute, place)?;
    Ok(attribute)
}

/// The sub-attributes of a complex attribute; none of another type.
fn read_sub_attributes(
    definition: &Map<String, Value>,
    kind: Type,
    place: &Place,
    nested: bool,
) -> Result<Vec<Arc<Attribute>>, SchemaError> {
    let sub_attributes = match (kind, definition.contains_key("subAttributes")) {
        (Type::Complex, true) => read_attributes(definition, "subAttributes", place, nested)?,
        (Type::Complex, false) => {
            return Err(place.error("a complex attribute needs \"subAttributes\""));
        }
        (_, true) => {
            return Err(place
                .at("subAttributes")
                .error(format!("type {} has none", kind.as_str())));
        }
        (_, false) => Vec::new(),
    };
    let complex_sub = sub_attributes.iter().position(|sub| sub.is_complex());
    if let (Some(i), false) = (complex_sub, nested) {
        return Err(place
            .at("subAttributes")
            .at(i)
            .at("type")
            .error("a sub-attribute may not be complex (RFC 7643 section 2.3.8)"));
    }
    Ok(sub_attributes)
}

/// Checks characteristics that depend on each other.
fn fits_together(attribute: &Attribute, place: &Place) -> Result<(), SchemaError> {
    let unique = attribute.uniqueness != Uniqueness::None;
    if unique && (attribute.multi_valued || attribute.is_complex()) {
        return Err(place
            .at("uniqueness")
            .error("only a single simple value can be unique"));
    }
    let in_list = attribute
        .sub_attributes
        .iter()
        .position(|sub| attribute.multi_valued && sub.is_unique());
    if let Some(i) = in_list {
        return Err(place
            .at("subAttributes")
            .at(i)
            .at("uniqueness")
            .error("a value of a list cannot be unique"));
    }
    if unique && matches!(attribute.kind, Type::Boolean | Type::Binary) {
        return Err(place
            .at("uniqueness")
            .error(format!("type {} cannot be unique", attribute.kind.as_str())));
    }
    if attribute.mutability == Mutability::WriteOnly
        && !matches!(attribute.returned, Returned::Never)
    {
        return Err(place
            .at("returned")
            .error("a writeOnly attribute is returned \"never\" (RFC 7643 section 7)"));
    }
    Ok(())
}

/// Whether a text can be the name of an attribute (RFC 7643 section 2.1), including a leading `$` as in `$ref`.
pub fn is_attribute_name(name: &str) -> bool {
    let body = name.strip_prefix('$').unwrap_or(name);
    body.starts_with(|c: char| c.is_ascii_alphabetic())
        && body
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

pub(super) fn text_at<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    place: &Place,
) -> Result<&'a str, SchemaError> {
    match object.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(place.at(key).error("must be a string that is not empty")),
        None => Err(place.error(format!("\"{key}\" is missing"))),
    }
}

pub(super) fn array_at<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    place: &Place,
) -> Result<&'a [Value], SchemaError> {
    match object.get(key) {
        None => Ok(&[]),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(place.at(key).error("must be an array")),
    }
}

pub(super) fn flag_at(
    object: &Map<String, Value>,
    key: &str,
    place: &Place,
) -> Result<bool, SchemaError> {
    match object.get(key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(place.at(key).error("must be true or false")),
    }
}

fn texts_at(
    object: &Map<String, Value>,
    key: &str,
    place: &Place,
) -> Result<Vec<String>, SchemaError> {
    let place = place.at(key);
    array_at(object, key, &place)?
        .iter()
        .enumerate()
        .map(|(i, value)| {
            value
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| place.at(i).error("must be a string"))
        })
        .collect()
}

fn keyword<T>(
    object: &Map<String, Value>,
    key: &str,
    place: &Place,
    read: fn(&str) -> Option<T>,
    allowed: &[&str],
) -> Result<Option<T>, SchemaError> {
    match object.get(key) {
        None => Ok(None),
        Some(value) => {
            let known = value.as_str().and_then(read);
            let problem = || {
                place
                    .at(key)
                    .error(format!("{value} is not one of {}", allowed.join(", ")))
            };
            known.map(Some).ok_or_else(problem)
        }
    }
}
