//! Targets that an attribute's characteristics protect, and undeclared targets (RFC 7643 section 2.2, RFC 7644 section
//! 3.5.2).

use super::*;

#[test]
fn schemas() {
    let before = json!({ENTERPRISE: {"department": "Tours"}});
    both(
        before.clone(),
        add("schemas", json!([ENTERPRISE])),
        before.clone(),
    );
    both(before.clone(), add("schemas", json!(TEST)), before.clone());
    each(
        before.clone(),
        add("schemas", json!(["urn:x"])),
        before.clone(),
        json!("invalidValue"),
    );
    both(
        before.clone(),
        add("schemas", json!([1])),
        json!("invalidValue"),
    );
    both(
        before.clone(),
        replace("schemas", json!([USER])),
        before.clone(),
    );
    both(
        before.clone(),
        replace("schemas", json!([USER.to_uppercase(), ENTERPRISE])),
        before.clone(),
    );
    both(
        before.clone(),
        replace("schemas", json!([ENTERPRISE])),
        json!("invalidValue"),
    );
    both(
        before.clone(),
        replace("schemas", json!([])),
        json!("invalidValue"),
    );
    both(
        before.clone(),
        replace("schemas", json!(null)),
        json!("invalidValue"),
    );
    both(
        before.clone(),
        replace(&format!("schemas[value eq \"{USER}\"]"), json!("urn:x")),
        json!("mutability"),
    );
    both(before.clone(), remove("schemas"), json!("mutability"));
    both(
        before.clone(),
        remove(&format!("schemas[value eq \"{USER}\"]")),
        json!("mutability"),
    );
    both(
        before.clone(),
        remove(&format!("schemas[value eq \"{ENTERPRISE}\"]")),
        json!({}),
    );
    both(
        before.clone(),
        remove("schemas[value eq \"urn:x\"]"),
        before.clone(),
    );
    let listed = json!({"op": "remove", "path": "schemas", "value": [ENTERPRISE]});
    each(before.clone(), listed, json!({}), json!("mutability"));
    // in a value without path
    let operation =
        |urns: Value| json!({"op": "replace", "value": {"schemas": urns, "nickName": "b"}});
    let after = json!({"nickName": "b", ENTERPRISE: {"department": "Tours"}});
    both(
        before.clone(),
        operation(json!([USER, ENTERPRISE])),
        after.clone(),
    );
    each(
        before,
        operation(json!(["urn:x"])),
        after,
        json!("invalidValue"),
    );
}

#[test]
fn required() {
    both(
        json!({}),
        add("userName", json!("b")),
        json!({"userName": "b"}),
    );
    both(
        json!({}),
        replace("userName", json!("b")),
        json!({"userName": "b"}),
    );
    for value in [json!(null), json!(""), json!([])] {
        both(
            json!({}),
            replace("userName", value.clone()),
            json!("invalidValue"),
        );
        both(
            json!({}),
            add("userName", value.clone()),
            json!("invalidValue"),
        );
        both(
            json!({}),
            json!({"op": "replace", "value": {"userName": value}}),
            json!("invalidValue"),
        );
    }
    both(json!({}), remove("userName"), json!("mutability"));
}

#[test]
fn required_where_it_is_not_due() {
    let code = format!("{TEST}:code");
    both(json!({TEST: {"code": "c"}}), remove(&code), json!({}));
    both(
        json!({TEST: {"level": 1, "code": "c"}}),
        remove(&code),
        json!("mutability"),
    );
    both(
        json!({}),
        add(&format!("{TEST}:level"), json!(1)),
        json!("invalidValue"),
    );
    let room = format!("{TEST}:place.room");
    let with_place = |place: Value| json!({TEST: {"code": "c", "place": place}});
    both(
        with_place(json!({"room": "7"})),
        remove(&room),
        json!({TEST: {"code": "c"}}),
    );
    both(
        with_place(json!({"room": "7", "seat": "a"})),
        remove(&room),
        json!("mutability"),
    );
}

#[test]
fn read_only() {
    for path in [
        "id",
        "meta",
        "meta.version",
        "groups",
        "groups[value eq \"g\"]",
        "groups.display",
        "ID",
    ] {
        both(json!({}), add(path, json!("x")), json!("mutability"));
        both(json!({}), replace(path, json!("x")), json!("mutability"));
        both(json!({}), remove(path), json!("mutability"));
    }
    both(
        json!({}),
        replace(&format!("{ENTERPRISE}:manager.displayName"), json!("x")),
        json!("mutability"),
    );
}

