//! Operations that clients were observed to send, and cases in which other servers lose data.

use super::*;

/// Checks the result in lenient mode.
#[track_caller]
fn lenient(before: Value, operations: Value, after: Value) {
    let before = user_with(before);
    let found = outcome(user(), Conformance::Lenient, &before, operations.clone());
    let after = if after.is_object() {
        user_with(after)
    } else {
        after
    };
    assert_eq!(
        found.to_string(),
        after.to_string(),
        "\n{operations}\non {before}"
    );
}

fn members(operations: Value) -> String {
    let (patch, _) = prepare(group(), Conformance::Lenient, operations).unwrap();
    assert!(!patch.touches_document());
    format!("{:?}", patch.members())
}

fn manager(value: Value) -> Value {
    json!({ENTERPRISE: {"manager": value}})
}

#[test]
fn okta_deactivates_and_sets_passwords_without_a_path() {
    for mode in BOTH {
        for (before, value) in [
            (json!({"active": true}), json!({"active": false})),
            (json!({"active": false}), json!({"active": true})),
            (json!({}), json!({"password": "p"})),
        ] {
            let found = outcome(
                user(),
                mode,
                &user_with(before),
                json!({"op": "replace", "value": value}),
            );
            assert_eq!(found, user_with(value));
        }
    }
}

#[test]
fn okta_pushes_groups() {
    let change = json!([
        {"op": "remove", "path": "members[value eq \"u1\"]"},
        {"op": "add", "path": "members", "value": [{"value": "u2", "display": "b@example.com"}]},
    ]);
    assert_eq!(members(change), "[Remove([\"u1\"]), Add([\"u2\"])]");
    let push_now = |value: Value| json!({"op": "replace", "path": "members", "value": value});
    assert_eq!(
        members(push_now(json!([{"value": "u1", "display": null}]))),
        "[Replace([\"u1\"])]"
    );
    assert_eq!(members(push_now(json!([]))), "[Replace([])]");
    assert_eq!(members(json!({"op": "replace", "path": "members"})), "[]");
}

#[test]
fn okta_renames_a_group_and_repeats_its_id() {
    let rename = json!({"op": "replace", "value": {"id": "g1", "displayName": "New"}});
    let found = outcome(
        group(),
        Conformance::Lenient,
        &json!({"displayName": "Old"}),
        rename.clone(),
    );
    assert_eq!(found, json!({"displayName": "New"}));
    assert_eq!(members_of(rename), 0);
}

fn members_of(operations: Value) -> usize {
    prepare(group(), Conformance::Lenient, operations)
        .unwrap()
        .0
        .members()
        .len()
}

#[test]
fn okta_echoes_groups_and_meta() {
    let echo = json!({"op": "replace", "value": {
        "schemas": [USER], "id": "x", "meta": {"resourceType": "User"}, "groups": [], "nickName": "b",
    }});
    lenient(json!({}), echo, json!({"nickName": "b"}));
}

#[test]
fn entra_disables_with_text() {
    lenient(
        json!({"active": true}),
        json!({"op": "Replace", "path": "active", "value": "False"}),
        json!({"active": false}),
    );
    lenient(
        json!({}),
        json!({"op": "Add", "path": "nickName", "value": "b"}),
        json!({"nickName": "b"}),
    );
    let operation = json!({"op": "Replace", "value": {"active": "True"}});
    lenient(json!({"active": false}), operation, json!({"active": true}));
}

