//! Forms of names, values and paths that lenient mode accepts and strict mode refuses.

use super::*;

/// Checks the result of operations in lenient mode, and their refusal in strict mode.
#[track_caller]
fn forgiven(before: Value, operations: Value, after: Value, refusal: &str) {
    each(before, operations, after, json!(refusal));
}

fn notes(resource_type: &ResourceType, operations: Value) -> Vec<String> {
    let (_, notes) = prepare(resource_type, Conformance::Lenient, operations).unwrap();
    notes.iter().map(ToString::to_string).collect()
}

#[test]
fn names_of_extensions() {
    let number = json!({ENTERPRISE: {"employeeNumber": "900"}});
    forgiven(
        json!({}),
        replace("employeeNumber", json!("900")),
        number.clone(),
        "invalidPath",
    );
    forgiven(
        json!({}),
        replace("EMPLOYEENUMBER", json!("900")),
        number.clone(),
        "invalidPath",
    );
    forgiven(
        json!({}),
        add(&format!("{ENTERPRISE}.employeeNumber"), json!("900")),
        number.clone(),
        "invalidPath",
    );
    forgiven(
        number.clone(),
        remove("employeeNumber"),
        json!({}),
        "invalidPath",
    );
    let keyed = json!({"op": "add", "value": {"employeeNumber": "900"}});
    forgiven(json!({}), keyed, number.clone(), "invalidSyntax");
    let keyed = json!({"op": "add", "value": {format!("{ENTERPRISE}.employeeNumber"): "900"}});
    forgiven(json!({}), keyed, number, "invalidSyntax");
}

#[test]
fn the_enterprise_extension_is_meant_where_several_declare_a_name() {
    let file = |urn: &str, names: &[&str]| {
        let attributes: Vec<_> = names
            .iter()
            .map(|name| json!({"name": name, "type": "string"}))
            .collect();
        let text = json!({"id": urn, "x-scim": {"extends": ["User"]}, "attributes": attributes})
            .to_string();
        SchemaFile {
            origin: urn.to_owned(),
            text,
        }
    };
    let files = [
        file("urn:a:User", &["division", "floor", "room"]),
        file("urn:b:User", &["floor", "badge"]),
    ];
    let catalog = Catalog::new(&files).unwrap();
    let user = catalog.by_name("User").unwrap();
    let named = |path: &str| {
        run(
            user,
            Conformance::Lenient,
            &json!({"userName": "a"}),
            add(path, json!("x")),
        )
    };
    for (path, urn) in [
        ("division", ENTERPRISE),
        ("room", "urn:a:User"),
        ("badge", "urn:b:User"),
    ] {
        assert_eq!(named(path).unwrap()[urn][path], "x", "{path}");
    }
    assert_eq!(kind(&named("floor").unwrap_err()), "invalidPath");
}

#[test]
fn an_array_of_one_for_a_single_value() {
    for op in ["add", "replace"] {
        let op = |path: &str, value: Value| json!({"op": op, "path": path, "value": value});
        forgiven(
            json!({}),
            op("displayName", json!(["X"])),
            json!({"displayName": "X"}),
            "invalidValue",
        );
        forgiven(
            json!({}),
            op("active", json!(["False"])),
            json!({"active": false}),
            "invalidValue",
        );
        let wrapped = op("active", json!([{"$ref": null, "value": "False"}]));
        forgiven(json!({}), wrapped, json!({"active": false}), "invalidValue");
        let name = json!({"name": {"familyName": "J", "givenName": "B"}});
        let merged = op("name", json!([{"givenName": "B"}]));
        forgiven(
            json!({"name": {"familyName": "J"}}),
            merged,
            name.clone(),
            "invalidValue",
        );
        forgiven(
            json!({"name": {"familyName": "J"}}),
            op("name.givenName", json!(["B"])),
            name,
            "invalidValue",
        );
        let manager = op(
            "manager",
            json!([{"$ref": "https://a.example/Users/m", "value": "m"}]),
        );
        let operation =
            json!({ENTERPRISE: {"manager": {"value": "m", "$ref": "https://a.example/Users/m"}}});
        forgiven(json!({}), manager, operation, "invalidPath");
        let chosen = op(
            "emails[type eq \"work\"]",
            json!([{"value": "w", "type": "work"}]),
        );
        forgiven(
            json!({"emails": [work("a")]}),
            chosen,
            json!({"emails": [work("w")]}),
            "invalidValue",
        );
    }
    let nothing = replace("displayName", json!([]));
    forgiven(
        json!({"displayName": "X"}),
        nothing,
        json!({}),
        "invalidValue",
    );
}

