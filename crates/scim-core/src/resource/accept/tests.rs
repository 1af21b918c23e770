//! Allowed places of values in a body. A row has a body and the accepted attributes.
#![allow(
    clippy::needless_pass_by_value,
    reason = "rows of a table read better so"
)]

use super::*;
use crate::resource::limits::ValueLimits;
use crate::schema::{Catalog, SchemaFile};
use serde_json::json;
use std::sync::LazyLock;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const TEST: &str = "urn:test:2.0:User";

const TEST_SCHEMA: &str = r#"{
  "id": "urn:test:2.0:User", "name": "Test", "x-scim": {"extends": ["User"]},
  "attributes": [
    {"name": "pin", "type": "string", "mutability": "writeOnly", "returned": "never"},
    {"name": "level", "type": "integer"}
  ]}"#;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    Catalog::new(&[SchemaFile {
        origin: "test.json".into(),
        text: TEST_SCHEMA.into(),
    }])
    .unwrap()
});

fn read(kind: &str, mode: Conformance, body: Value) -> Result<Accepted> {
    let Value::Object(mut body) = body else {
        panic!()
    };
    if !body.contains_key("schemas") {
        body.insert(
            "schemas".into(),
            json!([if kind == "User" { USER } else { GROUP }]),
        );
    }
    let limits = ValueLimits::default();
    accept(
        CATALOG.by_name(kind).unwrap(),
        body,
        &mut Acceptance::new(mode, &limits),
    )
}

#[track_caller]
fn lenient(body: Value, attributes: Value) {
    let accepted = read("User", Conformance::Lenient, body.clone()).unwrap();
    let (found, expected) = (
        Value::from(accepted.attributes).to_string(),
        attributes.to_string(),
    );
    assert_eq!(found, expected, "{body}");
}

#[track_caller]
fn by_the_letter(body: Value, attributes: Option<Value>) {
    let found = read("User", Conformance::Rfc, body.clone()).ok();
    assert_eq!(
        found.map(|found| Value::from(found.attributes)),
        attributes,
        "{body}"
    );
}

#[test]
fn an_array_of_one_is_accepted_for_an_extension() {
    let sales = json!({ENTERPRISE: {"department": "d"}});
    for empty in [json!([]), json!([null]), json!(null)] {
        lenient(json!({ENTERPRISE: empty}), json!({}));
        lenient(json!({USER: empty}), json!({}));
    }
    lenient(json!({ENTERPRISE: [{"department": "d"}]}), sales);
    lenient(json!({USER: [{"title": "t"}]}), json!({"title": "t"}));
    by_the_letter(json!({ENTERPRISE: []}), None);
    by_the_letter(json!({ENTERPRISE: [{"department": "d"}]}), None);
    by_the_letter(json!({ENTERPRISE: null}), Some(json!({})));
}

#[test]
fn names_mean_the_same_under_the_urn_of_the_core_schema() {
    lenient(
        json!({USER: {"department": "d", "manager": "m", "name.givenName": "g", "name.familyName": "f"}}),
        json!({
            "name": {"familyName": "f", "givenName": "g"},
            ENTERPRISE: {"department": "d", "manager": {"value": "m"}},
        }),
    );
    by_the_letter(json!({USER: {"title": "t"}}), Some(json!({"title": "t"})));
    by_the_letter(json!({USER: {"department": "d"}}), None);
}

#[test]
fn keys_that_name_sub_attributes() {
    lenient(
        json!({
            format!("{ENTERPRISE}:manager.value"): "m",
            format!("{USER}:name.givenName"): "g",
            "name.familyName": "f",
        }),
        json!({
            "name": {"familyName": "f", "givenName": "g"},
            ENTERPRISE: {"manager": {"value": "m"}},
        }),
    );
    lenient(
        json!({"name": {"givenName": "whole"}, "name.givenName": "part", "name.familyName": "f"}),
        json!({"name": {"familyName": "f", "givenName": "whole"}}),
    );
    lenient(json!({"manager.value": ""}), json!({}));
    lenient(json!({"name.nobody": "x"}), json!({}));
    by_the_letter(
        json!({format!("{ENTERPRISE}:manager.value"): "m"}),
        Some(json!({})),
    );
    by_the_letter(json!({"name.givenName": "g"}), None);
}

#[test]
fn names_in_a_body_are_asserted() {
    let asserted = |body: Value| {
        let accepted = read("User", Conformance::Lenient, body).unwrap();
        accepted.asserted.contains(&format!("{TEST}:pin"))
    };
    assert!(asserted(json!({TEST: {"pin": null}})));
    assert!(asserted(json!({TEST: null})));
    assert!(asserted(json!({TEST: []})));
    assert!(asserted(json!({format!("{TEST}:pin"): null})));
    assert!(!asserted(json!({TEST: {"level": 1}})));
    assert!(!asserted(json!({TEST: {}})));
    assert!(!asserted(json!({})));
    let emails = |body: Value| {
        let accepted = read("User", Conformance::Lenient, body).unwrap();
        accepted.asserted.contains("emails")
    };
    assert!(emails(json!({"emails": []})));
    assert!(!emails(json!({"emails": [{"mail": "a@b.example"}]})));
}

#[test]
fn a_legacy_urn_is_that_of_the_type() {
    for urn in [
        "urn:scim:schemas:core:1.0",
        "urn:scim:schemas:core:2.0",
        "URN:scim:schemas:core:1.0:user",
    ] {
        assert!(read("User", Conformance::Lenient, json!({"schemas": [urn]})).is_ok());
    }
    for urn in [
        "urn:scim:schemas:core:2.0:Group",
        "urn:scim:schemas:core:1.0:Group",
        "urn:scim:schemas:core:1.0:Robot",
        "urn:scim:schemas:core:3.0",
    ] {
        assert!(read("User", Conformance::Lenient, json!({"schemas": [urn]})).is_err());
    }
    lenient(
        json!({"urn:scim:schemas:core:1.0:title": "t"}),
        json!({"title": "t"}),
    );
    lenient(
        json!({"urn:scim:schemas:core:1.0:Group:title": "t"}),
        json!({}),
    );
}

#[test]
fn members_are_named_by_text() {
    let accepted = read(
        "Group",
        Conformance::Lenient,
        json!({"members": ["a", {"value": "b"}]}),
    );
    assert_eq!(
        accepted.unwrap().attributes["members"],
        json!([{"value": "a"}, {"value": "b"}])
    );
    assert!(read("Group", Conformance::Rfc, json!({"members": ["a"]})).is_err());
}
