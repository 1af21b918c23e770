//! PATCH messages with every kind of wrong structure (RFC 7644 section 3.5.2).

use super::Target;
use crate::harness::{ENTERPRISE, Server};
use serde_json::{Value, json};

crate::on_both!(
    messages_have_their_shape,
    operations_have_their_shape,
    values_have_their_shape,
    members_have_their_shape,
    the_number_of_operations_is_limited
);

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Checks that a message is refused and changes nothing.
async fn is_refused(target: &Target<'_>, path: &str, body: &Value) {
    let before = target.ask("GET", path, b"").await.body;
    let answer = target.ask("PATCH", path, body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 400, "{body:.300}: {}", answer.body);
    assert!(
        answer.json()["scimType"].is_string(),
        "{body:.300}: {}",
        answer.body
    );
    assert_eq!(
        target.ask("GET", path, b"").await.body,
        before,
        "{body:.300}"
    );
}

async fn messages_have_their_shape(server: Server) {
    let sound = json!([{"op": "replace", "path": "title", "value": "x"}]);
    for target in Target::both(&server).await {
        let path = format!("/Users/{}", target.user);
        // A lenient server accepts null and an empty list; tests/data has conversations of both modes.
        for schemas in [
            json!({}),
            json!(PATCH_OP),
            json!([1]),
            json!([[PATCH_OP]]),
            json!(["urn:x"]),
        ] {
            is_refused(
                &target,
                &path,
                &json!({"schemas": schemas, "Operations": sound}),
            )
            .await;
        }
        for operations in [
            json!(null),
            json!({}),
            json!("x"),
            json!(1),
            json!(true),
            json!({"op": "replace"}),
            json!([1]),
            json!([null]),
            json!(["replace"]),
            json!([[]]),
            json!([sound]),
            json!([{}]),
        ] {
            is_refused(
                &target,
                &path,
                &json!({"schemas": [PATCH_OP], "Operations": operations}),
            )
            .await;
        }
        for body in [
            json!({}),
            json!({"schemas": [PATCH_OP]}),
            json!({"schemas": [PATCH_OP], "op": "add"}),
        ] {
            is_refused(&target, &path, &body).await;
        }
        target.is_alive().await;
    }
}

async fn operations_have_their_shape(server: Server) {
    for target in Target::both(&server).await {
        let path = format!("/Users/{}", target.user);
        let send = |operation: Value| json!({"schemas": [PATCH_OP], "Operations": [operation]});
        for op in [
            json!(null),
            json!(1),
            json!(true),
            json!([]),
            json!(["add"]),
            json!({}),
            json!(""),
            json!("copy"),
            json!("add "),
            json!("\u{e4}dd"),
        ] {
            is_refused(
                &target,
                &path,
                &send(json!({"op": op, "path": "title", "value": "x"})),
            )
            .await;
        }
        is_refused(
            &target,
            &path,
            &send(json!({"path": "title", "value": "x"})),
        )
        .await;
        let long = format!("{}title", "urn:".repeat(300));
        for place in [
            json!(1),
            json!(true),
            json!([]),
            json!(["title"]),
            json!({}),
            json!(" "),
            json!("."),
            json!(".."),
            json!("title."),
            json!(".title"),
            json!("title..x"),
            json!("title.x"),
            json!("title.x.y.z"),
            json!("name.givenName.x"),
            json!("emails["),
            json!("emails]"),
            json!("emails[]"),
            json!("emails[type]"),
            json!("emails[type eq]"),
            json!("emails[type eq \"work\""),
            json!("emails[type eq \"work\"]]"),
            json!("emails[type eq \"work\"]."),
            json!("emails[type eq \"work\"]..value"),
            json!("emails[type eq \"work\"].value.x"),
            json!("emails[type eq \"work\"][primary eq true]"),
            json!("emails[emails[type eq \"work\"]]"),
            json!("emails[0]"),
            json!("emails.0.value"),
            json!("emails[nothing eq 1].value"),
            json!("title[value eq \"x\"]"),
            json!("nothing"),
            json!("__proto__"),
            json!("__proto__.isAdmin"),
            json!("constructor.prototype.x"),
            json!("urn:"),
            json!("urn:x:y:z"),
            json!("urn:ietf:params:scim:schemas:core:2.0:User:"),
            json!("urn:ietf:params:scim:schemas:core:2.0:User:nothing"),
            json!("urn:ietf:params:scim:schemas:core:2.0:Nothing:title"),
            json!(format!("{ENTERPRISE}:")),
            json!(format!("{ENTERPRISE}:nothing")),
            json!(format!("{ENTERPRISE}.nothing")),
            json!("id"),
            json!("meta"),
            json!("meta.version"),
            json!("groups"),
            json!("groups[value eq \"x\"]"),
            json!("title eq \"x\""),
            json!("title\u{0}"),
            json!("tit\u{200b}le"),
            json!("' or 1=1 --"),
            json!("/title"),
            json!("$.title"),
            json!("*"),
            json!("[type eq \"work\"]"),
            json!("[]"),
            json!(long),
            json!("(".repeat(1000)),
            json!(format!("emails[{}", "(".repeat(900))),
            json!("x".repeat(100_000)),
        ] {
            for op in ["add", "replace", "remove"] {
                is_refused(
                    &target,
                    &path,
                    &send(json!({"op": op, "path": place, "value": "x"})),
                )
                .await;
            }
        }
        for operation in [
            json!({"op": "remove"}),
            json!({"op": "remove", "value": {"title": "x"}}),
            json!({"op": "remove", "path": null}),
            json!({"op": "add"}),
            json!({"op": "replace"}),
            json!({"op": "add", "path": "title"}),
            json!({"op": "remove", "path": "userName"}),
            json!({"op": "remove", "path": "schemas"}),
            json!({"op": "remove", "path": "id"}),
            json!({"op": "remove", "path": "meta"}),
        ] {
            is_refused(&target, &path, &send(operation)).await;
        }
        target.is_alive().await;
    }
}

