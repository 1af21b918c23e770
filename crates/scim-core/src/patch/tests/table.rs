//! Each operation on each kind of target (RFC 7644 section 3.5.2), in both modes.

use super::*;

#[test]
fn no_path_and_an_object() {
    let before = json!({"name": {"familyName": "J", "givenName": "B"}, "emails": [work("w")]});
    let value = json!({"nickName": "b", "name": {"givenName": "X"}, "emails": [home("h")]});
    both(
        before.clone(),
        json!({"op": "add", "value": value}),
        json!({"name": {"familyName": "J", "givenName": "X"}, "nickName": "b", "emails": [work("w"), home("h")]}),
    );
    both(
        before.clone(),
        json!({"op": "replace", "value": value}),
        json!({"name": {"familyName": "J", "givenName": "X"}, "nickName": "b", "emails": [home("h")]}),
    );
    both(
        before.clone(),
        json!({"op": "remove", "value": value}),
        json!("noTarget"),
    );
    both(before.clone(), json!({"op": "remove"}), json!("noTarget"));
    both(before.clone(), json!({"op": "add", "value": {}}), before);
}

#[test]
fn no_path_and_another_value() {
    for op in ["add", "replace"] {
        for value in [
            json!("x"),
            json!(1),
            json!([{"nickName": "b"}]),
            json!(null),
            json!("[]"),
            json!("{"),
        ] {
            both(
                json!({}),
                json!({"op": op, "value": value}),
                json!("invalidValue"),
            );
        }
        both(json!({}), json!({"op": op}), json!("invalidValue"));
        both(
            json!({}),
            json!({"op": op, "path": "nickName"}),
            json!("invalidValue"),
        );
        both(
            json!({}),
            json!({"op": op, "path": "emails[type eq \"work\"]"}),
            json!("invalidValue"),
        );
        both(
            json!({}),
            json!({"op": op, "path": ENTERPRISE}),
            json!("invalidValue"),
        );
    }
}

#[test]
fn no_path_and_keys_that_are_paths() {
    let value = json!({
        "name.givenName": "B", "NAME.FAMILYNAME": "J",
        format!("{USER}:displayName"): "Babs",
        format!("{ENTERPRISE}:department"): "Tours",
        format!("{ENTERPRISE}:manager.value"): "26",
        TEST: {"level": 3, "place.room": "7"},
        USER: {"nickName": "b", "name.middleName": "M"},
        format!("{TEST}:code"): "c",
    });
    for op in ["add", "replace"] {
        both(
            json!({}),
            json!({"op": op, "value": value}),
            json!({
                "name": {"familyName": "J", "givenName": "B", "middleName": "M"},
                "displayName": "Babs", "nickName": "b",
                ENTERPRISE: {"department": "Tours", "manager": {"value": "26"}},
                TEST: {"level": 3, "code": "c", "place": {"room": "7"}},
            }),
        );
        both(
            json!({}),
            json!({"op": op, "value": {USER: "x"}}),
            json!("invalidValue"),
        );
    }
}

#[test]
fn simple() {
    for op in [add, replace] {
        both(
            json!({}),
            op("nickName", json!("b")),
            json!({"nickName": "b"}),
        );
        both(
            json!({"nickName": "a"}),
            op("nickName", json!("b")),
            json!({"nickName": "b"}),
        );
        both(
            json!({"nickName": "a"}),
            op("nickName", json!("a")),
            json!({"nickName": "a"}),
        );
        both(
            json!({"nickName": "a"}),
            op("nickName", json!("A")),
            json!({"nickName": "A"}),
        );
        both(
            json!({"nickName": "a"}),
            op("nickName", json!(null)),
            json!({}),
        );
        both(json!({}), op("nickName", json!(null)), json!({}));
        both(
            json!({}),
            op("active", json!(false)),
            json!({"active": false}),
        );
        both(
            json!({}),
            op("externalId", json!("e")),
            json!({"externalId": "e"}),
        );
        both(
            json!({}),
            op("NICKNAME", json!("b")),
            json!({"nickName": "b"}),
        );
        both(
            json!({}),
            op(&format!("{}:nickname", USER.to_uppercase()), json!("b")),
            json!({"nickName": "b"}),
        );
    }
    both(json!({"nickName": "a"}), remove("nickName"), json!({}));
    both(json!({}), remove("nickName"), json!({}));
    both(
        json!({"nickName": "a"}),
        json!({"op": "remove", "path": "nickName", "value": "other"}),
        json!({}),
    );
}

