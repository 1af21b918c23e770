//! Changes of the values of a multi-valued attribute (RFC 7643 section 2.4).

use super::*;

fn with_primary(value: Value, primary: bool) -> Value {
    let mut value = object(value);
    value.insert("primary".into(), primary.into());
    Value::Object(value)
}

fn first(value: &str) -> Value {
    with_primary(work(value), true)
}

fn emails(values: Value) -> Value {
    json!({"emails": values})
}

#[test]
fn a_new_primary_replaces_the_old_one() {
    let before = emails(json!([first("w"), home("h")]));
    let passed_on = with_primary(work("w"), false);
    let new = with_primary(home("h"), true);
    let after = emails(json!([passed_on, new]));
    for op in [add, replace] {
        both(
            before.clone(),
            op("emails[type eq \"home\"].primary", json!(true)),
            after.clone(),
        );
        both(
            before.clone(),
            op("emails[type eq \"work\"].primary", json!(true)),
            before.clone(),
        );
    }
    both(
        before.clone(),
        replace("emails[type eq \"home\"]", new.clone()),
        after.clone(),
    );
    both(
        before.clone(),
        add("emails[type eq \"home\"]", json!({"primary": true})),
        after.clone(),
    );
    both(before.clone(), add("emails", json!([new])), after.clone());
    both(
        before.clone(),
        add("emails", with_primary(home("x"), true)),
        emails(json!([passed_on, home("h"), with_primary(home("x"), true)])),
    );
    let operation = json!({"op": "add", "value": {"emails": [new]}});
    both(before.clone(), operation, after);
    both(
        before.clone(),
        add("emails", with_primary(home("h"), false)),
        emails(json!([first("w"), with_primary(home("h"), false)])),
    );
    both(
        before,
        replace("emails", json!([new])),
        emails(json!([new])),
    );
}

#[test]
fn a_created_primary_replaces_the_old_one() {
    both(
        emails(json!([first("w")])),
        json!([
            add("emails[type eq \"home\"].value", json!("h")),
            add("emails[type eq \"home\"].primary", json!(true)),
        ]),
        emails(json!([
            with_primary(work("w"), false),
            with_primary(home("h"), true)
        ])),
    );
}

#[test]
fn two_primaries_in_one_operation_are_an_error() {
    let two = json!([first("a"), with_primary(home("b"), true)]);
    for op in [add, replace] {
        both(json!({}), op("emails", two.clone()), json!("invalidValue"));
        both(
            emails(json!([first("w")])),
            op("emails", two.clone()),
            json!("invalidValue"),
        );
        both(
            emails(json!([work("w"), home("h")])),
            op("emails[value pr].primary", json!(true)),
            json!("invalidValue"),
        );
    }
}

#[test]
fn equal_values_are_not_doubled() {
    let before = emails(json!([shown("w"), home("h")]));
    both(before.clone(), add("emails", shown("W")), before.clone());
    // the same value and type: one value
    both(before.clone(), add("emails", work("W")), before.clone());
    both(
        before.clone(),
        add(
            "emails",
            json!({"value": "w", "type": "work", "display": "E"}),
        ),
        emails(json!([{"value": "w", "display": "E", "type": "work"}, home("h")])),
    );
    both(
        before.clone(),
        add(
            "emails",
            json!([{"value": "h", "type": "home", "display": "1"}, {"value": "h", "type": "home", "display": "2"}]),
        ),
        emails(json!([shown("w"), {"value": "h", "display": "2", "type": "home"}])),
    );
    both(
        json!({}),
        replace("emails", json!([work("w"), shown("W")])),
        emails(json!([shown("w")])),
    );
    // another type: another value
    both(
        before.clone(),
        add("emails", home("w")),
        emails(json!([shown("w"), home("h"), home("w")])),
    );
    // made equal by the operation
    both(
        emails(json!([work("a"), work("b"), home("h")])),
        replace("emails[type eq \"work\"].value", json!("c")),
        emails(json!([work("c"), home("h")])),
    );
    // without `value`, values are not compared
    let address = |street: &str| json!({"streetAddress": street, "type": "work"});
    both(
        json!({"addresses": [address("1")]}),
        add("addresses", address("2")),
        json!({"addresses": [address("1"), address("2")]}),
    );
}

#[test]
fn sub_attribute_without_filter_is_that_of_every_value() {
    let before = emails(json!([work("w"), home("h")]));
    for op in [add, replace] {
        both(
            before.clone(),
            op("emails.display", json!("D")),
            emails(json!([shown("w"), {"value": "h", "display": "D", "type": "home"}])),
        );
        both(
            json!({}),
            op("emails.value", json!("x")),
            emails(json!([{"value": "x"}])),
        );
    }
    both(
        before,
        remove("emails.type"),
        emails(json!([{"value": "w"}, {"value": "h"}])),
    );
    both(
        emails(json!([{"type": "work"}])),
        remove("emails.type"),
        json!({}),
    );
}

fn keys(keys: Value) -> Value {
    json!({TEST: {"code": "c", "keys": keys}})
}

