//! Lenient mode ignores undeclared attributes, without effect on existing values and other operations.

use super::*;

fn notes(operations: Value) -> Vec<String> {
    let (_, notes) = prepare(user(), Conformance::Lenient, operations).unwrap();
    notes.iter().map(ToString::to_string).collect()
}

#[test]
fn undeclared_values_replace_nothing() {
    let addresses = || json!({"addresses": [{"locality": "Rome", "type": "work"}]});
    let keyed = |value: Value| json!({"op": "replace", "value": {"addresses": value}});
    for value in [
        json!([{"street": "x"}]),
        json!([{"street": "x"}, {"city": "y"}]),
        json!({"street": "x"}),
    ] {
        for operation in [replace("addresses", value.clone()), keyed(value.clone())] {
            each(addresses(), operation, addresses(), json!("invalidSyntax"));
        }
    }
    let path = "addresses[type eq \"work\"]";
    each(
        addresses(),
        replace(path, json!({"street": "x"})),
        addresses(),
        json!("invalidSyntax"),
    );
    let twice = json!({"op": "replace", "path": "emails", "value": {"emails": [{"value": "b"}]}});
    each(
        json!({"emails": [work("a")]}),
        twice.clone(),
        json!({"emails": [work("a")]}),
        json!("invalidSyntax"),
    );
    assert_eq!(notes(twice), ["attribute.unknown emails.emails"]);
    let stamp = replace(&format!("{TEST}:keys"), json!([{"stamp": "s"}]));
    let keys = || json!({TEST: {"code": "c", "keys": [{"value": "a"}]}});
    both(keys(), stamp, keys());
    let plain = replace("manager", json!([{"boss": "b"}]));
    let boss = || json!({ENTERPRISE: {"manager": {"value": "1"}}});
    each(boss(), plain, boss(), json!("invalidPath"));
}

#[test]
fn declared_sub_attributes_are_used() {
    let addresses = || json!({"addresses": [{"locality": "Rome", "type": "work"}]});
    let mixed = replace("addresses", json!([{"street": "x"}, {"locality": "Bern"}]));
    each(
        addresses(),
        mixed,
        json!({"addresses": [{"locality": "Bern"}]}),
        json!("invalidSyntax"),
    );
    for nothing in [
        json!(null),
        json!([]),
        json!([null]),
        json!([{"locality": null}]),
    ] {
        both(addresses(), replace("addresses", nothing), json!({}));
    }
    each(
        addresses(),
        replace("addresses", json!([{"street": "x", "locality": null}])),
        json!({}),
        json!("invalidSyntax"),
    );
}

#[test]
fn a_path_with_an_undeclared_sub_attribute_in_brackets() {
    let leaves = replace("active", json!(false));
    for path in [
        "emails[foo eq \"x\"].value",
        "emails[foo eq \"x\"]",
        "emails[type eq \"work\" and foo eq 1].value",
        "emails[not (foo pr)].value",
        "manager[foo eq \"x\"].value",
        "urn:test:2.0:User:tags[foo eq \"x\"]",
        "foo.bar.baz",
        "name.givenName.x",
        "emails[type eq \"work\"].value.x",
    ] {
        let operation = replace(path, json!("v"));
        for operations in [
            json!([operation, leaves]),
            json!([leaves, operation]),
            json!([remove(path), leaves]),
        ] {
            let before = user_with(json!({"emails": [work("a")], "active": true}));
            let found = outcome(user(), Conformance::Lenient, &before, operations.clone());
            let after = user_with(json!({"emails": [work("a")], "active": false}));
            assert_eq!(found, after, "{operations}");
            let refused = outcome(user(), Conformance::Rfc, &before, operations.clone());
            assert!(refused.is_string(), "{operations}");
        }
        let alone = outcome(
            user(),
            Conformance::Lenient,
            &user_with(json!({})),
            operation,
        );
        assert!(alone.is_string(), "{path}: {alone}");
        let keyed = json!({"op": "replace", "value": {path: "v", "active": false}});
        let found = outcome(user(), Conformance::Lenient, &user_with(json!({})), keyed);
        assert_eq!(found, user_with(json!({"active": false})), "{path}");
    }
    assert_eq!(
        notes(json!([
            leaves,
            replace("emails[Foo eq 1].value", json!("v"))
        ])),
        ["attribute.unknown emails.Foo"]
    );
}

#[test]
fn members_selected_by_undeclared_attributes() {
    let rename = replace("displayName", json!("New"));
    for chosen in [
        remove("members[foo eq \"x\"]"),
        add("members[foo eq \"x\"]", json!({"value": "a"})),
    ] {
        let before = json!({"displayName": "Old"});
        let operations = json!([chosen, rename]);
        let found = outcome(group(), Conformance::Lenient, &before, operations.clone());
        assert_eq!(found, json!({"displayName": "New"}));
        let (patch, _) = prepare(group(), Conformance::Lenient, operations).unwrap();
        assert!(patch.members().is_empty());
    }
}