#[test]
fn complex() {
    let name = json!({"familyName": "J", "givenName": "B"});
    for op in [add, replace] {
        both(
            json!({}),
            op("name", json!({"GIVENNAME": "B"})),
            json!({"name": {"givenName": "B"}}),
        );
        both(
            json!({"name": name}),
            op("name", json!({"givenName": "X", "formatted": "F"})),
            json!({"name": {"formatted": "F", "familyName": "J", "givenName": "X"}}),
        );
        both(
            json!({"name": name}),
            op("name", json!({"givenName": null})),
            json!({"name": {"familyName": "J"}}),
        );
        both(
            json!({"name": name}),
            op("name", json!({"givenName": null, "familyName": null})),
            json!({}),
        );
        both(
            json!({"name": name}),
            op("name", json!({})),
            json!({"name": name}),
        );
        both(json!({}), op("name", json!({"givenName": null})), json!({}));
        both(json!({"name": name}), op("name", json!(null)), json!({}));
        both(
            json!({"name": name}),
            op("name", json!([{"givenName": "X"}, {}])),
            json!("invalidValue"),
        );
        each(
            json!({}),
            op("name", json!({"nick": "B"})),
            json!({}),
            json!("invalidSyntax"),
        );
    }
    both(json!({"name": name}), remove("name"), json!({}));
    both(json!({}), remove("name"), json!({}));
}

#[test]
fn sub_attribute() {
    let both_names = json!({"name": {"familyName": "J", "givenName": "A"}});
    let given = |name: &str| json!({"name": {"givenName": name}});
    for op in [add, replace] {
        both(json!({}), op("name.givenName", json!("B")), given("B"));
        both(
            given("A"),
            op("name.familyName", json!("J")),
            both_names.clone(),
        );
        both(given("A"), op("name.givenName", json!("B")), given("B"));
        both(given("A"), op("name.givenName", json!(null)), json!({}));
        both(json!({}), op("name.givenName", json!(null)), json!({}));
    }
    both(both_names, remove("name.familyName"), given("A"));
    both(given("A"), remove("name.givenName"), json!({}));
    both(json!({}), remove("name.givenName"), json!({}));
}

#[test]
fn multi_valued() {
    let before = json!({"emails": [work("w")]});
    both(json!({}), add("emails", json!([work("w")])), before.clone());
    both(
        before.clone(),
        add("emails", json!([home("h")])),
        json!({"emails": [work("w"), home("h")]}),
    );
    both(
        before.clone(),
        add("emails", home("h")),
        json!({"emails": [work("w"), home("h")]}),
    );
    both(
        before.clone(),
        add("emails", json!([work("w"), work("W")])),
        before.clone(),
    );
    both(before.clone(), add("emails", json!([])), before.clone());
    both(before.clone(), add("emails", json!(null)), before.clone());
    both(
        before.clone(),
        replace("emails", json!([home("h")])),
        json!({"emails": [home("h")]}),
    );
    both(
        before.clone(),
        replace("emails", home("h")),
        json!({"emails": [home("h")]}),
    );
    both(
        json!({}),
        replace("emails", json!([home("h")])),
        json!({"emails": [home("h")]}),
    );
    both(before.clone(), replace("emails", json!([])), json!({}));
    both(before.clone(), replace("emails", json!(null)), json!({}));
    both(before.clone(), remove("emails"), json!({}));
    both(json!({}), remove("emails"), json!({}));
}

