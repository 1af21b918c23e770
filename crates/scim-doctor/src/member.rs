//! Adds, removes and replaces members in every form that identity providers send.

use crate::body::{GROUP, references};
use crate::check::{BOTH, Check, CheckResult, ENTRA, OKTA, failure};
use crate::report::Report;
use crate::target::{Target, at};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SECOND: Check = Check {
    name: "create a second user",
    needed_by: BOTH,
    expected: "201 with the complete user",
    why: "the checks of members need two users",
};
const ADD: Check = Check {
    name: "add members",
    needed_by: BOTH,
    expected: "200 or 204, and the next read shows them and the previous ones",
    why: "both add members like this",
};
const NULL_REF: Check = Check {
    name: "add a member with \"$ref\": null",
    needed_by: ENTRA,
    expected: "200 or 204, and the next read shows the member",
    why: "Entra sends it with every member",
};
const GROUPS_OF_USER: Check = Check {
    name: "groups of the user contains the group",
    needed_by: BOTH,
    expected: "the attribute groups of the user has a value for the group",
    why: "applications and administrators read it there; it is derived from the members",
};
const PUT: Check = Check {
    name: "PUT of a group with members",
    needed_by: OKTA,
    expected: "200, and the next read shows exactly these; \"display\": null is accepted",
    why: "custom apps of Okta send the complete list with every change",
};
const BY_FILTER: Check = Check {
    name: "remove a member by filter",
    needed_by: BOTH,
    expected: "members[value eq \"...\"] removes this member and no other",
    why: "Okta removes members like this, and Entra with the flag aadOptscim062020",
};
const BY_VALUE: Check = Check {
    name: "remove a member by a list of values",
    needed_by: ENTRA,
    expected: "path members with a value removes this member and no other",
    why: "Entra removes members like this; some servers then remove all",
};
const REPLACE: Check = Check {
    name: "replace members",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows exactly these",
    why: "Push now of Okta sends the complete list",
};
const CLEAR: Check = Check {
    name: "replace members by an empty list",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows no members",
    why: "Push now of Okta sends it for a group without members",
};

/// Runs the checks; returns the ids of the two members, if the second user could be created.
pub(crate) async fn examine(
    target: &Target,
    report: &mut Report,
    path: &str,
    user: &str,
) -> Option<[String; 2]> {
    report.section("Members");
    let Some(second) = report.run(&SECOND, target.create_user("second")).await else {
        report.skip_rest("the second user could not be created");
        return None;
    };
    let pair = [user.to_owned(), second];
    report.run(&ADD, add(target, path, &pair)).await;
    report
        .run(&GROUPS_OF_USER, groups_of_user(target, path, &pair))
        .await;
    report.run(&NULL_REF, null_ref(target, path, &pair)).await;
    report.run(&PUT, put(target, path, &pair)).await;
    report.run(&BY_FILTER, by_filter(target, path, &pair)).await;
    report.run(&BY_VALUE, by_value(target, path, &pair)).await;
    report.run(&REPLACE, replace(target, path, &pair)).await;
    report.run(&CLEAR, clear(target, path, &pair)).await;
    Some(pair)
}

/// The ids of the members of a group.
pub(crate) fn members(group: &Value) -> BTreeSet<&str> {
    group["members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|member| member["value"].as_str())
        .collect()
}

/// Fails unless a group has exactly these members.
pub(crate) fn has_exactly(group: &Value, expected: &[String]) -> CheckResult {
    let (actual, expected) = (
        members(group),
        expected.iter().map(String::as_str).collect::<BTreeSet<_>>(),
    );
    let missing = expected.difference(&actual).count();
    match (missing, actual.difference(&expected).count()) {
        (0, 0) => Ok(()),
        (0, more) => failure(format!("{more} unexpected members")),
        (missing, more) => failure(format!(
            "{missing} of {} members missing, {more} unexpected",
            expected.len()
        )),
    }
}

async fn read_has(target: &Target, path: &str, expected: &[String]) -> CheckResult {
    has_exactly(&target.read(path).await?, expected)
}

/// Adds both members, one by one, in the form that most servers support.
pub(crate) async fn fill(target: &Target, path: &str, pair: &[String; 2]) -> CheckResult {
    for id in pair {
        target
            .patch(
                path,
                json!([{"op": "add", "path": "members", "value": [{"value": id}]}]),
            )
            .await?;
    }
    read_has(target, path, pair).await
}

async fn add(target: &Target, path: &str, pair: &[String; 2]) -> CheckResult {
    fill(target, path, pair).await
}

async fn groups_of_user(target: &Target, path: &str, [user_id, _]: &[String; 2]) -> CheckResult {
    let group = target.read(path).await?;
    let user = target.read(&at("/Users", user_id)).await?;
    let found = user["groups"]
        .as_array()
        .is_some_and(|list| list.iter().any(|value| value["value"] == group["id"]));
    if found {
        Ok(())
    } else {
        failure("groups of the user has no value for the group")
    }
}

async fn null_ref(target: &Target, path: &str, pair: &[String; 2]) -> CheckResult {
    let [_, second] = pair;
    let member = format!("members[value eq \"{second}\"]");
    target
        .patch(path, json!([{"op": "remove", "path": member}]))
        .await?;
    let value = json!([{"$ref": null, "value": second}]);
    target
        .patch(
            path,
            json!([{"op": "Add", "path": "members", "value": value}]),
        )
        .await?;
    read_has(target, path, pair).await
}

async fn put(target: &Target, path: &str, pair: &[String; 2]) -> CheckResult {
    let group = target.read(path).await?;
    for expected in [&pair[..1], &pair[..]] {
        let members: Vec<_> = expected
            .iter()
            .map(|id| json!({"value": id, "display": null}))
            .collect();
        let (id, name) = (&group["id"], &group["displayName"]);
        let body = json!({"schemas": [GROUP], "id": id, "displayName": name, "members": members});
        target.put(path, &body).await?.expect(&[200])?;
        read_has(target, path, expected).await?;
    }
    Ok(())
}

async fn by_filter(target: &Target, path: &str, pair: &[String; 2]) -> CheckResult {
    let [first, _] = pair;
    fill(target, path, pair).await?;
    target
        .patch(
            path,
            json!([{"op": "remove", "path": format!("members[value eq \"{first}\"]")}]),
        )
        .await?;
    read_has(target, path, &pair[1..]).await
}

async fn by_value(target: &Target, path: &str, pair: &[String; 2]) -> CheckResult {
    fill(target, path, pair).await?;
    let value = json!([{"$ref": null, "value": pair[1]}]);
    target
        .patch(
            path,
            json!([{"op": "Remove", "path": "members", "value": value}]),
        )
        .await?;
    read_has(target, path, &pair[..1]).await
}

async fn replace(target: &Target, path: &str, pair: &[String; 2]) -> CheckResult {
    for expected in [&pair[1..], &pair[..]] {
        target
            .patch(
                path,
                json!([{"op": "replace", "path": "members", "value": references(expected)}]),
            )
            .await?;
        read_has(target, path, expected).await?;
    }
    Ok(())
}

async fn clear(target: &Target, path: &str, pair: &[String; 2]) -> CheckResult {
    fill(target, path, pair).await?;
    target
        .patch(
            path,
            json!([{"op": "replace", "path": "members", "value": []}]),
        )
        .await?;
    read_has(target, path, &[]).await
}
