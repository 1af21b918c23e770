//! Pushes, reads, renames and deletes a group.

use crate::body::{GROUP, id};
use crate::check::{BOTH, Check, CheckResult, ENTRA, OKTA, failure, note};
use crate::member;
use crate::report::Report;
use crate::response::has_value;
use crate::target::{Target, at, encode};
use serde_json::{Value, json};

const CREATE: Check = Check {
    name: "create a group",
    needed_by: BOTH,
    expected: "201 with the complete group: id, displayName; members [] is accepted",
    why: "groups are created without members, which are added later",
};
const LOOKUP: Check = Check {
    name: "lookup of a group in other letter case",
    needed_by: BOTH,
    expected: "exactly the created group",
    why: "an existing group with this name is linked; a group that is not found is created again",
};
const ENTRA_CREATE: Check = Check {
    name: "create a group as Entra does",
    needed_by: ENTRA,
    expected: "201; a schema of Microsoft and a body without members are accepted",
    why: "Entra names a schema that no server has",
};
const DUPLICATE: Check = Check {
    name: "create a second group with the same name",
    needed_by: ENTRA,
    expected: "409 with a SCIM error",
    why: "Entra matches groups by name, and its validator tests this; RFC 7643 allows both",
};
const EXCLUDED: Check = Check {
    name: "excludedAttributes=members of one group",
    needed_by: ENTRA,
    expected: "200 without members",
    why: "Entra decides by this response; with a partial list it replaces the members, and members are lost",
};
const EXCLUDED_LIST: Check = Check {
    name: "excludedAttributes=members in a lookup",
    needed_by: ENTRA,
    expected: "200 with the group, without members",
    why: "Entra sends it in every cycle; with members the responses for large groups are large",
};
const RENAME: Check = Check {
    name: "rename that repeats the id",
    needed_by: OKTA,
    expected: "200 or 204; the id in the value is ignored, the members stay",
    why: "Okta sends it after every change of members, also when the name is the same",
};
const RENAME_AGAIN: Check = Check {
    name: "rename to the current name",
    needed_by: OKTA,
    expected: "200 or 204: a group is not a duplicate of itself",
    why: "Okta sends it after every change of members",
};
const DELETE: Check = Check {
    name: "delete a group",
    needed_by: BOTH,
    expected: "204; after that 404 with a SCIM error",
    why: "sent when the group is unlinked with deletion, or leaves the scope",
};

/// Runs the checks of groups.
pub(crate) async fn examine(target: &Target, report: &mut Report, user: &str) {
    report.section("Group push");
    let name = target.name("group");
    let Some(group) = report.run(&CREATE, create(target, &name)).await else {
        return report.skip_rest("the group could not be created");
    };
    let path = at("/Groups", &group);
    report.run(&LOOKUP, lookup(target, &name, &group)).await;
    report.run(&ENTRA_CREATE, entra_create(target)).await;
    report.run(&DUPLICATE, duplicate(target, &name)).await;
    let members = member::examine(target, report, &path, user).await;
    report.section("Group read and rename");
    if let Some(members) = members {
        report
            .run(&EXCLUDED, excluded(target, &path, &members))
            .await;
        report
            .run(&EXCLUDED_LIST, excluded_list(target, &name))
            .await;
        report.run(&RENAME, rename(target, &group, &members)).await;
        report
            .run(&RENAME_AGAIN, rename(target, &group, &members))
            .await;
    }
    report.run(&DELETE, delete(target, &group)).await;
}

async fn create(target: &Target, name: &str) -> CheckResult<String> {
    let body = json!({"schemas": [GROUP], "displayName": name, "members": []});
    let group = target.create("/Groups", &body).await?.resource(201)?;
    has_value(&group, "/displayName", &json!(name))?;
    Ok(id(&group))
}

async fn lookup(target: &Target, name: &str, group: &str) -> CheckResult {
    let found = target
        .lookup("/Groups", &name.to_uppercase())
        .await?
        .single()?;
    if found["id"] == group {
        Ok(())
    } else {
        failure("another group")
    }
}

async fn entra_create(target: &Target) -> CheckResult {
    let body = json!({
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": target.name("entra-group"),
        "displayName": target.name("entra-group"),
        "meta": {"resourceType": "Group"},
    });
    target.create("/Groups", &body).await?.resource(201)?;
    Ok(())
}

async fn duplicate(target: &Target, name: &str) -> CheckResult {
    let body = json!({"schemas": [GROUP], "displayName": name});
    let response = target.create("/Groups", &body).await?;
    if response.status == 201 {
        // Later lookups must find one group only.
        let second = response.resource(201)?;
        target.delete("/Groups", &id(&second)).await?;
        return note("201: two groups can have the same name");
    }
    response.scim_error(409)?;
    Ok(())
}

async fn excluded(target: &Target, path: &str, members: &[String; 2]) -> CheckResult {
    // With an empty group, the check would succeed on any server.
    member::fill(target, path, members).await?;
    without_members(
        &target
            .read(&format!("{path}?excludedAttributes=members"))
            .await?,
    )
}

async fn excluded_list(target: &Target, name: &str) -> CheckResult {
    let filter = encode(&format!("displayName eq \"{name}\""));
    let response = target
        .get(&format!(
            "/Groups?excludedAttributes=members&filter={filter}"
        ))
        .await?;
    without_members(&response.list()?.single()?)
}

fn without_members(group: &Value) -> CheckResult {
    match &group["members"] {
        Value::Null => Ok(()),
        Value::Array(members) => failure(format!("{} members", members.len())),
        _ => failure("members that is not an array"),
    }
}

async fn rename(target: &Target, group: &str, members: &[String; 2]) -> CheckResult {
    let (path, name) = (at("/Groups", group), target.name("renamed"));
    member::fill(target, &path, members).await?;
    let value = json!({"id": group, "displayName": name});
    target
        .patch(&path, json!([{"op": "replace", "value": value}]))
        .await?;
    let after = target.read(&path).await?;
    has_value(&after, "/displayName", &json!(name))?;
    member::has_exactly(&after, members)
}

async fn delete(target: &Target, group: &str) -> CheckResult {
    target.delete("/Groups", group).await?.expect(&[204])?;
    target.get(&at("/Groups", group)).await?.scim_error(404)?;
    Ok(())
}