#[test]
fn simple_multi_valued() {
    let tags = |tags: Value| json!({TEST: {"tags": tags, "code": "c"}});
    let path = format!("{TEST}:tags");
    let a = format!("{path}[value eq \"A\"]");
    both(
        tags(json!(["a"])),
        add(&path, json!(["b", "A", "a"])),
        tags(json!(["a", "b"])),
    );
    both(
        tags(json!(["a"])),
        add(&path, json!("b")),
        tags(json!(["a", "b"])),
    );
    both(
        tags(json!(["a"])),
        replace(&path, json!(["b", "c"])),
        tags(json!(["b", "c"])),
    );
    both(tags(json!(["a", "b"])), remove(&a), tags(json!(["b"])));
    both(
        tags(json!(["a", "b"])),
        replace(&a, json!("c")),
        tags(json!(["c", "b"])),
    );
    both(
        tags(json!(["a", "b"])),
        replace(&a, json!("b")),
        tags(json!(["b"])),
    );
    each(
        tags(json!(["b"])),
        replace(&a, json!("a")),
        tags(json!(["b", "a"])),
        json!("noTarget"),
    );
    both(
        tags(json!(["b"])),
        replace(&a, json!("c")),
        json!("noTarget"),
    );
    both(
        tags(json!(["a"])),
        add(&format!("{a}.value"), json!("x")),
        json!("invalidPath"),
    );
}

#[test]
fn value_path_with_match() {
    let path = "emails[type eq \"WORK\"]";
    let before = json!({"emails": [work("w"), home("h")]});
    both(
        before.clone(),
        add(path, json!({"display": "D"})),
        json!({"emails": [shown("w"), home("h")]}),
    );
    both(
        before.clone(),
        add(path, json!({"value": "x", "display": "D"})),
        json!({"emails": [shown("x"), home("h")]}),
    );
    both(before.clone(), add(path, json!({})), before.clone());
    both(before.clone(), add(path, json!(null)), before.clone());
    both(
        before.clone(),
        replace(path, work("x")),
        json!({"emails": [work("x"), home("h")]}),
    );
    each(
        before.clone(),
        replace(path, json!({"value": "x"})),
        json!({"emails": [work("x"), home("h")]}),
        json!({"emails": [{"value": "x"}, home("h")]}),
    );
    both(
        before.clone(),
        replace(path, home("h")),
        json!({"emails": [home("h")]}),
    );
    both(
        before.clone(),
        replace(path, json!(null)),
        json!({"emails": [home("h")]}),
    );
    both(before.clone(), remove(path), json!({"emails": [home("h")]}));
    both(json!({"emails": [work("w")]}), remove(path), json!({}));
    both(before.clone(), remove("emails[value pr]"), json!({}));
    both(
        before.clone(),
        remove("emails[type eq \"work\" and value eq \"h\"]"),
        before,
    );
}

#[test]
fn value_path_without_match() {
    let path = "emails[type eq \"work\"]";
    let before = json!({"emails": [home("h")]});
    let made = json!({"emails": [home("h"), work("x")]});
    both(
        before.clone(),
        add(path, json!({"value": "x"})),
        made.clone(),
    );
    each(
        before.clone(),
        replace(path, json!({"value": "x"})),
        made,
        json!("noTarget"),
    );
    both(
        json!({}),
        add(path, json!({"value": "x"})),
        json!({"emails": [work("x")]}),
    );
    each(
        json!({}),
        replace(path, json!({"value": "x"})),
        json!({"emails": [work("x")]}),
        json!("noTarget"),
    );
    each(
        before.clone(),
        replace(path, json!(null)),
        before.clone(),
        json!("noTarget"),
    );
    both(before.clone(), remove(path), before.clone());
    // These filters do not describe a single value that could be created.
    for path in [
        "emails[type eq \"work\" or type eq \"other\"]",
        "emails[not (type eq \"home\")]",
        "emails[value co \"@\"]",
        "emails[type eq \"work\" and type eq \"other\"]",
    ] {
        both(
            before.clone(),
            add(path, json!({"display": "D"})),
            json!("noTarget"),
        );
        both(
            before.clone(),
            replace(path, json!({"display": "D"})),
            json!("noTarget"),
        );
    }
    // A value that the path would not match is not created, because a repeated request would create it again.
    both(
        before,
        replace("emails[value eq \"old\"].value", json!("new")),
        json!("noTarget"),
    );
}

