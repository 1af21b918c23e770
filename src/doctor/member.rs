//! Members come and go, in every form in which they are sent.

use super::body::{GROUP, references};
use super::chart::Chart;
use super::check::{BOTH, Check, ENTRA, OKTA, Verdict, fails};
use super::patient::{Patient, at};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SECOND: Check = Check {
    name: "create a second user",
    needed_by: BOTH,
    expected: "201 with the whole user",
    why: "a group of one shows little",
};
const ADD: Check = Check {
    name: "add members",
    needed_by: BOTH,
    expected: "200 or 204, and the next read shows them beside those of before",
    why: "so both push memberships",
};
const NULL_REF: Check = Check {
    name: "add a member with \"$ref\": null",
    needed_by: ENTRA,
    expected: "200 or 204, and the next read shows the member",
    why: "Entra sends it with every member",
};
const SEEN: Check = Check {
    name: "the user names the group",
    needed_by: BOTH,
    expected: "groups of the user holds the group",
    why: "applications and admins read it there; it follows from the members",
};
const PUT: Check = Check {
    name: "PUT of a group with members",
    needed_by: OKTA,
    expected: "200, and the next read shows exactly these; \"display\": null does no harm",
    why: "custom apps of Okta send the whole list with every change",
};
const BY_FILTER: Check = Check {
    name: "remove a member by filter",
    needed_by: BOTH,
    expected: "members[value eq \"...\"] takes that member away and no other",
    why: "Okta removes so, and Entra with its flag",
};
const BY_VALUE: Check = Check {
    name: "remove a member by a list of values",
    needed_by: ENTRA,
    expected: "path members with a value takes that member away and no other",
    why: "Entra removes so; some servers then empty the group",
};
const REPLACE: Check = Check {
    name: "replace members",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows exactly these",
    why: "Push now of Okta sends the whole list",
};
const CLEAR: Check = Check {
    name: "replace members by nothing",
    needed_by: OKTA,
    expected: "200 or 204, and the next read shows no members",
    why: "Push now of Okta for a group that has become empty",
};

/// Gives the ids of the two members, if there are two.
pub(super) async fn examine(
    patient: &Patient,
    chart: &mut Chart,
    path: &str,
    user: &str,
) -> Option<[String; 2]> {
    chart.section("Members come and go");
    let Some(second) = chart.run(&SECOND, patient.person("second")).await else {
        chart.give_up("no second user was made");
        return None;
    };
    let pair = [user.to_owned(), second];
    chart.run(&ADD, add(patient, path, &pair)).await;
    chart.run(&SEEN, seen(patient, path, &pair)).await;
    chart.run(&NULL_REF, null_ref(patient, path, &pair)).await;
    chart.run(&PUT, put(patient, path, &pair)).await;
    chart.run(&BY_FILTER, by_filter(patient, path, &pair)).await;
    chart.run(&BY_VALUE, by_value(patient, path, &pair)).await;
    chart.run(&REPLACE, replace(patient, path, &pair)).await;
    chart.run(&CLEAR, clear(patient, path, &pair)).await;
    Some(pair)
}

/// The ids of the members of a group.
pub(super) fn members(group: &Value) -> BTreeSet<&str> {
    group["members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|member| member["value"].as_str())
        .collect()
}

/// Whether a group has exactly these members.
pub(super) fn are(group: &Value, wanted: &[String]) -> Verdict {
    let (there, wanted) = (
        members(group),
        wanted.iter().map(String::as_str).collect::<BTreeSet<_>>(),
    );
    let missing = wanted.difference(&there).count();
    match (missing, there.difference(&wanted).count()) {
        (0, 0) => Ok(()),
        (0, more) => fails(format!("{more} members that should not be there")),
        (missing, more) => fails(format!(
            "{missing} of {} members missing, {more} too many",
            wanted.len()
        )),
    }
}

async fn has(patient: &Patient, path: &str, wanted: &[String]) -> Verdict {
    are(&patient.read(path).await?, wanted)
}

/// Puts both into the group, one by one, in the way that most servers know.
pub(super) async fn fill(patient: &Patient, path: &str, pair: &[String; 2]) -> Verdict {
    for one in pair {
        patient
            .patch(
                path,
                json!([{"op": "add", "path": "members", "value": [{"value": one}]}]),
            )
            .await?;
    }
    has(patient, path, pair).await
}

async fn add(patient: &Patient, path: &str, pair: &[String; 2]) -> Verdict {
    fill(patient, path, pair).await
}

async fn seen(patient: &Patient, path: &str, [user, _]: &[String; 2]) -> Verdict {
    let group = patient.read(path).await?;
    let there = patient.read(&at("/Users", user)).await?;
    let named = there["groups"]
        .as_array()
        .is_some_and(|list| list.iter().any(|one| one["value"] == group["id"]));
    if named {
        Ok(())
    } else {
        fails("groups of the user does not hold the group")
    }
}

async fn null_ref(patient: &Patient, path: &str, pair: &[String; 2]) -> Verdict {
    let [_, second] = pair;
    let member = format!("members[value eq \"{second}\"]");
    patient
        .patch(path, json!([{"op": "remove", "path": member}]))
        .await?;
    let value = json!([{"$ref": null, "value": second}]);
    patient
        .patch(
            path,
            json!([{"op": "Add", "path": "members", "value": value}]),
        )
        .await?;
    has(patient, path, pair).await
}

async fn put(patient: &Patient, path: &str, pair: &[String; 2]) -> Verdict {
    let group = patient.read(path).await?;
    for wanted in [&pair[..1], &pair[..]] {
        let members: Vec<_> = wanted
            .iter()
            .map(|id| json!({"value": id, "display": null}))
            .collect();
        let (id, name) = (&group["id"], &group["displayName"]);
        let body = json!({"schemas": [GROUP], "id": id, "displayName": name, "members": members});
        patient.put(path, &body).await?.expect(&[200])?;
        has(patient, path, wanted).await?;
    }
    Ok(())
}

async fn by_filter(patient: &Patient, path: &str, pair: &[String; 2]) -> Verdict {
    let [first, _] = pair;
    fill(patient, path, pair).await?;
    patient
        .patch(
            path,
            json!([{"op": "remove", "path": format!("members[value eq \"{first}\"]")}]),
        )
        .await?;
    has(patient, path, &pair[1..]).await
}

async fn by_value(patient: &Patient, path: &str, pair: &[String; 2]) -> Verdict {
    fill(patient, path, pair).await?;
    let value = json!([{"$ref": null, "value": pair[1]}]);
    patient
        .patch(
            path,
            json!([{"op": "Remove", "path": "members", "value": value}]),
        )
        .await?;
    has(patient, path, &pair[..1]).await
}

async fn replace(patient: &Patient, path: &str, pair: &[String; 2]) -> Verdict {
    for wanted in [&pair[1..], &pair[..]] {
        patient
            .patch(
                path,
                json!([{"op": "replace", "path": "members", "value": references(wanted)}]),
            )
            .await?;
        has(patient, path, wanted).await?;
    }
    Ok(())
}

async fn clear(patient: &Patient, path: &str, pair: &[String; 2]) -> Verdict {
    fill(patient, path, pair).await?;
    patient
        .patch(
            path,
            json!([{"op": "replace", "path": "members", "value": []}]),
        )
        .await?;
    has(patient, path, &[]).await
}
