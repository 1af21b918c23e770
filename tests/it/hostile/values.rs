//! Invalid values, and valid but unusual ones.

use super::{Target, percent};
use crate::harness::{ENTERPRISE, GROUP, Server, USER};
use serde_json::{Value, json};

crate::on_both!(
    unfit_values_are_refused,
    unusual_values_are_stored_unchanged,
    unknown_names_do_nothing,
    long_values_have_a_bound,
    lists_have_a_bound,
);

/// Attributes with invalid values; `null` for those that only a strict tenant refuses.
fn unfit() -> Vec<(&'static str, Value)> {
    let wrong_for_text = || {
        [
            json!(1),
            json!(true),
            json!({}),
            json!({"value": "x", "type": "y"}),
            json!(["x", "y"]),
            json!([[]]),
        ]
    };
    let mut all = Vec::new();
    for name in [
        "userName",
        "externalId",
        "displayName",
        "title",
        "password",
        "locale",
    ] {
        all.extend(wrong_for_text().into_iter().map(|value| (name, value)));
    }
    for value in [
        json!("Joe"),
        json!(1),
        json!(["x"]),
        json!([{"givenName": "x"}, {"familyName": "y"}]),
        json!({"givenName": {}}),
        json!({"givenName": [1]}),
    ] {
        all.push(("name", value));
    }
    for value in [
        json!("yes"),
        json!(""),
        json!(1),
        json!(0),
        json!({}),
        json!([true, false]),
        json!("1"),
    ] {
        all.push(("active", value));
    }
    for value in [
        json!(1),
        json!([1]),
        json!([[]]),
        json!([true]),
        json!([{"value": {}}]),
        json!([{"value": 5}]),
        json!([{"value": ["x", "y"]}]),
        json!([{"value": "x", "primary": "maybe"}]),
        json!([{"value": "x", "primary": 1}]),
        json!([{"value": "x", "type": ["y", "z"]}]),
        json!([{"value": "x", "primary": true}, {"value": "y", "primary": true}]),
    ] {
        all.push(("emails", value.clone()));
        all.push(("phoneNumbers", value));
    }
    for value in [
        json!([{"value": "not base64!"}]),
        json!([{"value": "A"}]),
        json!([{"value": 5}]),
    ] {
        all.push(("x509Certificates", value));
    }
    for value in [
        json!("x"),
        json!(1),
        json!([]),
        json!({"manager": 5}),
        json!({"manager": {"value": {}}}),
        json!({"department": {}}),
        json!({"employeeNumber": 5}),
    ] {
        if value != json!([]) {
            all.push((ENTERPRISE, value));
        }
    }
    // A lenient server accepts null and an empty list; tests/data has conversations of both modes.
    for value in [
        json!("x"),
        json!({}),
        json!([1]),
        json!([[USER]]),
        json!(["urn:x"]),
        json!([GROUP]),
        json!([null]),
    ] {
        all.push(("schemas", value));
    }
    for value in [json!(null), json!("")] {
        all.push(("userName", value));
    }
    all
}

async fn unfit_values_are_refused(server: Server) {
    for target in Target::both(&server).await {
        for (name, value) in unfit() {
            let mut body = json!({"schemas": [USER, ENTERPRISE], "userName": "unfit"});
            body[name] = value.clone();
            for (method, path) in [
                ("POST", "/Users".to_owned()),
                ("PUT", format!("/Users/{}", target.user)),
            ] {
                let answer = target.ask(method, &path, body.to_string().as_bytes()).await;
                assert_eq!(
                    answer.status, 400,
                    "{method} {name} = {value}: {}",
                    answer.body
                );
                assert_eq!(
                    answer.json()["scimType"],
                    "invalidValue",
                    "{name} = {value}"
                );
            }
        }
        target.is_alive().await;
    }
}

const STRANGE: &[&str] = &[
    "' OR 1=1 --",
    "'; drop table resource; --",
    "\" or \"\"=\"",
    "\\",
    "\\\\'",
    "%",
    "_",
    "%' ESCAPE '",
    "$1",
    "{rows}",
    "{written}",
    "${jndi:ldap://127.0.0.1/x}",
    "*)(uid=*))(|(uid=*",
    "(a+)+$",
    "[a-z",
    "<script>alert(1)</script>",
    "&lt;é&amp;",
    "a]b}c",
    "]}",
    "\"],\"id\":\"forged\"",
    "../../etc/passwd",
    "a\r\nSet-Cookie: x=y",
    "\u{1}\u{2}\u{7f}",
    "\u{85}\u{2028}\u{2029}",
    "\u{202e}evil",
    "\u{200b}",
    "\u{feff}x",
    "\u{fffd}\u{fffe}\u{ffff}",
    "\u{10ffff}",
    "e\u{301}\u{301}\u{301}",
    "ﷺ",
    "İstanbul",
    "ǅ",
    " leading and trailing ",
    "\t",
    "null",
    "true",
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "W/\"1\"",
    "bulkId:x",
    "0",
    "-1",
    "NaN",
];

