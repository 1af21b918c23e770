//! Creates a user as Okta does when a person is assigned to the app, and changes the profile.

use crate::body::id;
use crate::check::{BOTH, Check, CheckResult, OKTA, failure, note};
use crate::report::Report;
use crate::response::{ScimResponse, has_value};
use crate::target::{Target, at};
use serde_json::{Value, json};

const CREATE: Check = Check {
    name: "create a user",
    needed_by: BOTH,
    expected: "201 with the complete user: id, userName, active true, meta; groups [] and a password are accepted",
    why: "Okta sends both with every create, links the account by its id, and fails the task on an empty body",
};
const SECRET: Check = Check {
    name: "responses do not contain the password",
    needed_by: BOTH,
    expected: "no response contains the password",
    why: "identity providers write responses to their logs",
};
const DUPLICATE: Check = Check {
    name: "create the same name in other letter case",
    needed_by: BOTH,
    expected: "409 with a SCIM error of scimType uniqueness",
    why: "two tasks for one person may run in parallel; without a 409 there are two accounts",
};
const LOOKUP: Check = Check {
    name: "lookup by user name",
    needed_by: BOTH,
    expected: "exactly the created user",
    why: "both send it before a create; a user that is not found is created again",
};
const OTHER_CASE: Check = Check {
    name: "lookup in other letter case",
    needed_by: BOTH,
    expected: "exactly the created user",
    why: "userName is not case-sensitive; an existing account that is not found is not linked but created again",
};
const PUT_UNCHANGED: Check = Check {
    name: "PUT of the unchanged user",
    needed_by: OKTA,
    expected: "200 with the unchanged user; id, meta and groups in the body are accepted",
    why: "custom apps of Okta change a profile by a PUT of everything that they read",
};
const PUT: Check = Check {
    name: "PUT of a changed name",
    needed_by: OKTA,
    expected: "200, and the next read shows the new name; other attributes are unchanged",
    why: "custom apps of Okta change profiles like this",
};
const PATHLESS: Check = Check {
    name: "PATCH without path",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows the new value; other attributes are unchanged",
    why: "apps of Okta's catalogue change users like this",
};
const PATHS: Check = Check {
    name: "PATCH with paths",
    needed_by: BOTH,
    expected: "200 or 204, and the next read shows every new value",
    why: "one request has several operations, each with its path",
};
const PASSWORD: Check = Check {
    name: "password sync",
    needed_by: OKTA,
    expected: "200 or 204, and no response contains the password",
    why: "Okta sends the password if password sync is on",
};

/// Runs the checks; returns the id of the user, if it could be created.
pub(crate) async fn examine(target: &Target, report: &mut Report) -> Option<String> {
    report.section("Assignment");
    let Some(user) = report.run(&CREATE, create(target)).await else {
        report.skip_rest("the user could not be created");
        return None;
    };
    let (id, path) = (id(&user), at("/Users", &id(&user)));
    report
        .run(&SECRET, hides_password_everywhere(target, &user, &path))
        .await;
    report
        .run(
            &DUPLICATE,
            duplicate(target, &main_user(target).to_uppercase()),
        )
        .await;
    report
        .run(&LOOKUP, found(target, &main_user(target), &id))
        .await;
    report
        .run(
            &OTHER_CASE,
            found(target, &main_user(target).to_uppercase(), &id),
        )
        .await;
    report.section("Profile changes");
    report
        .run(&PUT_UNCHANGED, put_unchanged(target, &path))
        .await;
    report.run(&PUT, put(target, &path)).await;
    report.run(&PATHLESS, pathless(target, &path)).await;
    report.run(&PATHS, paths(target, &path)).await;
    report.run(&PASSWORD, password(target, &path)).await;
    Some(id)
}

/// userName of the user of most checks.
pub(crate) fn main_user(target: &Target) -> String {
    target.user_name("main")
}