#[test]
fn an_object_for_a_simple_value() {
    let tags = format!("{TEST}:tags");
    let tagged = |tags: Value| json!({TEST: {"tags": tags, "code": "c"}});
    let of = |values: &[&str]| {
        values
            .iter()
            .map(|value| json!({"value": value}))
            .collect::<Value>()
    };
    let before = || tagged(json!(["a"]));
    forgiven(
        before(),
        add(&tags, of(&["b", "c"])),
        tagged(json!(["a", "b", "c"])),
        "invalidValue",
    );
    forgiven(
        before(),
        replace(&tags, of(&["b"])),
        tagged(json!(["b"])),
        "invalidValue",
    );
    forgiven(
        before(),
        add(&tags, json!({"value": "b", "$ref": null})),
        tagged(json!(["a", "b"])),
        "invalidValue",
    );
    let removed = json!({"op": "remove", "path": tags, "value": of(&["a"])});
    each(
        tagged(json!(["a", "b"])),
        removed,
        tagged(json!(["b"])),
        json!({TEST: {"code": "c"}}),
    );
    forgiven(
        json!({}),
        add("title", json!({"VALUE": "Boss"})),
        json!({"title": "Boss"}),
        "invalidValue",
    );
    forgiven(
        json!({"title": "Boss"}),
        replace("title", json!({"value": null})),
        json!({}),
        "invalidValue",
    );
    both(
        json!({}),
        add("title", json!({"value": "Boss", "primary": true})),
        json!("invalidValue"),
    );
    both(
        json!({}),
        add("title", json!({"value": "Boss", "$ref": "x"})),
        json!("invalidValue"),
    );
    both(json!({}), add("title", json!({})), json!("invalidValue"));
}

#[test]
fn numbers_as_text() {
    let level = |level: Value| json!({TEST: {"level": level, "code": "c"}});
    let before = || json!({TEST: {"code": "c"}});
    for (text, number) in [
        ("3", json!(3)),
        ("-7", json!(-7)),
        ("9223372036854775807", json!(i64::MAX)),
    ] {
        forgiven(
            before(),
            add(&format!("{TEST}:level"), json!(text)),
            level(number),
            "invalidValue",
        );
    }
    for text in [
        "3.5",
        "3 ",
        "03",
        "+3",
        "",
        "three",
        "9223372036854775808",
        "1e999",
    ] {
        both(
            before(),
            add(&format!("{TEST}:level"), json!(text)),
            json!("invalidValue"),
        );
    }
    both(json!({}), add("title", json!(3)), json!("invalidValue"));
}

#[test]
fn paths_without_quotation_marks() {
    let mails = || json!({"emails": [work("a"), home("b")]});
    for path in [
        "emails[type eq work].value",
        "emails[type eq 'work'].value",
        "emails[type eq WORK and primary ne true].value",
    ] {
        forgiven(
            mails(),
            replace(path, json!("n")),
            json!({"emails": [work("n"), home("b")]}),
            "invalidFilter",
        );
    }
    forgiven(
        json!({}),
        add("emails[type eq work].value", json!("n")),
        json!({"emails": [work("n")]}),
        "invalidFilter",
    );
    forgiven(
        json!({}),
        replace("emails[type eq 2].value", json!("n")),
        json!({"emails": [{"value": "n", "type": "2"}]}),
        "invalidFilter",
    );
    let removed = json!({"op": "remove", "path": "emails[type eq work]", "value": ""});
    forgiven(
        mails(),
        removed,
        json!({"emails": [home("b")]}),
        "invalidFilter",
    );
    both(
        mails(),
        remove("emails[type eq work"),
        json!("invalidFilter"),
    );
}