/// SEC-6: stored, found, sorted and returned unchanged.
async fn unusual_values_are_stored_unchanged(server: Server) {
    for target in Target::both(&server).await {
        for (i, text) in STRANGE.iter().enumerate() {
            // Names must not have control characters.
            let name = format!("{i}{}", text.replace(char::is_control, ""));
            let body = json!({"schemas": [USER, ENTERPRISE], "userName": name, "externalId": text, "title": text, "password": text,
                "name": {"formatted": text}, "emails": [{"value": text, "type": text, "display": text}],
                ENTERPRISE: {"department": text, "manager": {"value": text}}});
            let made = target.post("/Users", &body).await;
            assert_eq!(made.status, 201, "{text:?}: {}", made.body);
            let made = made.json();
            for shown in [
                &made["title"],
                &made["name"]["formatted"],
                &made["emails"][0]["type"],
                &made[ENTERPRISE]["department"],
            ] {
                assert_eq!(shown, text);
            }
            for filter in [
                format!("userName eq {}", json!(name)),
                format!("title eq {} and userName eq {}", json!(text), json!(name)),
                format!("title co {} and userName sw {}", json!(text), json!(name)),
                format!(
                    "emails[type eq {} and value ew {}] and userName ew {}",
                    json!(text),
                    json!(text),
                    json!(name)
                ),
            ] {
                let found = target
                    .ask("GET", &format!("/Users?filter={}", percent(&filter)), b"")
                    .await;
                assert_eq!(found.status, 200, "{filter}: {}", found.body);
                assert_eq!(found.json()["Resources"], json!([made]), "{filter}");
            }
            let group = target
                .post("/Groups", &json!({"schemas": [GROUP], "displayName": text, "members": [{"value": made["id"]}]}))
                .await;
            if group.status != 201 {
                assert!(
                    text.trim().is_empty() && group.status == 400,
                    "{text:?}: {}",
                    group.body
                );
                continue;
            }
            let read = target
                .ask(
                    "GET",
                    &format!("/Users/{}", made["id"].as_str().unwrap()),
                    b"",
                )
                .await
                .json();
            assert_eq!(
                (
                    &read["groups"][0]["display"],
                    read["groups"].as_array().unwrap().len()
                ),
                (&json!(text), 1)
            );
        }
        for by in ["userName", "title", "emails.type", "emails", ENTERPRISE] {
            let sorted = target
                .ask("GET", &format!("/Users?count=1000&sortBy={by}"), b"")
                .await;
            assert!(
                sorted.status == 400 || sorted.json()["totalResults"] == STRANGE.len() + 1,
                "{by}"
            );
        }
        target.is_alive().await;
    }
}

async fn unknown_names_do_nothing(server: Server) {
    for target in Target::both(&server).await {
        for (i, name) in [
            "__proto__",
            "constructor",
            "prototype",
            "toString",
            "hasOwnProperty",
            "$ref",
            "",
            " ",
            ".",
            "a.b.c",
            "urn:",
            "urn:x:y:z",
            "userName ",
            "user name",
            "emails[type eq \"work\"]",
            "'; --",
            "{rows}",
            "é",
            "members",
            "\u{202e}",
            "0",
        ]
        .into_iter()
        .enumerate()
        {
            let mut body = json!({"schemas": [USER], "userName": format!("u{i}")});
            body[name] =
                json!({"isAdmin": true, "userName": "evil", "id": "evil", "active": false});
            let answer = target.post("/Users", &body).await;
            assert_eq!(
                answer.status,
                target.due(201, 400),
                "{name:?}: {}",
                answer.body
            );
            if answer.status == 201 {
                let mut made = answer.json();
                made.as_object_mut()
                    .unwrap()
                    .retain(|name, _| !matches!(name.as_str(), "id" | "meta"));
                assert_eq!(
                    made,
                    json!({"schemas": [USER], "userName": format!("u{i}"), "active": true}),
                    "{name:?}"
                );
            }
        }
        target.is_alive().await;
    }
}

/// Text of the given number of characters that no database can compress.
fn noise(count: usize, from: char) -> String {
    let mut chance = crate::harness::Chance::of(count);
    let first = u32::from(from);
    (0..count)
        .map(|_| char::from_u32(first + u32::try_from(chance.within(0..3000)).unwrap()).unwrap())
        .collect()
}

