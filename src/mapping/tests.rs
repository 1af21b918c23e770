use super::*;
use serde_json::{Value, json};

fn found(path: &str, document: &Value) -> Option<String> {
    let catalog = crate::model::catalog(&[]).unwrap();
    let (source, _) = parse(path, catalog.by_name("User").unwrap()).unwrap();
    source
        .text(document.as_object().unwrap())
        .map(str::to_owned)
}

fn problem(path: &str) -> String {
    let catalog = crate::model::catalog(&[]).unwrap();
    parse(path, catalog.by_name("User").unwrap()).unwrap_err()
}

#[test]
fn a_path_finds_its_value() {
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let document = json!({
        "userName": "ann", "name": {"formatted": "Ann B"}, "active": true,
        "emails": [{"type": "home"}, {"value": "h", "type": "home"}, {"value": "w", "type": "Work"},
            {"value": "p", "primary": true}],
        enterprise: {"department": "Sales", "manager": {"value": "m"}},
        "urn:b": {"distinguishedName": "CN=b"}, "urn:a": {"other": 1},
    });
    for (path, value) in [
        ("userName", Some("ann")),
        ("USERNAME", Some("ann")),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
            Some("ann"),
        ),
        ("name.formatted", Some("Ann B")),
        ("name.givenName", None),
        ("active", None),
        ("emails.value", Some("h")),
        ("emails[primary eq true].value", Some("p")),
        ("emails[type eq \"work\"].value", Some("w")),
        ("emails[type eq \"work\" and primary eq true].value", None),
        ("emails[type eq \"other\"].value", None),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            Some("Sales"),
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            Some("m"),
        ),
        ("*:department", Some("Sales")),
        ("*:distinguishedName", Some("CN=b")),
        ("urn:b:distinguishedName", Some("CN=b")),
        ("urn:c:distinguishedName", None),
    ] {
        assert_eq!(found(path, &document).as_deref(), value, "{path}");
    }
}

#[test]
fn invalid_columns_are_reported() {
    for (path, expected) in [
        ("userNam", "did you mean \"userName\"?"),
        ("emails.valu", "did you mean \"emails.value\"?"),
        ("emails", "name one of value"),
        ("emails[primary eq true].valu", "did you mean \"value\"?"),
        (
            "emails[prim eq true].value",
            "has no sub-attribute \"prim\"",
        ),
        ("emails[primary eq \"true\"].value", "cannot be compared"),
        ("emails[type co \"w\"].value", "comparisons with eq"),
        ("name[formatted eq \"a\"].formatted", "single value"),
        ("emails[type eq", "not understood at column"),
        ("groups.value", "directory_memberships"),
        ("password", "never read"),
        ("id", "needs no mapping"),
        ("meta.created", "needs no mapping"),
        ("urn:ietf:params:scim:schemas:core:2.0:User", "is a schema"),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:departmen",
            "did you mean",
        ),
        ("*:a b", "must be \"*:\" and the name"),
        ("*:", "must be \"*:\" and the name"),
        ("nickName[", "not understood"),
    ] {
        assert!(
            problem(path).contains(expected),
            "{path}: {}",
            problem(path)
        );
    }
}

fn mapping(columns: Columns<'_>, indexed: &[&str]) -> Mapping {
    let mapped = |(column, paths): &(&str, &[&str])| Mapped {
        column: (*column).to_owned(),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        origin: format!("x:1: mapping.users.{column}"),
    };
    let indexed = indexed.iter().map(|name| (*name).to_owned()).collect();
    Mapping {
        users: columns.iter().map(mapped).collect(),
        groups: Vec::new(),
        indexed,
    }
}

type Columns<'a> = &'a [(&'a str, &'a [&'a str])];

#[test]
fn invalid_mappings_are_reported() {
    let four: Columns<'_> = &[
        ("a", &["title"]),
        ("b", &["nickName"]),
        ("c", &["userType"]),
        ("d", &["locale"]),
    ];
    let cases: &[(Columns<'_>, &[&str], &str)] = &[
        (
            &[("Login", &["userName"])],
            &[],
            "is not a valid column name",
        ),
        (
            &[("tenant", &["userName"])],
            &[],
            "x:1: mapping.users.tenant: there is a column \"tenant\" already",
        ),
        (&[("external_id", &["userName"])], &[], "already"),
        (
            &[("a", &["userName", "active"])],
            &[],
            "values of different types: text and boolean",
        ),
        (&[("a", &["active"])], &["a"], "whose values are not text"),
        (
            &[("a", &["userName"])],
            &["b"],
            "mapping.indexed contains \"b\", which is not a column",
        ),
        (four, &["a", "b", "c", "d"], "with 4 different paths"),
    ];
    let catalog = crate::model::catalog(&[]).unwrap();
    for (columns, indexed, expected) in cases {
        let problems = mapping(columns, indexed).resolve(&catalog).unwrap_err();
        assert!(
            problems.len() == 1 && problems[0].contains(expected),
            "{problems:?}"
        );
    }
}

#[test]
fn columns_with_the_same_paths_share_a_lookup() {
    let catalog = crate::model::catalog(&[]).unwrap();
    let columns: Columns<'_> = &[
        ("login", &["userName"]),
        ("trust_id", &["userName"]),
        ("none", &[]),
    ];
    let directory = mapping(columns, &["trust_id", "login"])
        .resolve(&catalog)
        .unwrap();
    assert_eq!(directory.users.lookups, [["userName"]]);
    assert_eq!(
        directory
            .users
            .columns
            .iter()
            .map(|c| c.lookup)
            .collect::<Vec<_>>(),
        [None, Some(0), Some(0)]
    );
    assert_eq!(directory.lookups(), r#"{"User":[["userName"]],"Group":[]}"#);
}
