//! Tests of PATCH. A row of a table has a document, operations, and the result: a document, or the scimType of the
//! error as text.
#![allow(
    clippy::needless_pass_by_value,
    reason = "rows of a table read better so"
)]

mod characteristics;
mod clients;
mod elements;
mod forms;
mod left_out;
mod members;
mod message;
mod model;
mod references;
mod table;
mod value_paths;

use super::{MemberChange, Patch, PatchLimits, member_ids, read, resolve};
use crate::error::{Error, ErrorStatus, Result};
use crate::resource::accept::accept;
use crate::resource::check::{WriteKind, check};
use crate::resource::in_schema_order;
use crate::resource::limits::ValueLimits;
use crate::resource::{Acceptance, Attributes, Conformance, LeftOut};
use crate::schema::{Catalog, ResourceType, SchemaFile, TypeRules};
use serde_json::{Map, Value, json};
use std::sync::{Arc, LazyLock};

const ID: &str = "2819c223-7f76-453a-919d-413861904646";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const TEST: &str = "urn:test:2.0:User";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Attributes that no built-in schema has: simple multi-valued, immutable and required ones.
const TEST_SCHEMA: &str = r#"{
  "id": "urn:test:2.0:User", "name": "Test", "x-scim": {"extends": ["User"]},
  "attributes": [
    {"name": "tags", "type": "string", "multiValued": true},
    {"name": "serial", "type": "string", "mutability": "immutable"},
    {"name": "level", "type": "integer"},
    {"name": "since", "type": "dateTime"},
    {"name": "code", "type": "string", "required": true},
    {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
      {"name": "value", "type": "string", "mutability": "immutable"},
      {"name": "type", "type": "string"},
      {"name": "note", "type": "string"},
      {"name": "marks", "type": "string", "multiValued": true},
      {"name": "count", "type": "integer"},
      {"name": "stamp", "type": "string", "mutability": "readOnly"}]},
    {"name": "place", "type": "complex", "subAttributes": [
      {"name": "room", "type": "string", "required": true},
      {"name": "seat", "type": "string"},
      {"name": "marks", "type": "string", "multiValued": true}]}
  ]}"#;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    Catalog::new(&[SchemaFile {
        origin: "test.json".into(),
        text: TEST_SCHEMA.into(),
    }])
    .unwrap()
    .with_rules(|resource_type| {
        let active = resource_type.top_attribute("active");
        Ok(TypeRules {
            has_printable_names: active.is_some(),
            kept: active.cloned(),
            ..TypeRules::default()
        })
    })
    .unwrap()
});

const BOTH: [Conformance; 2] = [Conformance::Lenient, Conformance::Rfc];

fn user() -> &'static Arc<ResourceType> {
    CATALOG.by_name("User").unwrap()
}

fn group() -> &'static Arc<ResourceType> {
    CATALOG.by_name("Group").unwrap()
}

/// The attributes of a valid user: `userName` and these.
fn user_with(more: Value) -> Value {
    let mut attributes = object(json!({"userName": "babs"}));
    attributes.extend(object(more));
    Value::Object(in_schema_order(user(), attributes))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("no object: {other}"),
    }
}

fn message(operations: Value) -> Map<String, Value> {
    let operations = if operations.is_array() {
        operations
    } else {
        json!([operations])
    };
    object(json!({"schemas": [PATCH_OP], "Operations": operations}))
}

/// Parses and resolves operations; also returns ignored parts.
fn prepare(
    resource_type: &ResourceType,
    mode: Conformance,
    operations: Value,
) -> Result<(Patch, Vec<LeftOut>)> {
    let limits = ValueLimits::default();
    let mut with = Acceptance::new(mode, &limits);
    let operations = read(message(operations), mode, &PatchLimits::default())?;
    let patch = resolve(
        resource_type,
        operations,
        &PatchLimits::default().path,
        &mut with,
    )?;
    Ok((patch, with.left_out))
}

/// Executes a request in all steps of a server.
fn run(
    resource_type: &ResourceType,
    mode: Conformance,
    before: &Value,
    operations: Value,
) -> Result<Value> {
    let (patch, _) = prepare(resource_type, mode, operations)?;
    let before = Attributes::from_stored(object(before.clone()));
    let after = patch.apply(resource_type, ID, before.clone())?;
    check(resource_type, Some(&before), &after, WriteKind::Modify)?;
    assert_sane(resource_type, &after);
    Ok(after.into())
}

fn kind(error: &Error) -> String {
    let scim_type = error.scim_type().map_or("", |kind| kind.as_str());
    if error.status() == ErrorStatus::BAD_REQUEST {
        scim_type.to_owned()
    } else {
        format!("{} {scim_type}", error.status())
    }
}

fn outcome(
    resource_type: &ResourceType,
    mode: Conformance,
    before: &Value,
    operations: Value,
) -> Value {
    match run(resource_type, mode, before, operations) {
        Ok(after) => after,
        Err(error) => kind(&error).into(),
    }
}

/// Checks the result in both modes.
#[track_caller]
fn both(before: Value, operations: Value, expected: Value) {
    each(before, operations, expected.clone(), expected);
}

/// Checks the results in lenient and in rfc mode.
#[track_caller]
fn each(before: Value, operations: Value, lenient: Value, rfc: Value) {
    let before = user_with(before);
    for (mode, expected) in BOTH.into_iter().zip([lenient, rfc]) {
        let expected = if expected.is_object() {
            user_with(expected)
        } else {
            expected
        };
        let found = outcome(user(), mode, &before, operations.clone());
        assert_eq!(
            found.to_string(),
            expected.to_string(),
            "\n{mode:?}: {operations}\non {before}"
        );
    }
}

fn add(path: &str, value: Value) -> Value {
    json!({"op": "add", "path": path, "value": value})
}

fn replace(path: &str, value: Value) -> Value {
    json!({"op": "replace", "path": path, "value": value})
}

fn remove(path: &str) -> Value {
    json!({"op": "remove", "path": path})
}

fn work(value: &str) -> Value {
    json!({"value": value, "type": "work"})
}

fn home(value: &str) -> Value {
    json!({"value": value, "type": "home"})
}

fn shown(value: &str) -> Value {
    json!({"value": value, "display": "D", "type": "work"})
}

/// Checks that the attributes are valid: `accept` does not change them.
fn assert_sane(resource_type: &ResourceType, attributes: &Map<String, Value>) {
    let limits = ValueLimits::default();
    let mut body = attributes.clone();
    body.insert(
        "schemas".into(),
        json!([resource_type.schema().id().as_ref()]),
    );
    let accepted = accept(
        resource_type,
        body,
        &mut Acceptance::new(Conformance::Rfc, &limits),
    )
    .unwrap();
    let (found, expected) = (
        Value::from(attributes.clone()).to_string(),
        Value::from(accepted.attributes).to_string(),
    );
    assert_eq!(found, expected);
    assert!(!attributes.values().any(is_unassigned), "{found}");
}

fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty() || values.iter().any(is_unassigned),
        Value::Object(object) => object.is_empty() || object.values().any(is_unassigned),
        _ => false,
    }
}