#[test]
fn value_path_with_sub_attribute() {
    let path = "emails[type eq \"work\"].display";
    let before = json!({"emails": [work("w"), work("v"), home("h")]});
    for op in [add, replace] {
        both(
            before.clone(),
            op(path, json!("D")),
            json!({"emails": [shown("w"), shown("v"), home("h")]}),
        );
        both(
            json!({"emails": [shown("w")]}),
            op(path, json!(null)),
            json!({"emails": [work("w")]}),
        );
        both(
            before.clone(),
            op("emails[type eq \"work\"].nick", json!("D")),
            json!("invalidPath"),
        );
        both(
            before.clone(),
            op(path, json!({"x": 1})),
            json!("invalidValue"),
        );
    }
    both(
        json!({"emails": [shown("w"), home("h")]}),
        remove(path),
        json!({"emails": [work("w"), home("h")]}),
    );
    both(
        json!({"emails": [{"type": "work"}]}),
        remove("emails[type eq \"work\"].type"),
        json!({}),
    );
    // without match
    let made = json!({"emails": [{"display": "D", "type": "work"}]});
    both(json!({}), add(path, json!("D")), made.clone());
    each(
        json!({}),
        replace(path, json!("D")),
        made,
        json!("noTarget"),
    );
    each(
        json!({}),
        replace(path, json!(null)),
        json!({}),
        json!("noTarget"),
    );
    both(json!({}), add(path, json!(null)), json!({}));
    both(json!({}), remove(path), json!({}));
}

#[test]
fn qualified_extension_attribute() {
    let department = format!("{ENTERPRISE}:department");
    for op in [add, replace] {
        both(
            json!({}),
            op(&department, json!("Tours")),
            json!({ENTERPRISE: {"department": "Tours"}}),
        );
        both(
            json!({ENTERPRISE: {"department": "Tours"}}),
            op(&department, json!(null)),
            json!({}),
        );
        both(
            json!({ENTERPRISE: {"department": "Tours"}}),
            op(&format!("{ENTERPRISE}:manager.value"), json!("26")),
            json!({ENTERPRISE: {"department": "Tours", "manager": {"value": "26"}}}),
        );
        both(
            json!({}),
            op(&format!("{ENTERPRISE}:nothing"), json!("x")),
            json!("invalidPath"),
        );
    }
    both(
        json!({ENTERPRISE: {"department": "Tours"}}),
        remove(&department),
        json!({}),
    );
    both(json!({}), remove(&department), json!({}));
}

#[test]
fn bare_extension_urn() {
    let before = json!({ENTERPRISE: {"division": "D", "department": "Tours"}});
    for op in [add, replace] {
        both(
            before.clone(),
            op(ENTERPRISE, json!({"department": "X", "costCenter": "1"})),
            json!({ENTERPRISE: {"costCenter": "1", "division": "D", "department": "X"}}),
        );
        both(before.clone(), op(ENTERPRISE, json!(null)), json!({}));
        both(before.clone(), op(ENTERPRISE, json!({})), before.clone());
        both(
            before.clone(),
            op(ENTERPRISE, json!("x")),
            json!("invalidValue"),
        );
        each(
            before.clone(),
            op(ENTERPRISE, json!({"x": 1})),
            before.clone(),
            json!("invalidSyntax"),
        );
    }
    both(before, remove(ENTERPRISE), json!({}));
    both(json!({}), remove(ENTERPRISE), json!({}));
}

#[test]
fn bare_core_urn() {
    for op in [add, replace] {
        both(
            json!({}),
            op(USER, json!({"nickName": "b"})),
            json!({"nickName": "b"}),
        );
    }
    both(json!({}), remove(USER), json!("noTarget"));
    both(
        json!({}),
        add(&format!("{USER}[userName eq \"x\"]"), json!({})),
        json!("invalidPath"),
    );
}