#[test]
fn entra_replaces_several_attributes() {
    let expected = json!({
        "externalId": "e", "name": {"givenName": "B"}, "displayName": "Babs", "emails": [work("w")],
        ENTERPRISE: {"employeeNumber": "7"},
    });
    let with_paths = json!([
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "w"},
        {"op": "Replace", "path": "name.givenName", "value": "B"},
        {"op": "Replace", "path": "displayName", "value": "Babs"},
        {"op": "Replace", "path": "externalId", "value": "e"},
        {"op": "Replace", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "7"},
    ]);
    let with_keys = json!([
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "w"},
        {"op": "replace", "value": {
            "displayName": "Babs", "name.givenName": "B", "externalId": "e", format!("{ENTERPRISE}:employeeNumber"): "7",
        }},
    ]);
    let prefixed = json!([
        {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "w"},
        {"op": "Add", "path": format!("{USER}:displayName"), "value": "Babs"},
        {"op": "Add", "path": format!("{USER}:name.givenName"), "value": "B"},
        {"op": "Add", "path": format!("{USER}:externalId"), "value": "e"},
        {"op": "Add", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "7"},
    ]);
    for operations in [with_paths, with_keys, prefixed] {
        lenient(json!({}), operations, expected.clone());
    }
}

#[test]
fn entra_builds_one_value_from_several_operations() {
    let op = |path: &str, value: &str| json!({"op": "Replace", "path": path, "value": value});
    lenient(
        json!({"addresses": [{"locality": "X", "type": "home"}]}),
        json!([
            op("addresses[type eq \"work\"].formatted", "1 Street"),
            op("addresses[type eq \"work\"].locality", "Town"),
            op("phoneNumbers[type eq \"mobile\"].value", "1"),
            op("addresses[type eq \"work\"].country", "US"),
            op("phoneNumbers[type eq \"work\"].value", "2"),
        ]),
        json!({
            "phoneNumbers": [{"value": "1", "type": "mobile"}, {"value": "2", "type": "work"}],
            "addresses": [
                {"locality": "X", "type": "home"},
                {"formatted": "1 Street", "locality": "Town", "country": "US", "type": "work"},
            ],
        }),
    );
}

#[test]
fn entra_moves_primary_from_one_value_to_another() {
    let value = |value: &str, kind: &str, primary: bool| json!({"value": value, "type": kind, "primary": primary});
    lenient(
        json!({"emails": [value("w", "work", true), value("h", "home", false)]}),
        json!([
            {"op": "Replace", "path": "emails[type eq \"work\"].primary", "value": "False"},
            {"op": "Replace", "path": "emails[type eq \"home\"].primary", "value": "True"},
        ]),
        json!({"emails": [value("w", "work", false), value("h", "home", true)]}),
    );
}

#[test]
fn entra_sends_the_manager_as_text() {
    let path = format!("{ENTERPRISE}:manager");
    for op in ["Add", "Replace"] {
        let set = json!({"op": op, "path": path, "value": "26118915"});
        lenient(
            json!({}),
            set.clone(),
            manager(json!({"value": "26118915"})),
        );
        lenient(
            manager(json!({"value": "1", "$ref": "../Users/1"})),
            set,
            manager(json!({"value": "26118915"})),
        );
        for nothing in [json!(""), json!(null)] {
            lenient(
                manager(json!({"value": "1"})),
                json!({"op": op, "path": path, "value": nothing}),
                json!({}),
            );
            let operation = json!({"op": op, "value": {&path: nothing}});
            lenient(manager(json!({"value": "1"})), operation, json!({}));
        }
    }
    let complex = json!({"op": "Add", "path": path, "value": {"value": "2"}});
    lenient(json!({}), complex, manager(json!({"value": "2"})));
    lenient(manager(json!({"value": "1"})), remove(&path), json!({}));
    let selected = |id: &str| remove(&format!("{path}[value eq \"{id}\"]"));
    lenient(manager(json!({"value": "1"})), selected("1"), json!({}));
    lenient(
        manager(json!({"value": "1"})),
        selected("2"),
        manager(json!({"value": "1"})),
    );
    lenient(
        manager(json!({"value": "1"})),
        replace(&format!("{path}[value eq \"2\"].value"), json!("3")),
        json!("noTarget"),
    );
    each(
        json!({}),
        replace(&path, json!("1")),
        manager(json!({"value": "1"})),
        json!("invalidValue"),
    );
    each(
        manager(json!({"value": "1"})),
        selected("1"),
        json!({}),
        json!("invalidPath"),
    );
}

