//! Changes of members by operations. The rows compare texts, because the predicates in a `MemberChange` have no
//! equality.

use super::*;

fn shown(change: &MemberChange) -> String {
    match change {
        MemberChange::Add(ids) => format!("+{}", ids.join(",")),
        MemberChange::Remove(ids) => format!("-{}", ids.join(",")),
        MemberChange::RemoveMatching(predicate) => format!("-[{predicate}]"),
        MemberChange::Clear => "clear".into(),
        MemberChange::Replace(ids) => format!("={}", ids.join(",")),
    }
}

fn changes(mode: Conformance, operations: Value) -> String {
    match prepare(group(), mode, operations) {
        Ok((patch, _)) => {
            assert!(!patch.touches_document());
            patch
                .members()
                .iter()
                .map(shown)
                .collect::<Vec<_>>()
                .join(" ")
        }
        Err(error) => kind(&error),
    }
}

#[track_caller]
fn change(operations: Value, lenient: &str, rfc: &str) {
    for (mode, expected) in BOTH.into_iter().zip([lenient, rfc]) {
        assert_eq!(
            changes(mode, operations.clone()),
            expected,
            "{mode:?}: {operations}"
        );
    }
}

#[test]
fn add_members() {
    for op in ["add", "Add"] {
        let add = |value: Value| json!({"op": op, "path": "members", "value": value});
        change(
            add(json!([{"value": "a"}, {"value": "b"}, {"value": "a"}])),
            "+a,b",
            "+a,b",
        );
        change(
            add(json!({"value": "a", "type": "User", "display": "A"})),
            "+a",
            "+a",
        );
        change(add(json!([{"$ref": null, "value": "a"}])), "+a", "+a");
        change(
            add(json!([{"$ref": "https://x.example/v2/Users/a/"}, {"$ref": "../Groups/b"}])),
            "+a,b",
            "+a,b",
        );
        change(add(json!("a")), "+a", "invalidValue");
        change(add(json!(["a", {"value": "b"}])), "+a,b", "invalidValue");
        change(add(json!([])), "", "");
        change(add(json!(null)), "", "");
        change(add(json!([{}])), "invalidValue", "invalidValue");
        change(add(json!([null])), "invalidValue", "invalidValue");
        change(add(json!([{"value": ""}])), "invalidValue", "invalidValue");
        change(add(json!([{"value": 1}])), "invalidValue", "invalidValue");
        change(
            add(json!([{"display": "A"}])),
            "invalidValue",
            "invalidValue",
        );
        change(
            add(json!([{"value": "a", "displayName": "A"}])),
            "+a",
            "invalidSyntax",
        );
    }
    change(
        json!({"op": "add", "path": "members"}),
        "invalidValue",
        "invalidValue",
    );
    change(
        json!({"op": "add", "path": format!("{GROUP}:MEMBERS"), "value": {"value": "a"}}),
        "+a",
        "+a",
    );
    change(
        json!({"op": "add", "value": {"members": [{"value": "a"}]}}),
        "+a",
        "+a",
    );
}

#[test]
fn remove_members() {
    let remove = |path: &str| json!({"op": "remove", "path": path});
    change(remove("members"), "clear", "clear");
    change(remove("members[value eq \"a\"]"), "-a", "-a");
    change(
        remove("members[VALUE eq \"a\" or (value EQ \"b\" or value eq \"c\")]"),
        "-a,b,c",
        "-a,b,c",
    );
    for path in [
        "members[type eq \"Group\"]",
        "members[value eq \"a\" and type eq \"User\"]",
        "members[not (value eq \"a\")]",
    ] {
        let found = changes(Conformance::Lenient, remove(path));
        assert!(found.starts_with("-["), "{found}");
    }
    change(
        remove("members[colour eq \"red\"]"),
        "invalidFilter",
        "invalidFilter",
    );
    change(remove("members.value"), "mutability", "mutability");
    change(
        remove("members[value eq \"a\"].display"),
        "mutability",
        "mutability",
    );
    let listed = |value: Value| json!({"op": "Remove", "path": "members", "value": value});
    change(
        listed(json!([{"value": "a"}, {"$ref": null, "value": "b"}])),
        "-a,b",
        "-a,b",
    );
    change(listed(json!({"value": "a"})), "-a", "-a");
    change(listed(json!(["a"])), "-a", "invalidValue");
    change(listed(json!([])), "", "");
    change(listed(json!(null)), "clear", "clear");
}