async fn create(target: &Target) -> CheckResult<Value> {
    let name = main_user(target);
    let user = target
        .create("/Users", &target.okta_user(&name))
        .await?
        .resource(201)?;
    has_value(&user, "/userName", &json!(name))?;
    has_value(&user, "/active", &json!(true))?;
    if user["meta"].is_object() {
        Ok(user)
    } else {
        failure("a user without meta")
    }
}

async fn hides_password_everywhere(target: &Target, created: &Value, path: &str) -> CheckResult {
    hides_password(target, &created.to_string())?;
    let response = target.get(path).await?.expect(&[200])?;
    hides_password(target, &response.text)
}

fn hides_password(target: &Target, text: &str) -> CheckResult {
    match text.contains(&target.password()) || text.contains("\"password\"") {
        true => failure("a response with the attribute password"),
        false => Ok(()),
    }
}

/// A second user with the same name is refused with 409 and `uniqueness`.
pub(crate) async fn duplicate(target: &Target, name: &str) -> CheckResult {
    let error = target
        .create("/Users", &target.okta_user(name))
        .await?
        .scim_error(409)?;
    match &error["scimType"] {
        Value::String(scim_type) if scim_type == "uniqueness" => Ok(()),
        other => note(format!("409 with scimType {other}")),
    }
}

/// A filter by user name finds the user.
pub(crate) async fn found(target: &Target, name: &str, id: &str) -> CheckResult {
    let user = target.lookup("/Users", name).await?.single()?;
    if user["id"] == id {
        Ok(())
    } else {
        failure("another user")
    }
}

async fn put_unchanged(target: &Target, path: &str) -> CheckResult {
    let before = target.read(path).await?;
    let after = target.put(path, &before).await?.resource(200)?;
    is_unchanged(&before, &after)?;
    is_unchanged(&before, &target.read(path).await?)
}

/// Fails if an attribute that identity providers send is changed or missing.
fn is_unchanged(before: &Value, after: &Value) -> CheckResult {
    let compared = [
        "id",
        "userName",
        "externalId",
        "name",
        "emails",
        "displayName",
        "active",
    ];
    match compared
        .iter()
        .find(|attribute| before[**attribute] != after[**attribute])
    {
        Some(attribute) => failure(format!("{attribute} is changed")),
        None => Ok(()),
    }
}

async fn put(target: &Target, path: &str) -> CheckResult {
    let mut user = target.read(path).await?;
    user["name"]["givenName"] = json!("Changed");
    target.put(path, &user).await?.resource(200)?;
    let after = target.read(path).await?;
    has_value(&after, "/name/givenName", &json!("Changed"))?;
    has_value(&after, "/name/familyName", &json!("O'Test"))?;
    has_value(&after, "/userName", &user["userName"])
}

async fn pathless(target: &Target, path: &str) -> CheckResult {
    target
        .patch(
            path,
            json!([{"op": "replace", "value": {"displayName": "Pathless"}}]),
        )
        .await?;
    let after = target.read(path).await?;
    has_value(&after, "/displayName", &json!("Pathless"))?;
    has_value(&after, "/name/familyName", &json!("O'Test"))
}

async fn paths(target: &Target, path: &str) -> CheckResult {
    let operations = json!([
        {"op": "replace", "path": "name.familyName", "value": "Patched"},
        {"op": "replace", "path": "displayName", "value": "With a path"},
        {"op": "add", "path": "title", "value": "Nurse"},
    ]);
    target.patch(path, operations).await?;
    let after = target.read(path).await?;
    has_value(&after, "/name/familyName", &json!("Patched"))?;
    has_value(&after, "/displayName", &json!("With a path"))?;
    has_value(&after, "/title", &json!("Nurse"))
}

async fn password(target: &Target, path: &str) -> CheckResult {
    let operations = json!([{"op": "replace", "value": {"password": target.password()}}]);
    let response: ScimResponse = target.patch(path, operations).await?;
    hides_password(target, &response.text)
}