#[test]
fn entra_selects_roles_by_a_text_that_is_a_boolean() {
    let op = |sub: &str, value: &str| json!({"op": "Add", "path": format!("roles[primary eq \"True\"].{sub}"), "value": value});
    let made = json!({"value": "admin", "display": "Admin", "type": "t", "primary": true});
    let operations = json!([
        op("display", "Admin"),
        op("value", "admin"),
        op("type", "t")
    ]);
    lenient(json!({}), operations.clone(), json!({"roles": [made]}));
    // A change of role changes the primary one; it does not add another.
    let old = json!({"value": "old", "display": "Old", "type": "t", "primary": true});
    lenient(
        json!({"roles": [{"value": "x"}, old]}),
        operations,
        json!({"roles": [{"value": "x"}, made]}),
    );
    each(
        json!({}),
        op("value", "admin"),
        json!({"roles": [{"value": "admin", "primary": true}]}),
        json!("invalidFilter"),
    );
}

#[test]
fn entra_sends_roles_as_json_text_that_is_kept() {
    let text = "{\"id\":\"8774f594\",\"value\":\"Admin\",\"displayName\":\"Admin\"}";
    let operation = json!({"op": "Add", "path": "roles", "value": [{"value": text}]});
    lenient(json!({}), operation, json!({"roles": [{"value": text}]}));
    let by_path = json!({"op": "Add", "path": "roles[primary eq \"True\"].value", "value": text});
    lenient(
        json!({}),
        by_path,
        json!({"roles": [{"value": text, "primary": true}]}),
    );
    let nick = json!({"op": "Replace", "path": "nickName", "value": text});
    lenient(json!({}), nick, json!({"nickName": text}));
}

#[test]
fn entra_removes_members_by_a_list() {
    let listed = json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u1"}, {"value": "u2"}]});
    assert_eq!(members(listed), "[Remove([\"u1\", \"u2\"])]");
    let jump_cloud = json!({"op": "remove", "path": "members", "value": [{"value": "u1"}]});
    assert_eq!(members(jump_cloud), "[Remove([\"u1\"])]");
    assert_eq!(
        members(json!({"op": "Remove", "path": "members"})),
        "[Clear]"
    );
    let add = json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": "u"}]});
    assert_eq!(members(add), "[Add([\"u\"])]");
}

#[test]
fn only_listed_values_of_other_attributes_are_removed() {
    let before = json!({"roles": [{"value": "a", "type": "t"}, {"value": "b"}]});
    let listed = |value: Value| json!({"op": "Remove", "path": "roles", "value": value});
    each(
        before.clone(),
        listed(json!([{"value": "A"}])),
        json!({"roles": [{"value": "b"}]}),
        json!({}),
    );
    each(
        before.clone(),
        listed(json!({"value": "a", "type": "x"})),
        before.clone(),
        json!({}),
    );
    each(before.clone(), listed(json!([])), before.clone(), json!({}));
    both(before, listed(json!(null)), json!({}));
}

#[test]
fn microsofts_collection_names_its_operations() {
    let named = json!({"name": "addMember", "op": "add", "path": "members", "value": [{"displayName": "new User", "value": "u"}]});
    assert_eq!(members(named), "[Add([\"u\"])]");
    assert_eq!(
        members(json!({"op": "add", "path": "members", "value": "string id 1"})),
        "[Add([\"string id 1\"])]"
    );
    assert_eq!(members(json!([])), "[]");
    lenient(json!({}), json!([]), json!({}));
}

