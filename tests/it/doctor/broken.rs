//! Every fault is detected and reported by its check.

use super::proxy::{self, Asked, Fault, FaultyResponse, SOUND};
use super::{ended, examined, population};
use crate::harness::{Database, Server};
use axum::http::Method;
use serde_json::{Value, json};

/// Faults, and the checks that must fail.
type Case = (&'static str, &'static [&'static str], Fault);

const fn before(before: fn(&mut Asked) -> Option<FaultyResponse>) -> Fault {
    Fault { before, ..SOUND }
}

const fn after(after: fn(&Asked, &mut FaultyResponse)) -> Fault {
    Fault { after, ..SOUND }
}

async fn all_are_found(cases: &[Case]) {
    let server = Server::on(Database::Sqlite).await;
    for (what, checks, fault) in cases {
        let base = proxy::before(&server.base, *fault).await;
        let (code, report) = examined(&base, "--members 40", &server.token).await;
        let failed = ended(&report, "fail");
        assert_eq!(code, Some(1), "{what}: {report:#}");
        for check in *checks {
            assert!(
                failed.contains(check),
                "{what}: not {check}, but {failed:?}"
            );
        }
        assert!(failed.len() <= checks.len() + 1, "{what}: {failed:?}");
        assert_eq!(
            population(&server).await,
            [0, 0],
            "{what}: {}",
            report["leftBehind"]
        );
    }
}

const LISTS: &[Case] = &[
    (
        "itemsPerPage is what was asked for",
        &["first page of users", "first page of groups"],
        after(|asked, response| {
            if asked.is(&Method::GET, "count=") {
                response.edit(|body| body["itemsPerPage"] = json!(100));
            }
        }),
    ),
    (
        "the total is of the page",
        &["page past the end"],
        after(|asked, response| {
            if asked.is(&Method::GET, "startIndex=1&count=2") && asked.target.contains("/Users") {
                response.edit(|body| body["totalResults"] = json!(7));
            }
        }),
    ),
    (
        "a lookup without a match is 404",
        &[
            "lookup of a user that does not exist",
            "lookup of a group that does not exist",
            "delete a user",
        ],
        after(|asked, response| {
            if asked.is(&Method::GET, "filter=") && response.body.contains("\"totalResults\":0") {
                *response = FaultyResponse::error(404);
            }
        }),
    ),
    (
        "lookups heed letter case",
        &[
            "lookup in other letter case",
            "lookup of a group in other letter case",
        ],
        before(|asked| {
            asked.target = asked.target.replace("SCIMD-DOCTOR", "nobody");
            None
        }),
    ),
    (
        "inactive users are not listed",
        &["inactive user is found"],
        after(|asked, response| {
            if asked.is(&Method::GET, "/Users?filter") && response.body.contains("\"active\":false")
            {
                response.edit(|body| {
                    body["totalResults"] = json!(0);
                    body["Resources"] = json!([]);
                });
            }
        }),
    ),
    (
        "excludedAttributes is ignored",
        &[
            "excludedAttributes=members of one group",
            "excludedAttributes=members in a lookup",
        ],
        before(|asked| {
            asked.target = asked.target.replace("excludedAttributes", "ignored");
            None
        }),
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists() {
    all_are_found(LISTS).await;
}

const ERRORS: &[Case] = &[
    (
        "errors are text",
        &[
            "unknown id",
            "wrong token",
            "no token",
            "create the same name in other letter case",
            "create the name of an inactive user",
            "create a second group with the same name",
            "delete a user",
            "delete a group",
            "content type of every response",
        ],
        after(|_, response| {
            if response.status >= 400 {
                *response = FaultyResponse {
                    kind: "text/plain".into(),
                    body: "no".into(),
                    status: response.status,
                };
            }
        }),
    ),
    (
        "an unknown id is a page of HTML",
        &[
            "unknown id",
            "delete a user",
            "delete a group",
            "content type of every response",
        ],
        after(|_, response| {
            if response.status == 404 {
                *response = FaultyResponse {
                    kind: "text/html".into(),
                    body: "<h1>Oops</h1>".into(),
                    status: 500,
                };
            }
        }),
    ),
    (
        "duplicates are taken with 200",
        &[
            "create the same name in other letter case",
            "create the name of an inactive user",
        ],
        after(|asked, response| {
            if asked.is(&Method::POST, "/Users") && response.status == 409 {
                *response = FaultyResponse {
                    status: 200,
                    kind: "application/scim+json".into(),
                    body: "{}".into(),
                };
            }
        }),
    ),
    (
        "everybody is let in",
        &["wrong token", "no token"],
        after(|_, response| {
            if response.status == 401 {
                *response = FaultyResponse {
                    status: 200,
                    kind: "application/scim+json".into(),
                    body: "{}".into(),
                };
            }
        }),
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors() {
    all_are_found(ERRORS).await;
}

const USERS: &[Case] = &[
    (
        "a create has no body",
        &[
            "create a user",
            "create a user as Entra does",
            "create the users of a large group",
        ],
        after(|asked, response| {
            if asked.is(&Method::POST, "/Users") {
                response.body.clear();
            }
        }),
    ),
    (
        "passwords are shown",
        &["responses do not contain the password"],
        after(|asked, response| {
            if asked.is(&Method::POST, "/Users") && response.status == 201 {
                response.edit(|body| body["password"] = asked.body["password"].clone());
            }
        }),
    ),
    (
        "a PUT must not repeat the id",
        &[
            "PUT of the unchanged user",
            "PUT of a changed name",
            "deactivate by PUT",
            "reactivate by PUT",
        ],
        before(|asked| {
            (asked.is(&Method::PUT, "/Users") && asked.body["id"].is_string())
                .then(|| FaultyResponse::error(400))
        }),
    ),
    (
        "booleans are no text",
        &[
            "operation in capitals and \"False\" as text",
            "\"True\" as text",
        ],
        before(|asked| {
            matches!(&asked.operation()["value"], Value::String(text) if text == "False" || text == "True")
                .then(|| FaultyResponse::error(400))
        }),
    ),
    (
        "value paths need a target",
        &["Replace at a value path that matches nothing"],
        before(|asked| {
            let path = asked.operation()["path"].as_str();
            path.is_some_and(|path| path.starts_with("addresses["))
                .then(|| FaultyResponse::error(400))
        }),
    ),
    (
        "dotted keys are ignored",
        &["dotted and URN keys in a PATCH without path"],
        before(|asked| {
            let is_dotted = asked.operation()["value"].get("name.givenName").is_some();
            is_dotted.then(|| FaultyResponse {
                status: 204,
                kind: String::new(),
                body: String::new(),
            })
        }),
    ),
    (
        "a manager is a string",
        &["manager as a string"],
        after(|asked, response| {
            const ENTERPRISE: &str = crate::harness::ENTERPRISE;
            if asked.is(&Method::GET, "/Users/") && response.body.contains("\"manager\"") {
                response.edit(|body| {
                    body[ENTERPRISE]["manager"] = body[ENTERPRISE]["manager"]["value"].clone();
                });
            }
        }),
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users() {
    all_are_found(USERS).await;
}

const GROUPS: &[Case] = &[
    (
        "large lists of members are cut",
        &["large group in one request"],
        before(|asked| {
            if let Some(Value::Array(members)) = asked.body.pointer_mut("/Operations/0/value") {
                members.truncate(20);
            }
            None
        }),
    ),
    (
        "members are lost in a race",
        &["eight members added in parallel"],
        before(|asked| {
            let loses = asked.is(&Method::PATCH, "/Groups/") && asked.others > 0;
            loses.then(|| FaultyResponse {
                status: 204,
                kind: String::new(),
                body: String::new(),
            })
        }),
    ),
    (
        "a removal by values empties the group",
        &["remove a member by a list of values"],
        before(|asked| {
            if asked.operation()["op"] == "Remove" {
                asked.body["Operations"][0] = json!({"op": "remove", "path": "members"});
            }
            None
        }),
    ),
    (
        "a rename must not repeat the id",
        &["rename that repeats the id", "rename to the current name"],
        before(|asked| {
            let repeats = asked.is(&Method::PATCH, "/Groups/")
                && asked.operation()["value"].get("id").is_some();
            repeats.then(|| FaultyResponse::error(400))
        }),
    ),
    (
        "a rename clears the members",
        &["rename that repeats the id", "rename to the current name"],
        before(|asked| {
            if asked.operation()["value"].get("id").is_some() {
                asked.body["Operations"][0]["value"]["members"] = json!([]);
                asked.body["Operations"][0]["op"] = json!("replace");
            }
            None
        }),
    ),
    (
        "users do not know their groups",
        &["groups of the user contains the group"],
        after(|asked, response| {
            if asked.is(&Method::GET, "/Users/") {
                response.edit(|body| {
                    body.as_object_mut().unwrap().remove("groups");
                });
            }
        }),
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups() {
    all_are_found(GROUPS).await;
}

/// The provider tolerates the deviation; the report mentions it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_json_is_reported_as_a_note() {
    let server = Server::on(Database::Sqlite).await;
    let fault = after(|_, response| response.kind = response.kind.replace("scim+json", "json"));
    let base = proxy::before(&server.base, fault).await;
    let (code, report) = examined(&base, "--members 8", &server.token).await;
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(
        ended(&report, "note"),
        ["address", "content type of every response"]
    );
}