#[test]
fn replace_members() {
    let replace = |value: Value| json!({"op": "replace", "path": "members", "value": value});
    change(
        replace(json!([{"value": "a"}, {"value": "b"}])),
        "=a,b",
        "=a,b",
    );
    change(replace(json!([])), "=", "=");
    change(replace(json!(null)), "=", "=");
    change(
        replace(json!([{"value": null}])),
        "invalidValue",
        "invalidValue",
    );
    change(
        json!({"op": "replace", "path": "members"}),
        "",
        "invalidValue",
    );
    change(
        json!({"op": "replace", "value": {"members": [{"value": "a"}]}}),
        "=a",
        "=a",
    );
    change(json!({"op": "replace", "value": {"members": []}}), "=", "=");
    for sub in ["display", "value", "type", "$ref"] {
        for op in ["add", "replace"] {
            let path = format!("members[value eq \"a\"].{sub}");
            change(
                json!({"op": op, "path": path, "value": "x"}),
                "mutability",
                "mutability",
            );
        }
    }
}

#[test]
fn add_through_a_value_path() {
    let path = "members[value eq \"a\"]";
    change(json!({"op": "add", "path": path}), "+a", "invalidValue");
    change(json!({"op": "add", "path": path, "value": {}}), "+a", "+a");
    change(
        json!({"op": "add", "path": path, "value": {"value": "a"}}),
        "+a",
        "+a",
    );
    change(
        json!({"op": "add", "path": path, "value": {"value": "b"}}),
        "mutability",
        "mutability",
    );
    change(
        json!({"op": "replace", "path": path, "value": {"value": "a"}}),
        "+a",
        "mutability",
    );
    let by_type =
        json!({"op": "add", "path": "members[type eq \"User\"]", "value": {"value": "a"}});
    change(by_type, "noTarget", "noTarget");
}

#[test]
fn changes_keep_their_order() {
    let operations = json!([
        {"op": "remove", "path": "members"},
        {"op": "add", "path": "members", "value": [{"value": "a"}]},
        {"op": "remove", "path": "members[value eq \"b\"]"},
    ]);
    change(operations, "clear +a -b", "clear +a -b");
}

#[test]
fn as_many_members_as_allowed() {
    let many = |count: usize| {
        (0..count)
            .map(|i| json!({"value": i.to_string()}))
            .collect::<Value>()
    };
    let add = |value: Value| json!({"op": "add", "path": "members", "value": value});
    assert_eq!(changes(Conformance::Rfc, add(many(10_001))), "invalidValue");
    assert_eq!(
        changes(
            Conformance::Rfc,
            json!([add(many(5_001)), add(many(5_000))])
        ),
        "invalidValue"
    );
    assert!(
        changes(
            Conformance::Rfc,
            json!([add(many(5_000)), add(many(5_000))])
        )
        .starts_with("+0,1")
    );
}

#[test]
fn a_rename_does_not_change_members() {
    let rename = json!({"op": "replace", "value": {"id": ID, "displayName": "New"}});
    for mode in BOTH {
        let (patch, _) = prepare(group(), mode, rename.clone()).unwrap();
        assert!(patch.members().is_empty());
        let after = patch
            .apply(
                group(),
                ID,
                Attributes::from_stored(object(json!({"displayName": "Old"}))),
            )
            .unwrap();
        assert_eq!(Value::from(after), json!({"displayName": "New"}));
    }
    let (patch, _) = prepare(group(), Conformance::Rfc, rename).unwrap();
    assert_eq!(
        kind(
            &patch
                .apply(group(), "other", Attributes::default())
                .unwrap_err()
        ),
        "mutability"
    );
}

#[test]
fn a_group_keeps_its_name() {
    for (operation, expected) in [
        (remove("displayName"), "mutability"),
        (replace("displayName", json!("")), "invalidValue"),
        (replace("displayName", json!(null)), "invalidValue"),
    ] {
        assert_eq!(
            outcome(
                group(),
                Conformance::Lenient,
                &json!({"displayName": "G"}),
                operation
            ),
            expected
        );
    }
}

#[test]
fn ids_of_a_body() {
    let ids = |value: Value| member_ids(&value).map_err(|error| kind(&error));
    assert_eq!(
        ids(json!([{"value": "a"}, {"$ref": "../Users/b"}, {"value": "a"}])),
        Ok(vec!["a".into(), "b".into()])
    );
    assert_eq!(ids(json!([{"display": "x"}])), Err("invalidValue".into()));
}
