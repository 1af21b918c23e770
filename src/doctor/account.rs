//! A person is assigned in Okta, and the profile changes.

use super::answer::{Answer, shows};
use super::body::id;
use super::chart::Chart;
use super::check::{BOTH, Check, OKTA, Verdict, fails, notes};
use super::patient::{Patient, at};
use serde_json::{Value, json};

const CREATE: Check = Check {
    name: "create a user",
    needed_by: BOTH,
    expected: "201 with the whole user: id, userName, active true, meta; groups [] and a password are taken",
    why: "Okta sends both with every create, links the account by the id, and fails the task on an empty body",
};
const SECRET: Check = Check {
    name: "password stays inside",
    needed_by: BOTH,
    expected: "no answer shows the password",
    why: "what is answered stands in logs of the identity provider",
};
const DUPLICATE: Check = Check {
    name: "create the same name in other letter case",
    needed_by: BOTH,
    expected: "409 with a SCIM error of scimType uniqueness",
    why: "two tasks for one person may run at once; without a 409 there are two accounts",
};
const LOOKUP: Check = Check {
    name: "lookup by user name",
    needed_by: BOTH,
    expected: "exactly the user that was made",
    why: "both look before they create; what is not found is made again",
};
const OTHER_CASE: Check = Check {
    name: "lookup in other letter case",
    needed_by: BOTH,
    expected: "exactly the user that was made",
    why: "userName disregards letter case; an account of before is not linked but made again",
};
const ECHO: Check = Check {
    name: "PUT of what GET gave",
    needed_by: OKTA,
    expected: "200 with the user as before; id, meta and groups in the body do no harm",
    why: "custom apps of Okta change a profile by sending back all that they read",
};
const PUT: Check = Check {
    name: "PUT of a changed name",
    needed_by: OKTA,
    expected: "200, and the next read shows the new name beside the rest",
    why: "so custom apps of Okta change every profile",
};
const PATHLESS: Check = Check {
    name: "PATCH without path",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows the new value beside the rest",
    why: "so apps of Okta's catalogue change users",
};
const PATHS: Check = Check {
    name: "PATCH with paths",
    needed_by: BOTH,
    expected: "200 or 204, and the next read shows every new value",
    why: "one request carries several attributes, each with its path",
};
const PASSWORD: Check = Check {
    name: "password sync",
    needed_by: OKTA,
    expected: "200 or 204, and no answer shows the password",
    why: "Okta pushes the password if password sync is on",
};

/// Gives the id of the user, if there is one.
pub(super) async fn examine(patient: &Patient, chart: &mut Chart) -> Option<String> {
    chart.section("A person is assigned");
    let Some(user) = chart.run(&CREATE, create(patient)).await else {
        chart.give_up("no user was made");
        return None;
    };
    let (id, path) = (id(&user), at("/Users", &id(&user)));
    chart
        .run(&SECRET, keeps_password(patient, &user, &path))
        .await;
    chart
        .run(
            &DUPLICATE,
            duplicate(patient, &jane(patient).to_uppercase()),
        )
        .await;
    chart
        .run(&LOOKUP, found(patient, &jane(patient), &id))
        .await;
    chart
        .run(
            &OTHER_CASE,
            found(patient, &jane(patient).to_uppercase(), &id),
        )
        .await;
    chart.section("The profile changes");
    chart.run(&ECHO, echo(patient, &path)).await;
    chart.run(&PUT, put(patient, &path)).await;
    chart.run(&PATHLESS, pathless(patient, &path)).await;
    chart.run(&PATHS, paths(patient, &path)).await;
    chart.run(&PASSWORD, password(patient, &path)).await;
    Some(id)
}

/// The user name of the person whom all this is about.
pub(super) fn jane(patient: &Patient) -> String {
    patient.user_name("jane")
}

async fn create(patient: &Patient) -> Verdict<Value> {
    let name = jane(patient);
    let user = patient
        .create("/Users", &patient.okta_user(&name))
        .await?
        .resource(201)?;
    shows(&user, "/userName", &json!(name))?;
    shows(&user, "/active", &json!(true))?;
    if user["meta"].is_object() {
        Ok(user)
    } else {
        fails("a user without meta")
    }
}

async fn keeps_password(patient: &Patient, created: &Value, path: &str) -> Verdict {
    hides_password(patient, &created.to_string())?;
    let answer = patient.get(path).await?.expect(&[200])?;
    hides_password(patient, &answer.text)
}

fn hides_password(patient: &Patient, text: &str) -> Verdict {
    match text.contains(&patient.password()) || text.contains("\"password\"") {
        true => fails("an answer with the attribute password"),
        false => Ok(()),
    }
}

pub(super) async fn duplicate(patient: &Patient, name: &str) -> Verdict {
    let error = patient
        .create("/Users", &patient.okta_user(name))
        .await?
        .refused(409)?;
    match &error["scimType"] {
        Value::String(kind) if kind == "uniqueness" => Ok(()),
        other => notes(format!("409 with scimType {other}")),
    }
}

pub(super) async fn found(patient: &Patient, name: &str, id: &str) -> Verdict {
    let user = patient.lookup("/Users", name).await?.only()?;
    if user["id"] == id {
        Ok(())
    } else {
        fails("another user than the one that was made")
    }
}

async fn echo(patient: &Patient, path: &str) -> Verdict {
    let before = patient.read(path).await?;
    let after = patient.put(path, &before).await?.resource(200)?;
    is_still(&before, &after)?;
    is_still(&before, &patient.read(path).await?)
}

/// Nothing that identity providers send has changed or gone.
fn is_still(before: &Value, after: &Value) -> Verdict {
    let watched = [
        "id",
        "userName",
        "externalId",
        "name",
        "emails",
        "displayName",
        "active",
    ];
    match watched
        .iter()
        .find(|attribute| before[**attribute] != after[**attribute])
    {
        Some(attribute) => fails(format!("{attribute} is not as it was before")),
        None => Ok(()),
    }
}

async fn put(patient: &Patient, path: &str) -> Verdict {
    let mut user = patient.read(path).await?;
    user["name"]["givenName"] = json!("Changed");
    patient.put(path, &user).await?.resource(200)?;
    let after = patient.read(path).await?;
    shows(&after, "/name/givenName", &json!("Changed"))?;
    shows(&after, "/name/familyName", &json!("O'Test"))?;
    shows(&after, "/userName", &user["userName"])
}

async fn pathless(patient: &Patient, path: &str) -> Verdict {
    patient
        .patch(
            path,
            json!([{"op": "replace", "value": {"displayName": "Pathless"}}]),
        )
        .await?;
    let after = patient.read(path).await?;
    shows(&after, "/displayName", &json!("Pathless"))?;
    shows(&after, "/name/familyName", &json!("O'Test"))
}

async fn paths(patient: &Patient, path: &str) -> Verdict {
    let operations = json!([
        {"op": "replace", "path": "name.familyName", "value": "Patched"},
        {"op": "replace", "path": "displayName", "value": "With a path"},
        {"op": "add", "path": "title", "value": "Nurse"},
    ]);
    patient.patch(path, operations).await?;
    let after = patient.read(path).await?;
    shows(&after, "/name/familyName", &json!("Patched"))?;
    shows(&after, "/displayName", &json!("With a path"))?;
    shows(&after, "/title", &json!("Nurse"))
}

async fn password(patient: &Patient, path: &str) -> Verdict {
    let operations = json!([{"op": "replace", "value": {"password": patient.password()}}]);
    let answer: Answer = patient.patch(path, operations).await?;
    hides_password(patient, &answer.text)
}
