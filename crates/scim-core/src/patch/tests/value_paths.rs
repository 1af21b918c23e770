//! Changes through a value path, and values that are created without a match.

use super::*;

fn key(more: Value) -> Value {
    json!({TEST: {"code": "c", "keys": [more]}})
}

#[test]
fn a_replaced_value_still_matches_its_path() {
    let request = replace("emails[type eq \"work\"]", json!({"value": "a"}));
    let mut document = user_with(json!({}));
    for _ in 0..4 {
        document = outcome(user(), Conformance::Lenient, &document, request.clone());
        assert_eq!(document, user_with(json!({"emails": [work("a")]})));
    }
    each(
        json!({"emails": [shown("w"), home("h")]}),
        request,
        json!({"emails": [work("a"), home("h")]}),
        json!({"emails": [{"value": "a"}, home("h")]}),
    );
    both(
        json!({"emails": [work("w")]}),
        replace("emails[type eq \"work\"]", home("h")),
        json!({"emails": [home("h")]}),
    );
    let boss = |id: &str| json!({ENTERPRISE: {"manager": {"value": id}}});
    let found = outcome(
        user(),
        Conformance::Lenient,
        &user_with(boss("1")),
        replace("manager[value eq \"1\"]", json!({"$ref": "../Users/1"})),
    );
    assert_eq!(
        found[ENTERPRISE]["manager"],
        json!({"value": "1", "$ref": "../Users/1"})
    );
}

#[test]
fn creating_a_value_is_checked_only_without_a_match() {
    let path = format!("{TEST}:keys[marks eq \"a\"].note");
    for op in [add, replace] {
        both(
            key(json!({"value": "v", "marks": ["a", "b"]})),
            op(&path, json!("n")),
            key(json!({"value": "v", "note": "n", "marks": ["a", "b"]})),
        );
    }
    let made = key(json!({"note": "n", "marks": ["a"]}));
    each(
        json!({TEST: {"code": "c"}}),
        replace(&path, json!("n")),
        made.clone(),
        json!("noTarget"),
    );
    both(json!({TEST: {"code": "c"}}), add(&path, json!("n")), made);
    let path = format!("{TEST}:keys[count eq 2.0].note");
    for op in [add, replace] {
        both(
            key(json!({"count": 2})),
            op(&path, json!("n")),
            key(json!({"note": "n", "count": 2})),
        );
    }
    both(
        json!({TEST: {"code": "c"}}),
        add(&path, json!("n")),
        key(json!({"note": "n", "count": 2})),
    );
    let half = format!("{TEST}:keys[count eq 2.5].note");
    for op in [add, replace] {
        both(json!({}), op(&half, json!("n")), json!("noTarget"));
    }
    let long = "x".repeat(900);
    let path = format!("{TEST}:keys[value eq \"{}\"].note", long);
    both(
        key(json!({"value": long})),
        add(&path, json!("n")),
        key(json!({"value": long, "note": "n"})),
    );
}

#[test]
fn a_removal_through_a_value_path_can_list_values() {
    let path = format!("{TEST}:keys[value eq \"v\"].marks");
    let listed = |value: Value| json!({"op": "remove", "path": path, "value": value});
    let before = || key(json!({"value": "v", "marks": ["a", "b"]}));
    each(
        before(),
        listed(json!(["a"])),
        key(json!({"value": "v", "marks": ["b"]})),
        key(json!({"value": "v"})),
    );
    each(
        before(),
        listed(json!("B")),
        key(json!({"value": "v", "marks": ["a"]})),
        key(json!({"value": "v"})),
    );
    both(before(), listed(json!(null)), key(json!({"value": "v"})));
    both(before(), remove(&path), key(json!({"value": "v"})));
}
