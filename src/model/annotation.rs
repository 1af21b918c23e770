//! The object `x-scimd` of schema and resource type files: properties for this server.

use crate::schema::{Annotations, Catalog, Schema, SchemaError, SchemaFile};
use serde_json::Value;

/// The name of the object.
pub(crate) const ANNOTATION: &str = "x-scimd";

/// The key of a schema file that lists names of attributes that were removed: resources can have hidden values of them.
pub(super) const HIDES: &str = "hides";

const ANNOTATIONS: Annotations<'static> = Annotations {
    name: ANNOTATION,
    schema_keys: &[HIDES],
    type_keys: &[
        "display",
        "seat",
        "password",
        "checkedReferences",
        "scanned",
    ],
    built_in: &[
        ("User", include_str!("user.json")),
        ("Group", r#"{"display": ["displayName"]}"#),
    ],
};

/// The catalog of built-in types and those of files.
#[expect(
    clippy::disallowed_methods,
    reason = "only this function defines the annotations of the server"
)]
pub(super) fn annotated(files: &[SchemaFile]) -> Result<Catalog, SchemaError> {
    Catalog::annotated(files, &ANNOTATIONS)
}

/// Every error of a single file, each with its place.
pub(crate) fn problems(file: &SchemaFile) -> Vec<SchemaError> {
    crate::schema::problems(file, &ANNOTATIONS)
}

/// Whether resources can have values of former attributes of the schema.
///
/// # Errors
/// If the key `hides` is not a list of names.
pub(super) fn was_larger(schema: &Schema) -> Result<bool, SchemaError> {
    let own = schema.annotation(ANNOTATION);
    let Some(hides) = own.and_then(|own| own.get(HIDES)) else {
        return Ok(false);
    };
    let names = hides
        .as_array()
        .map(|names| names.iter().map(Value::as_str));
    let names: Option<Vec<&str>> = names.and_then(Iterator::collect);
    let names = names.ok_or_else(|| {
        let pointer = format!("/{ANNOTATION}/{HIDES}");
        schema.error_at(&pointer, "must be a list of names")
    })?;
    Ok(names.iter().any(|name| schema.attribute(name).is_none()))
}