async fn values_have_their_shape(server: Server) {
    for target in Target::both(&server).await {
        let path = format!("/Users/{}", target.user);
        let send = |operation: Value| json!({"schemas": [PATCH_OP], "Operations": [operation]});
        for op in ["add", "replace"] {
            for value in [
                json!([]),
                json!([{"title": "x"}]),
                json!(1),
                json!(true),
                json!("x"),
                json!("{"),
                json!("[]"),
                json!("[1"),
                json!("{\"title\":"),
                json!("{\"title\":\"a\",\"TITLE\":\"b\"}"),
                json!("[".repeat(10_000)),
                json!("{\"a\":".repeat(10_000)),
            ] {
                is_refused(&target, &path, &send(json!({"op": op, "value": value}))).await;
            }
            for (place, value) in [
                ("title", json!(1)),
                ("title", json!(["x", "y"])),
                ("title", json!({})),
                ("title", json!({"value": "x", "type": "y"})),
                ("title", json!("x".repeat(70_000))),
                ("userName", json!(null)),
                ("userName", json!("")),
                ("userName", json!(5)),
                ("userName", json!([])),
                ("userName", json!("x".repeat(600))),
                ("active", json!("maybe")),
                ("active", json!(1)),
                ("active", json!({})),
                ("active", json!([true, false])),
                ("name", json!("Joe")),
                ("name", json!(["x"])),
                ("name", json!({"givenName": 1})),
                ("name.givenName", json!({})),
                ("name.givenName", json!(["x", "y"])),
                ("emails", json!(5)),
                ("emails", json!([5])),
                ("emails", json!([["x"]])),
                ("emails", json!([{"value": {}}])),
                ("emails", json!({"value": 5})),
                (
                    "emails",
                    json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]),
                ),
                ("emails.value", json!({})),
                ("emails.value", json!(["x", "y"])),
                ("emails.primary", json!("maybe")),
                ("emails[type eq \"work\"]", json!(5)),
                ("emails[type eq \"work\"]", json!(["x"])),
                ("emails[type eq \"work\"].value", json!({})),
                ("emails[type eq \"work\"].primary", json!("x")),
                ("x509Certificates", json!([{"value": "not base64!"}])),
                (ENTERPRISE, json!("x")),
                (ENTERPRISE, json!([1])),
                (ENTERPRISE, json!({"department": 1})),
                ("schemas", json!([1])),
            ] {
                is_refused(
                    &target,
                    &path,
                    &send(json!({"op": op, "path": place, "value": value})),
                )
                .await;
                if place != "schemas" && !place.contains('[') && !place.contains('.') {
                    is_refused(
                        &target,
                        &path,
                        &send(json!({"op": op, "value": {place: value}})),
                    )
                    .await;
                }
            }
        }
        target.is_alive().await;
    }
}