#[test]
fn jump_cloud_and_keycloak_rename_without_a_path() {
    for value in [
        json!({"displayName": "New"}),
        json!({"schemas": [GROUP], "displayName": "New"}),
        json!(format!(
            "{{\"schemas\":[\"{GROUP}\"],\"displayName\":\"New\"}}"
        )),
    ] {
        let operation = json!({"op": "replace", "value": value});
        let found = outcome(
            group(),
            Conformance::Lenient,
            &json!({"displayName": "Old"}),
            operation,
        );
        assert_eq!(found, json!({"displayName": "New"}));
    }
    let text = json!({"op": "replace", "value": "{\"displayName\":\"New\"}"});
    assert_eq!(
        outcome(
            group(),
            Conformance::Rfc,
            &json!({"displayName": "Old"}),
            text
        ),
        "invalidValue"
    );
}

#[test]
fn one_login_and_google_name_legacy_urns() {
    for (name, value, after) in [
        (
            "urn:scim:schemas:core:1.0:nickName",
            json!("b"),
            json!({"nickName": "b"}),
        ),
        (
            "urn:scim:schemas:core:2.0:User:name.givenName",
            json!("B"),
            json!({"name": {"givenName": "B"}}),
        ),
        (
            "urn:scim:schemas:core:2.0",
            json!({"nickName": "b"}),
            json!({"nickName": "b"}),
        ),
        (
            "urn:scim:schemas:extension:enterprise:1.0:department",
            json!("D"),
            json!({ENTERPRISE: {"department": "D"}}),
        ),
        (
            "urn:scim:schemas:extension:enterprise:1.0",
            json!({"department": "D"}),
            json!({ENTERPRISE: {"department": "D"}}),
        ),
    ] {
        each(
            json!({}),
            replace(name, value.clone()),
            after.clone(),
            json!("invalidPath"),
        );
        each(
            json!({}),
            json!({"op": "add", "value": {name: value}}),
            after,
            json!("invalidSyntax"),
        );
    }
}

#[test]
fn a_legacy_urn_does_not_make_a_name_known() {
    for path in [
        "urn:scim:schemas:core:1.0:nothing",
        "urn:scim:schemas:core:2.0:User:nothing",
        "urn:scim:schemas:core:3.0:title",
    ] {
        both(json!({}), add(path, json!("x")), json!("invalidPath"));
        both(
            json!({}),
            add(path, json!({"title": "x"})),
            json!("invalidPath"),
        );
    }
}

#[test]
fn an_empty_path_is_none() {
    let operation = json!({"op": "replace", "path": "", "value": {"nickName": "b"}});
    each(
        json!({}),
        operation,
        json!({"nickName": "b"}),
        json!("invalidPath"),
    );
}

#[test]
fn sail_point_disables_by_add() {
    lenient(
        json!({"active": true}),
        json!({"op": "add", "value": {"active": false}}),
        json!({"active": false}),
    );
}

#[test]
fn removal_by_value_does_not_hit_others() {
    // FusionAuth removed wrong members by position; SimpleIdServer damaged other values after a filtered add.
    let values = |n: &[&str]| {
        n.iter()
            .map(|v| json!({"value": v, "type": "work"}))
            .collect::<Value>()
    };
    both(
        json!({"emails": values(&["a", "b", "c", "d"])}),
        json!([
            remove("emails[value eq \"b\"]"),
            remove("emails[value eq \"c\"]"),
            remove("emails[value eq \"b\"]")
        ]),
        json!({"emails": values(&["a", "d"])}),
    );
    both(
        json!({"emails": [home("h")]}),
        json!([
            add("emails[type eq \"work\"].value", json!("w")),
            add("emails", json!({"value": "o", "type": "other"}))
        ]),
        json!({"emails": [home("h"), work("w"), {"value": "o", "type": "other"}]}),
    );
}

#[test]
fn names_of_a_language_are_not_attributes() {
    for path in [
        "__proto__",
        "constructor",
        "__proto__.polluted",
        "constructor.prototype",
    ] {
        let found = outcome(
            user(),
            Conformance::Lenient,
            &user_with(json!({})),
            add(path, json!("x")),
        );
        assert_eq!(found, "invalidPath");
    }
}