#[test]
fn immutable_sub_attributes_of_values() {
    let path = |rest: &str| format!("{TEST}:keys{rest}");
    let before = keys(json!([{"value": "1", "type": "a"}, {"type": "b"}]));
    for op in [add, replace] {
        both(
            before.clone(),
            op(&path("[type eq \"a\"].value"), json!("2")),
            json!("mutability"),
        );
        both(
            before.clone(),
            op(&path("[type eq \"a\"].value"), json!("1")),
            before.clone(),
        );
        both(
            before.clone(),
            op(&path("[type eq \"a\"].value"), json!(null)),
            json!("mutability"),
        );
        both(
            before.clone(),
            op(&path(".value"), json!("2")),
            json!("mutability"),
        );
        both(
            before.clone(),
            op(&path("[type eq \"b\"].value"), json!("2")),
            keys(json!([{"value": "1", "type": "a"}, {"value": "2", "type": "b"}])),
        );
    }
    both(
        before.clone(),
        remove(&path("[type eq \"a\"].value")),
        json!("mutability"),
    );
    both(
        before.clone(),
        add(&path("[type eq \"a\"]"), json!({"value": "2"})),
        json!("mutability"),
    );
    both(
        before.clone(),
        replace(&path("[type eq \"a\"]"), json!({"value": "2"})),
        json!("mutability"),
    );
    both(
        before.clone(),
        replace(&path("[type eq \"a\"]"), json!({"note": "n"})),
        json!("mutability"),
    );
    each(
        before.clone(),
        replace(&path("[type eq \"a\"]"), json!({"value": "1", "note": "n"})),
        keys(json!([{"value": "1", "type": "a", "note": "n"}, {"type": "b"}])),
        keys(json!([{"value": "1", "note": "n"}, {"type": "b"}])),
    );
    both(
        before.clone(),
        remove(&path("[type eq \"a\"]")),
        keys(json!([{"type": "b"}])),
    );
    both(
        before.clone(),
        replace(&path(""), json!([{"value": "2"}])),
        keys(json!([{"value": "2"}])),
    );
    both(before, remove(&path("")), json!({TEST: {"code": "c"}}));
}

#[test]
fn several_values_within_a_value() {
    let path = |rest: &str| format!("{TEST}:keys{rest}");
    let marked = |marks: Value| keys(json!([{"value": "1", "marks": marks}]));
    let before = marked(json!(["x"]));
    both(
        before.clone(),
        add(&path("[value eq \"1\"].marks"), json!(["X", "y"])),
        marked(json!(["x", "y"])),
    );
    both(
        before.clone(),
        add(&path("[value eq \"1\"]"), json!({"marks": "y"})),
        marked(json!(["x", "y"])),
    );
    both(
        before.clone(),
        add(&path(""), json!({"value": "1", "marks": ["y"]})),
        marked(json!(["x", "y"])),
    );
    both(
        before.clone(),
        replace(&path("[value eq \"1\"].marks"), json!(["y"])),
        marked(json!(["y"])),
    );
    both(
        before.clone(),
        remove(&path("[value eq \"1\"].marks")),
        keys(json!([{"value": "1"}])),
    );
    both(
        before,
        add(&path("[value eq \"2\"].stamp"), json!("s")),
        json!("mutability"),
    );
    let place = format!("{TEST}:place.marks");
    let before = json!({TEST: {"code": "c", "place": {"room": "7", "marks": ["x"]}}});
    let after = json!({TEST: {"code": "c", "place": {"room": "7", "marks": ["x", "y"]}}});
    both(before, add(&place, json!(["y", "x"])), after);
}

#[test]
fn the_limit_of_values_holds_after_the_patch() {
    let many = |from: usize, to: usize| (from..to).map(|i| work(&i.to_string())).collect::<Value>();
    both(json!({}), add("emails", many(0, 500)), emails(many(0, 500)));
    both(
        json!({}),
        add("emails", many(0, 501)),
        json!("invalidValue"),
    );
    both(
        emails(many(0, 499)),
        add("emails", many(499, 500)),
        emails(many(0, 500)),
    );
    both(
        emails(many(0, 500)),
        add("emails", many(500, 501)),
        json!("invalidValue"),
    );
    both(
        emails(many(0, 500)),
        add("emails", many(0, 10)),
        emails(many(0, 500)),
    );
    // A lowered limit does not prevent removing values.
    let (patch, _) = prepare(user(), Conformance::Rfc, remove("emails[value eq \"0\"]")).unwrap();
    let before = Attributes::from_stored(object(user_with(emails(many(0, 600)))));
    assert_eq!(
        patch.apply(user(), ID, before).unwrap()["emails"]
            .as_array()
            .map(Vec::len),
        Some(599)
    );
}

#[test]
fn operations_apply_in_order_and_errors_name_theirs() {
    both(
        json!({}),
        json!([
            add("nickName", json!("a")),
            replace("nickName", json!("b")),
            add("emails", work("w")),
            add("emails[type eq \"work\"].display", json!("D")),
            remove("nickName"),
        ]),
        emails(json!([shown("w")])),
    );
    for (operations, start) in [
        (
            json!([add("nickName", json!("a")), add("nothing", json!(1))]),
            "Operation 2: \"nothing\" is not an attribute",
        ),
        (json!([{"op": "move"}]), "Operation 1: "),
        (
            json!([
                remove("title"),
                replace("emails[type eq \"x\"].value", json!("v"))
            ]),
            "Operation 2: No value of",
        ),
        (
            json!([add("name", json!(1))]),
            "Operation 1: Attribute \"name\" must be an object",
        ),
    ] {
        let error = run(user(), Conformance::Rfc, &user_with(json!({})), operations).unwrap_err();
        assert!(error.detail().starts_with(start), "{error}");
    }
}

#[test]
fn a_patch_lists_named_attributes() {
    let operations = json!([
        add("name.givenName", json!("B")),
        remove(&format!("{ENTERPRISE}:department"))
    ]);
    let (patch, _) = prepare(user(), Conformance::Rfc, operations).unwrap();
    assert_eq!(
        patch.named(),
        [
            "name",
            "name.givenName",
            &format!("{ENTERPRISE}:department")
        ]
    );
    assert!(patch.touches_document());
    assert!(patch.members().is_empty());
}