#[test]
fn keys_that_choose_among_values() {
    let keyed = |value: Value| json!({"op": "replace", "value": value});
    let mails = || json!({"emails": [work("a"), home("b")]});
    both(
        mails(),
        keyed(json!({"emails[type eq \"work\"].value": "n"})),
        json!({"emails": [work("n"), home("b")]}),
    );
    let urn = keyed(json!({format!("{USER}:emails[type eq \"work\"].value"): "n"}));
    both(mails(), urn, json!({"emails": [work("n"), home("b")]}));
    each(
        json!({}),
        keyed(json!({"emails[type eq \"work\"].value": "n"})),
        json!({"emails": [work("n")]}),
        json!("noTarget"),
    );
    let nested = keyed(json!({TEST: {"code": "c", "keys[type eq \"x\"].note": "n"}}));
    let keys = |note: &str| json!({TEST: {"code": "c", "keys": [{"type": "x", "note": note}]}});
    both(keys("o"), nested, keys("n"));
    both(
        mails(),
        keyed(json!({"emails[type eq \"work\"": "n"})),
        json!("invalidFilter"),
    );
    forgiven(
        mails(),
        keyed(json!({"emails[colour eq \"work\"].value": "n"})),
        mails(),
        "invalidFilter",
    );
    let unknown = keyed(json!({"title": "T", "licences[type eq \"x\"].key": "n"}));
    forgiven(
        json!({}),
        unknown.clone(),
        json!({"title": "T"}),
        "invalidPath",
    );
    assert_eq!(notes(user(), unknown), ["attribute.unknown licences"]);
}

#[test]
fn an_undeclared_path() {
    let leaves = replace("active", json!("False"));
    for path in [
        "shoeSize",
        "name.foo",
        "emails.colour",
        "emails[type eq \"work\"].colour",
        "licences[type eq \"x\"].key",
        "urn:acme:2.0:User:shoeSize",
        "urn:acme:2.0:User",
    ] {
        for unknown in [
            add(path, json!("x")),
            replace(path, json!({"a": 1})),
            remove(path),
        ] {
            let after = json!({"active": false});
            forgiven(
                json!({"active": true}),
                json!([unknown, leaves]),
                after.clone(),
                "invalidPath",
            );
            forgiven(
                json!({"active": true}),
                json!([leaves, unknown, unknown]),
                after,
                "invalidValue",
            );
            both(json!({}), unknown.clone(), json!("invalidPath"));
            both(json!({}), json!([unknown, unknown]), json!("invalidPath"));
        }
    }
    // Invalid operations on declared attributes are still refused.
    both(
        json!({}),
        json!([leaves, remove("userName")])[1].clone(),
        json!("mutability"),
    );
    each(
        json!({}),
        json!([add("shoeSize", json!("x")), remove("userName")]),
        json!("mutability"),
        json!("invalidPath"),
    );
}

#[test]
fn ignored_parts_are_noted_with_their_full_names() {
    let operations = json!([
        add("shoeSize", json!(44)),
        add("name.foo", json!("x")),
        remove("gone"),
        add("licences[type eq \"x\"].key", json!("k")),
        replace("active", json!(false)),
    ]);
    let (_, left_out) = prepare(user(), Conformance::Lenient, operations).unwrap();
    let unknown = |name: &str, value| LeftOut::UnknownAttribute {
        name: name.to_owned(),
        value,
    };
    let expected = [
        unknown("shoeSize", json!(44)),
        unknown("name.foo", json!("x")),
        unknown("gone", json!(null)),
        unknown("licences", json!([{"type": "x", "key": "k"}])),
    ];
    assert_eq!(left_out, expected);
}