async fn long_values_have_a_bound(server: Server) {
    for target in Target::both(&server).await {
        for (name, text, status) in [
            ("userName", "a".repeat(512), 201),
            ("userName", "a".repeat(513), 400),
            ("userName", noise(512, '\u{20000}'), 201),
            ("userName", noise(512, '\u{4e00}'), 201),
            ("userName", "ß".repeat(256), 201),
            ("userName", "ß".repeat(257), 400),
            ("userName", "\u{fdfa}".repeat(512), 400),
            ("userName", "x".repeat(1_000_000), 400),
            ("externalId", noise(1024, '\u{20000}'), 201),
            ("externalId", "a".repeat(1025), 400),
            ("title", noise(64 * 1024 / 4, '\u{20000}'), 201),
            ("title", "a".repeat(64 * 1024), 201),
            ("title", "a".repeat(64 * 1024 + 1), 400),
            ("title", "\u{fdfa}".repeat(64 * 1024 / 3), 201),
            ("title", "x".repeat(1_000_000), 400),
            ("password", "x".repeat(1_000_000), 400),
        ] {
            let shown: String = text.chars().take(9).collect();
            let mut body =
                json!({"schemas": [USER], "userName": format!("{name}{shown}{}", text.len())});
            body[name] = text.clone().into();
            let answer = target.post("/Users", &body).await;
            assert_eq!(
                answer.status,
                status,
                "{name} {} {shown}: {:.200}",
                text.len(),
                answer.body
            );
            if status == 201 {
                assert_eq!(answer.json()[name], text);
                let filter: String = text.chars().take(200).collect();
                let found = target
                    .ask(
                        "GET",
                        &format!(
                            "/Users?sortBy={name}&filter={name}%20sw%20%22{}%22",
                            percent(&filter)
                        ),
                        b"",
                    )
                    .await;
                assert_ne!(found.json()["totalResults"], 0, "{name} {shown}");
            }
        }
        for (name, status) in [(noise(512, '\u{20000}'), 201), ("a".repeat(513), 400)] {
            let answer = target
                .post("/Groups", &json!({"schemas": [GROUP], "displayName": name}))
                .await;
            assert_eq!(answer.status, status, "{:.200}", answer.body);
        }
        target.is_alive().await;
    }
}

async fn lists_have_a_bound(server: Server) {
    for target in Target::both(&server).await {
        let emails = |count: usize| {
            (0..count)
                .map(|i| json!({"value": format!("{i}@example.com")}))
                .collect::<Vec<_>>()
        };
        for (count, status) in [(500, 201), (501, 400), (20_000, 400)] {
            let body = json!({"schemas": [USER], "userName": format!("u{count}"), "emails": emails(count)});
            assert_eq!(
                target.post("/Users", &body).await.status,
                status,
                "{count} values"
            );
        }
        let own = format!("/Users/{}", target.user);
        let add = |count| json!([{"op": "add", "path": "emails", "value": emails(count)}]);
        assert_eq!(target.patch(&own, &add(501)).await.status, 400);
        assert_eq!(target.patch(&own, &add(499)).await.status, 200);
        assert_eq!(
            target
                .patch(
                    &own,
                    &json!([{"op": "add", "path": "emails", "value": {"value": "one more"}}])
                )
                .await
                .status,
            400
        );
        let members =
            |count: usize, id: &str| (0..count).map(|_| json!({"value": id})).collect::<Vec<_>>();
        let group = |name: &str, members: Vec<Value>| json!({"schemas": [GROUP], "displayName": name, "members": members});
        let answer = target
            .post("/Groups", &group("same", members(10_000, &target.user)))
            .await;
        assert_eq!(
            (
                answer.status,
                answer.json()["members"].as_array().unwrap().len()
            ),
            (201, 1)
        );
        assert_eq!(
            target
                .post("/Groups", &group("more", members(10_001, &target.user)))
                .await
                .status,
            400
        );
        let unknown: Vec<_> = (0..10_000)
            .map(|i| json!({"value": format!("01900000-0000-7000-8000-{i:012}")}))
            .collect();
        assert_eq!(
            target
                .post("/Groups", &group("unknown", unknown.clone()))
                .await
                .status,
            target.due(201, 400)
        );
        let path = format!("/Groups/{}", target.group);
        let replace = json!([{"op": "replace", "path": "members", "value": unknown}]);
        assert_eq!(
            target.patch(&path, &replace).await.status,
            400,
            "the group keeps its member"
        );
        let schemas: Vec<_> = (0..10_000).map(|_| USER).collect();
        let answer = target
            .post(
                "/Users",
                &json!({"schemas": schemas, "userName": "schemas"}),
            )
            .await;
        assert!(matches!(answer.status, 201 | 400), "{:.200}", answer.body);
        target.is_alive().await;
    }
}
