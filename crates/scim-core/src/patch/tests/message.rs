//! The structure of the message (RFC 7644 section 3.5.2).

use super::*;

fn read_as(mode: Conformance, body: Value) -> Result<usize, String> {
    read(object(body), mode, &PatchLimits::default())
        .map(|read| read.len())
        .map_err(|error| kind(&error))
}

#[track_caller]
fn reads(body: Value, lenient: Result<usize, &str>, rfc: Result<usize, &str>) {
    for (mode, expected) in BOTH.into_iter().zip([lenient, rfc]) {
        assert_eq!(
            read_as(mode, body.clone()),
            expected.map_err(str::to_owned),
            "{mode:?}: {body}"
        );
    }
}

#[test]
fn shape() {
    let good = json!({"op": "add", "path": "title", "value": "x"});
    for (body, expected) in [
        (json!({"schemas": [PATCH_OP], "Operations": [good]}), Ok(1)),
        (
            json!({"SCHEMAS": [PATCH_OP.to_lowercase(), "urn:x"], "operations": [good, good], "id": "x"}),
            Ok(2),
        ),
        (
            json!({"schemas": PATCH_OP, "Operations": [good]}),
            Err("invalidValue"),
        ),
        (
            json!({"schemas": [USER], "Operations": [good]}),
            Err("invalidValue"),
        ),
        (json!({"schemas": [PATCH_OP]}), Err("invalidSyntax")),
        (
            json!({"schemas": [PATCH_OP], "Operations": {}}),
            Err("invalidSyntax"),
        ),
        (
            json!({"schemas": [PATCH_OP], "Operations": good}),
            Err("invalidSyntax"),
        ),
        (
            json!({"schemas": [PATCH_OP], "Operations": null}),
            Err("invalidSyntax"),
        ),
        (
            json!({"schemas": [PATCH_OP], "Operations": ["add"]}),
            Err("invalidSyntax"),
        ),
    ] {
        reads(body, expected, expected);
    }
    for body in [
        json!({"Operations": [good]}),
        json!({"schemas": [], "Operations": [good]}),
    ] {
        reads(body, Ok(1), Err("invalidValue"));
    }
    reads(
        json!({"schemas": [PATCH_OP], "Operations": []}),
        Ok(0),
        Err("invalidValue"),
    );
}

#[test]
fn operation() {
    for (operation, expected) in [
        (
            json!({"OP": "Add", "PATH": "title", "Value": 1, "name": "addTitle"}),
            Ok(1),
        ),
        (
            json!({"op": "REPLACE", "path": "title", "value": null}),
            Ok(1),
        ),
        (json!({"op": "Remove", "path": "title"}), Ok(1)),
        (json!({"op": "add", "path": null, "value": {}}), Ok(1)),
        (json!({"path": "title", "value": 1}), Err("invalidSyntax")),
        (json!({"op": "move", "path": "title"}), Err("invalidSyntax")),
        (json!({"op": "", "path": "title"}), Err("invalidSyntax")),
        (json!({"op": 1, "path": "title"}), Err("invalidSyntax")),
        (
            json!({"op": ["add"], "path": "title"}),
            Err("invalidSyntax"),
        ),
        (
            json!({"op": "add", "path": ["title"], "value": 1}),
            Err("invalidPath"),
        ),
        (
            json!({"op": "add", "path": "name..x", "value": 1}),
            Err("invalidPath"),
        ),
        (
            json!({"op": "add", "path": "emails[", "value": 1}),
            Err("invalidFilter"),
        ),
        (
            json!({"op": "add", "path": "emails[type eq]", "value": 1}),
            Err("invalidFilter"),
        ),
        (
            json!({"op": "add", "path": "emails[type eq \"x\"].", "value": 1}),
            Err("invalidPath"),
        ),
        (
            json!({"op": "add", "path": "emails[0]", "value": 1}),
            Err("invalidFilter"),
        ),
        (
            json!({"op": "add", "path": "x".repeat(1025), "value": 1}),
            Err("invalidPath"),
        ),
    ] {
        reads(
            json!({"schemas": [PATCH_OP], "Operations": [operation]}),
            expected,
            expected,
        );
    }
    let empty =
        json!({"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": " ", "value": {}}]});
    reads(empty, Ok(1), Err("invalidPath"));
}

#[test]
fn number_of_operations() {
    let many = |count: usize| {
        let operation = json!({"op": "remove", "path": "title"});
        json!({"schemas": [PATCH_OP], "Operations": vec![operation; count]})
    };
    reads(many(1000), Ok(1000), Ok(1000));
    reads(many(1001), Err("413 "), Err("413 "));
    let error = read(
        object(many(1001)),
        Conformance::Rfc,
        &PatchLimits::default(),
    )
    .unwrap_err();
    assert!(error.detail().contains("1000"), "{error}");
}
