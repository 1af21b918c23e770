//! A group is pushed, renamed and deleted.

use super::answer::shows;
use super::body::{GROUP, id};
use super::chart::Chart;
use super::check::{BOTH, Check, ENTRA, OKTA, Verdict, fails, notes};
use super::member;
use super::patient::{Patient, at, encode};
use serde_json::{Value, json};

const CREATE: Check = Check {
    name: "create a group",
    needed_by: BOTH,
    expected: "201 with the whole group: id, displayName; members [] is taken",
    why: "groups are made empty and filled later",
};
const LOOKUP: Check = Check {
    name: "lookup of a group in other letter case",
    needed_by: BOTH,
    expected: "exactly the group that was made",
    why: "a group of that name is linked; what is not found is made again",
};
const ENTRA_CREATE: Check = Check {
    name: "create a group as Entra does",
    needed_by: ENTRA,
    expected: "201; the schema of Microsoft's own and the missing members do no harm",
    why: "Entra names a schema that nobody has",
};
const DUPLICATE: Check = Check {
    name: "create a second group of that name",
    needed_by: ENTRA,
    expected: "409 with a SCIM error",
    why: "Entra matches groups by name, and its validator tests this; RFC 7643 allows both",
};
const EXCLUDED: Check = Check {
    name: "excludedAttributes=members of one group",
    needed_by: ENTRA,
    expected: "200 without members",
    why: "Entra decides by this read; with a partial list it replaces the members, and the group shrinks",
};
const EXCLUDED_LIST: Check = Check {
    name: "excludedAttributes=members in a lookup",
    needed_by: ENTRA,
    expected: "200 with the group, without members",
    why: "every cycle of Entra asks so; with members the answers of large groups are large",
};
const RENAME: Check = Check {
    name: "rename that repeats the id",
    needed_by: OKTA,
    expected: "200 or 204; the id in the value is ignored, the members stay",
    why: "Okta sends it after every change of members, also when the name is the same",
};
const RENAME_AGAIN: Check = Check {
    name: "rename to the name it has",
    needed_by: OKTA,
    expected: "200 or 204: a group is no duplicate of itself",
    why: "Okta sends it after every change of members",
};
const DELETE: Check = Check {
    name: "delete a group",
    needed_by: BOTH,
    expected: "204; after that 404 with a SCIM error",
    why: "when the group is unlinked with deletion, or falls out of scope",
};

pub(super) async fn examine(patient: &Patient, chart: &mut Chart, user: &str) {
    chart.section("A group is pushed");
    let name = patient.name("group");
    let Some(group) = chart.run(&CREATE, create(patient, &name)).await else {
        return chart.give_up("no group was made");
    };
    let path = at("/Groups", &group);
    chart.run(&LOOKUP, lookup(patient, &name, &group)).await;
    chart.run(&ENTRA_CREATE, entra_create(patient)).await;
    chart.run(&DUPLICATE, duplicate(patient, &name)).await;
    let pair = member::examine(patient, chart, &path, user).await;
    chart.section("A group is read and renamed");
    if let Some(pair) = pair {
        chart.run(&EXCLUDED, excluded(patient, &path, &pair)).await;
        chart
            .run(&EXCLUDED_LIST, excluded_list(patient, &name))
            .await;
        chart.run(&RENAME, rename(patient, &group, &pair)).await;
        chart
            .run(&RENAME_AGAIN, rename(patient, &group, &pair))
            .await;
    }
    chart.run(&DELETE, delete(patient, &group)).await;
}

async fn create(patient: &Patient, name: &str) -> Verdict<String> {
    let body = json!({"schemas": [GROUP], "displayName": name, "members": []});
    let group = patient.create("/Groups", &body).await?.resource(201)?;
    shows(&group, "/displayName", &json!(name))?;
    Ok(id(&group))
}

async fn lookup(patient: &Patient, name: &str, group: &str) -> Verdict {
    let found = patient
        .lookup("/Groups", &name.to_uppercase())
        .await?
        .only()?;
    if found["id"] == group {
        Ok(())
    } else {
        fails("another group than the one that was made")
    }
}

async fn entra_create(patient: &Patient) -> Verdict {
    let body = json!({
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": patient.name("entra-group"),
        "displayName": patient.name("entra-group"),
        "meta": {"resourceType": "Group"},
    });
    patient.create("/Groups", &body).await?.resource(201)?;
    Ok(())
}

async fn duplicate(patient: &Patient, name: &str) -> Verdict {
    let body = json!({"schemas": [GROUP], "displayName": name});
    let answer = patient.create("/Groups", &body).await?;
    if answer.status == 201 {
        // The second one must not confuse the lookups to come.
        let second = answer.resource(201)?;
        patient.delete("/Groups", &id(&second)).await?;
        return notes("201: there can be two groups of one name");
    }
    answer.refused(409)?;
    Ok(())
}

async fn excluded(patient: &Patient, path: &str, pair: &[String; 2]) -> Verdict {
    // On a group without members every server would pass.
    member::fill(patient, path, pair).await?;
    without_members(
        &patient
            .read(&format!("{path}?excludedAttributes=members"))
            .await?,
    )
}

async fn excluded_list(patient: &Patient, name: &str) -> Verdict {
    let filter = encode(&format!("displayName eq \"{name}\""));
    let answer = patient
        .get(&format!(
            "/Groups?excludedAttributes=members&filter={filter}"
        ))
        .await?;
    without_members(&answer.list()?.only()?)
}

fn without_members(group: &Value) -> Verdict {
    match &group["members"] {
        Value::Null => Ok(()),
        Value::Array(members) => fails(format!("{} members", members.len())),
        _ => fails("an attribute members"),
    }
}

async fn rename(patient: &Patient, group: &str, pair: &[String; 2]) -> Verdict {
    let (path, name) = (at("/Groups", group), patient.name("renamed"));
    member::fill(patient, &path, pair).await?;
    let value = json!({"id": group, "displayName": name});
    patient
        .patch(&path, json!([{"op": "replace", "value": value}]))
        .await?;
    let after = patient.read(&path).await?;
    shows(&after, "/displayName", &json!(name))?;
    member::are(&after, pair)
}

async fn delete(patient: &Patient, group: &str) -> Verdict {
    patient.delete("/Groups", group).await?.expect(&[204])?;
    patient.get(&at("/Groups", group)).await?.refused(404)?;
    Ok(())
}