#[test]
fn read_only_in_a_value() {
    let operation = |value: Value| json!({"op": "replace", "value": value});
    for value in [
        json!({"id": "other"}),
        json!({"id": null}),
        json!({"meta": {"version": "x"}}),
        json!({"groups": []}),
        json!({"meta.version": "x"}),
        json!({format!("{ENTERPRISE}:manager.displayName"): "x"}),
        json!({ENTERPRISE: {"manager.displayName": "x"}}),
    ] {
        each(json!({}), operation(value), json!({}), json!("mutability"));
    }
    both(
        json!({}),
        operation(json!({"id": ID, "nickName": "b"})),
        json!({"nickName": "b"}),
    );
    // Within a complex value they are ignored, as in the RFC's example of an added member.
    both(
        json!({}),
        replace(
            &format!("{ENTERPRISE}:manager"),
            json!({"value": "26", "displayName": "x"}),
        ),
        json!({ENTERPRISE: {"manager": {"value": "26"}}}),
    );
}

#[test]
fn immutable() {
    let serial = format!("{TEST}:serial");
    let before = json!({TEST: {"serial": "1", "code": "c"}});
    for op in [add, replace] {
        both(
            json!({TEST: {"code": "c"}}),
            op(&serial, json!("1")),
            before.clone(),
        );
        both(before.clone(), op(&serial, json!("1")), before.clone());
        both(before.clone(), op(&serial, json!("2")), json!("mutability"));
        both(
            before.clone(),
            op(&serial, json!(null)),
            json!("mutability"),
        );
    }
    both(before.clone(), remove(&serial), json!("mutability"));
    both(before, remove(TEST), json!("mutability"));
}

#[test]
fn write_only() {
    both(
        json!({}),
        add("password", json!("p")),
        json!({"password": "p"}),
    );
    both(
        json!({"password": "p"}),
        replace("password", json!("q")),
        json!({"password": "q"}),
    );
    both(json!({"password": "p"}), remove("password"), json!({}));
}

#[test]
fn unknown() {
    for path in [
        "favouriteColour",
        "name.nick",
        "urn:x:y:z",
        "emails.nick",
        "nickName.x",
        "active[value eq true]",
    ] {
        both(json!({}), add(path, json!("x")), json!("invalidPath"));
        both(json!({}), replace(path, json!("x")), json!("invalidPath"));
        both(json!({}), remove(path), json!("invalidPath"));
    }
    both(
        json!({}),
        remove("emails.value[type eq \"work\"]"),
        json!("invalidPath"),
    );
    both(
        json!({}),
        remove("emails[nick eq \"work\"]"),
        json!("invalidFilter"),
    );
    both(
        json!({}),
        remove("emails[type gt true]"),
        json!("invalidFilter"),
    );
    for value in [
        json!({"favouriteColour": "x"}),
        json!({"name.nick": "x"}),
        json!({"urn:x:y": {"z": 1}}),
    ] {
        each(
            json!({}),
            json!({"op": "add", "value": value}),
            json!({}),
            json!("invalidSyntax"),
        );
    }
}

#[test]
fn unknown_keys_are_noted() {
    let operation = json!({"op": "add", "value": {"favouriteColour": "x", "name": {"nick": 1}, ENTERPRISE: {"y": 1}}});
    let (patch, notes) = prepare(user(), Conformance::Lenient, operation).unwrap();
    assert!(!patch.touches_document());
    let notes: Vec<_> = notes.iter().map(ToString::to_string).collect();
    let of_extension = format!("attribute.unknown {ENTERPRISE}:y");
    assert_eq!(
        notes,
        [
            "attribute.unknown favouriteColour",
            "attribute.unknown name.nick",
            &of_extension
        ]
    );
}

#[test]
fn wrong_type() {
    for (path, value) in [
        ("name", json!("Joe")),
        ("nickName", json!(1)),
        ("nickName", json!({"value": "x", "type": "y"})),
        ("nickName", json!(["x", "y"])),
        ("nickName", json!([["x"]])),
        ("active", json!("yes")),
        ("emails", json!("x")),
        ("emails", json!([["x"]])),
        ("emails", json!([{"value": 1}])),
        ("emails[type eq \"work\"]", json!("x")),
        (
            "emails[type eq \"work\"]",
            json!([{"value": "x"}, {"value": "y"}]),
        ),
        ("emails[type eq \"work\"].primary", json!(1)),
        ("urn:test:2.0:User:level", json!(1.5)),
        ("urn:test:2.0:User:level", json!("1.5")),
        ("urn:test:2.0:User:level", json!(" 1")),
        ("urn:test:2.0:User:level", json!("one")),
        ("urn:test:2.0:User:since", json!("yesterday")),
    ] {
        both(json!({}), add(path, value.clone()), json!("invalidValue"));
        both(json!({}), replace(path, value), json!("invalidValue"));
    }
    each(
        json!({}),
        replace("active", json!("False")),
        json!({"active": false}),
        json!("invalidValue"),
    );
}
