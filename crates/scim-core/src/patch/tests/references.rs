//! The parts of a reference to another resource: `$ref` is the URI of the resource with the id in `value`.

use super::*;

fn boss(value: Value) -> Value {
    json!({ENTERPRISE: {"manager": value}})
}

fn first() -> Value {
    boss(json!({"value": "m1", "$ref": "../Users/m1"}))
}

/// Checks the result in lenient mode; in strict mode other sub-attributes are unchanged.
#[track_caller]
fn lenient(before: Value, operation: Value, after: Value) {
    let found = outcome(
        user(),
        Conformance::Lenient,
        &user_with(before),
        operation.clone(),
    );
    assert_eq!(found, user_with(after), "{operation}");
}

#[test]
fn another_value_removes_the_uri_of_the_former_one() {
    for op in ["add", "replace"] {
        let at = |path: &str, value: Value| json!({"op": op, "path": path, "value": value});
        for operation in [
            at("manager", json!({"value": "m2"})),
            at("manager", json!([{"value": "m2"}])),
            at("manager.value", json!("m2")),
            at("manager", json!("m2")),
            json!({"op": op, "value": {"manager": {"value": "m2"}}}),
            json!({"op": op, "value": {format!("{ENTERPRISE}:manager.value"): "m2"}}),
            at("manager[value eq \"m1\"].value", json!("m2")),
        ] {
            lenient(first(), operation, boss(json!({"value": "m2"})));
        }
        lenient(first(), at("manager", json!({"value": "m1"})), first());
        lenient(first(), at("manager.value", json!("m1")), first());
        let whole = json!({"value": "m2", "$ref": "../Users/m2"});
        lenient(first(), at("manager", whole.clone()), boss(whole));
        let turned = json!({"$ref": "../Users/m2", "value": "m2"});
        lenient(
            first(),
            at("manager", turned),
            boss(json!({"value": "m2", "$ref": "../Users/m2"})),
        );
    }
    let found = outcome(
        user(),
        Conformance::Rfc,
        &user_with(first()),
        replace(&format!("{ENTERPRISE}:manager"), json!({"value": "m2"})),
    );
    assert_eq!(
        found,
        user_with(boss(json!({"value": "m2", "$ref": "../Users/m1"})))
    );
}

#[test]
fn a_reference_without_value_is_removed() {
    for op in ["add", "replace"] {
        let at = |path: &str, value: Value| json!({"op": op, "path": path, "value": value});
        for operation in [
            at("manager", json!({"value": null})),
            at("manager", json!({"value": null, "$ref": null})),
            at("manager", json!({"value": "", "$ref": "../Users/m1"})),
            at("manager.value", json!(null)),
            at("manager.value", json!("")),
            json!({"op": op, "value": {"manager": {"value": null}}}),
        ] {
            lenient(first(), operation, json!({}));
        }
        lenient(
            first(),
            at("manager", json!({"value": null, "$ref": "../Users/m2"})),
            boss(json!({"$ref": "../Users/m2"})),
        );
    }
    lenient(first(), remove("manager.value"), json!({}));
    lenient(first(), remove("manager[value eq \"m1\"].value"), json!({}));
}