async fn members_have_their_shape(server: Server) {
    for target in Target::both(&server).await {
        let path = format!("/Groups/{}", target.group);
        let send = |operation: Value| json!({"schemas": [PATCH_OP], "Operations": [operation]});
        for op in ["add", "replace"] {
            for value in [
                json!(5),
                json!([5]),
                json!([true]),
                json!([{}]),
                json!({}),
                json!([{"value": 5}]),
                json!([{"value": ""}]),
                json!([{"value": {}}]),
                json!([{"value": ["x", "y"]}]),
                json!([{"display": "x"}]),
                json!([[]]),
                json!([[{"value": "x"}]]),
            ] {
                is_refused(
                    &target,
                    &path,
                    &send(json!({"op": op, "path": "members", "value": value})),
                )
                .await;
            }
        }
        for (place, op) in [
            ("members.value", "replace"),
            ("members.value", "remove"),
            ("members.display", "add"),
            ("members[value eq \"x\"].value", "replace"),
            ("members[value eq \"x\"].display", "remove"),
            ("members[nothing eq 1]", "remove"),
            ("members[", "remove"),
            ("members[value]", "remove"),
            ("members[]", "remove"),
            ("members[value co \"x\"]", "add"),
            ("displayName", "remove"),
        ] {
            is_refused(
                &target,
                &path,
                &send(json!({"op": op, "path": place, "value": "x"})),
            )
            .await;
        }
        for place in [
            "members[value eq \"' or 1=1 --\"]",
            "members[value eq \"%\"]",
            "members[display co \"%\"]",
            "members[type eq \"\\\\\"]",
            "members[value sw \"zzz\" or display ew \"_\"]",
            "members[not (value pr)]",
        ] {
            let answer = target
                .patch(&path, &json!([{"op": "remove", "path": place}]))
                .await;
            assert_eq!(
                (answer.status, answer.header("etag")),
                (204, Some("W/\"1\"")),
                "{place}: {}",
                answer.body
            );
        }
        target.is_alive().await;
    }
}

/// Row PAT-38.
async fn the_number_of_operations_is_limited(server: Server) {
    for target in Target::both(&server).await {
        let (user, group) = (
            format!("/Users/{}", target.user),
            format!("/Groups/{}", target.group),
        );
        let titles = |count: usize| {
            (0..count)
                .map(|i| json!({"op": "replace", "path": "title", "value": format!("{i}")}))
                .collect::<Value>()
        };
        let answer = target.patch(&user, &titles(1000)).await;
        assert_eq!(
            (
                answer.status,
                &answer.json()["title"],
                &answer.json()["meta"]["version"]
            ),
            (200, &json!("999"), &json!("W/\"2\""))
        );
        for count in [1001, 2000, 20_000] {
            assert_eq!(target.patch(&user, &titles(count)).await.status, 413);
        }
        let emails: Value = (0..501)
            .map(|i| json!({"op": "add", "path": "emails", "value": [{"value": format!("{i}")}]}))
            .collect();
        assert_eq!(target.patch(&user, &emails).await.status, 400);
        let selected: Value = (0..600)
            .map(|i| json!({"op": "add", "path": format!("emails[type eq \"t{i}\"].value"), "value": "x"}))
            .collect();
        assert_eq!(target.patch(&user, &selected).await.status, 400);
        let swaps: Value = (0..1000).map(|i| json!({"op": if i % 2 == 0 { "remove" } else { "add" }, "path": "members", "value": [{"value": target.user}]})).collect();
        let answer = target.patch(&group, &swaps).await;
        assert_eq!(
            (answer.status, answer.header("etag")),
            (204, Some("W/\"1\""))
        );
        let matching: Value = (0..1000)
            .map(|i| json!({"op": "remove", "path": format!("members[display co \"{i}x\"]")}))
            .collect();
        let answer = target.patch(&group, &matching).await;
        assert_eq!(
            (answer.status, answer.header("etag")),
            (204, Some("W/\"1\""))
        );
        target.is_alive().await;
    }
}