#[test]
fn removing_active_keeps_it() {
    for operation in [
        remove("active"),
        replace("active", json!(null)),
        replace("active", json!([])),
        json!({"op": "replace", "value": {"active": null}}),
        json!({"op": "remove", "path": format!("{USER}:active")}),
    ] {
        let found = outcome(
            user(),
            Conformance::Lenient,
            &user_with(json!({"active": false})),
            operation.clone(),
        );
        assert_eq!(found, user_with(json!({"active": false})), "{operation}");
        assert_eq!(notes(user(), operation), ["value.kept active"]);
    }
    each(
        json!({"active": false}),
        remove("active"),
        json!({"active": false}),
        json!({}),
    );
    each(
        json!({"active": false}),
        replace("active", json!(null)),
        json!({"active": false}),
        json!({}),
    );
}

#[test]
fn an_empty_manager_means_no_manager() {
    let boss = || json!({ENTERPRISE: {"manager": {"value": "1", "$ref": "../Users/1"}}});
    for op in ["add", "replace"] {
        for value in [
            json!({"value": ""}),
            json!({"value": "", "$ref": ""}),
            json!({"value": "", "displayName": "Old"}),
            json!([{"value": ""}]),
        ] {
            let operation =
                json!({"op": op, "path": format!("{ENTERPRISE}:manager"), "value": value});
            let found = outcome(user(), Conformance::Lenient, &user_with(boss()), operation);
            assert_eq!(found, user_with(json!({})), "{value}");
        }
    }
    let sub = replace("manager.value", json!(""));
    assert_eq!(
        outcome(user(), Conformance::Lenient, &user_with(boss()), sub),
        user_with(json!({}))
    );
    let kept = outcome(
        user(),
        Conformance::Rfc,
        &user_with(boss()),
        replace(&format!("{ENTERPRISE}:manager"), json!({"value": ""})),
    );
    assert_eq!(kept[ENTERPRISE]["manager"]["value"], "");
}

#[test]
fn a_list_under_the_name_of_its_attribute() {
    let removed = |path: &str, value: Value| json!({"op": "remove", "path": path, "value": value});
    let changes = |operation: Value| {
        prepare(group(), Conformance::Lenient, operation)
            .unwrap()
            .0
            .members()
            .to_vec()
    };
    for value in [
        json!({"members": [{"value": "a"}]}),
        json!({"Members": {"value": "a"}}),
        json!({"members": "a"}),
    ] {
        assert_eq!(
            format!("{:?}", changes(removed("members", value))),
            "[Remove([\"a\"])]"
        );
    }
    let refused = prepare(
        group(),
        Conformance::Rfc,
        removed("members", json!({"members": [{"value": "a"}]})),
    );
    assert_eq!(refused.unwrap_err().status(), ErrorStatus::BAD_REQUEST);
    let mails = json!({"emails": [work("a"), home("b")]});
    each(
        mails,
        removed("emails", json!({"emails": [work("a")]})),
        json!({"emails": [home("b")]}),
        json!({}),
    );
}

#[test]
fn a_blank_text_is_not_a_user_name() {
    for name in ["", " ", " \t ", "\u{a0}"] {
        both(
            json!({}),
            replace("userName", json!(name)),
            json!("invalidValue"),
        );
        both(
            json!({}),
            json!({"op": "replace", "value": {"userName": name}}),
            json!("invalidValue"),
        );
    }
    for name in ["a\tb", "a\n", "\u{7f}", "\u{85}x"] {
        both(
            json!({}),
            replace("userName", json!(name)),
            json!("invalidValue"),
        );
    }
    // An invalid stored value does not prevent a change of other attributes.
    for name in [" ", "a\tb"] {
        let before = json!({"userName": name, "active": true});
        for mode in BOTH {
            let found = outcome(user(), mode, &before, replace("active", json!(false)));
            assert_eq!(found, json!({"userName": name, "active": false}));
        }
    }
}
