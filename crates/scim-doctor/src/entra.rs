//! Creates, changes and deletes a user in the dialect of Entra.

use crate::body::{ENTERPRISE, id};
use crate::check::{Check, CheckResult, ENTRA, failure};
use crate::report::Report;
use crate::response::{entry, has_value};
use crate::target::{Target, at, encode};
use serde_json::{Value, json};

const CREATE: Check = Check {
    name: "create a user as Entra does",
    needed_by: ENTRA,
    expected: "201; meta, roles [] and an extension in schemas without an object are accepted",
    why: "Entra sends these with every create",
};
const EXTERNAL: Check = Check {
    name: "lookup by externalId",
    needed_by: ENTRA,
    expected: "exactly the created user",
    why: "the usual matching attribute besides userName",
};
const FALSE: Check = Check {
    name: "operation in capitals and \"False\" as text",
    needed_by: ENTRA,
    expected: "200 or 204 to Replace of active by \"False\"; the next read shows the boolean false",
    why: "Entra disables users like this unless a flag is set; if it fails, they keep their access",
};
const TRUE: Check = Check {
    name: "\"True\" as text",
    needed_by: ENTRA,
    expected: "200 or 204; the next read shows the boolean true",
    why: "Entra enables users like this",
};
const NEW_ENTRY: Check = Check {
    name: "Add at a value path that matches nothing",
    needed_by: ENTRA,
    expected: "phoneNumbers[type eq \"mobile\"].value creates the value with its type",
    why: "Entra sets the first mobile number like this; a noTarget error repeats in every cycle",
};
const REPLACED_ENTRY: Check = Check {
    name: "Replace at a value path that matches nothing",
    needed_by: ENTRA,
    expected: "addresses[type eq \"work\"].formatted creates the value with its type",
    why: "Entra sends Replace also for an attribute without a value",
};
const CHANGED_ENTRY: Check = Check {
    name: "Replace at a value path that matches",
    needed_by: ENTRA,
    expected: "emails[type eq \"work\"].value changes that value and creates no second one",
    why: "Entra changes the work address like this",
};
const DOTTED: Check = Check {
    name: "dotted and URN keys in a PATCH without path",
    needed_by: ENTRA,
    expected: "name.givenName and the department of the enterprise extension are set",
    why: "Entra sends several attributes like this with the flag aadOptscim062020",
};
const MANAGER: Check = Check {
    name: "manager as a string",
    needed_by: ENTRA,
    expected: "the next read shows manager.value",
    why: "Entra writes the id alone and reads the complex value; otherwise it sends the manager in every cycle",
};
const NO_MANAGER: Check = Check {
    name: "manager cleared by an empty string",
    needed_by: ENTRA,
    expected: "the next read shows no manager",
    why: "Entra removes a manager like this",
};
const DELETE: Check = Check {
    name: "delete a user",
    needed_by: ENTRA,
    expected: "204; after that 404 with a SCIM error, and the lookup does not find the user",
    why: "Entra deletes a user about 30 days after it has disabled the user",
};

/// Runs the checks of requests as Entra sends them.
pub(crate) async fn examine(target: &Target, report: &mut Report, manager_id: Option<&str>) {
    report.section("Entra's dialect");
    let Some(user) = report.run(&CREATE, create(target)).await else {
        return report.skip_rest("the user could not be created");
    };
    let path = &at("/Users", &user);
    report.run(&EXTERNAL, external(target, &user)).await;
    report.run(&FALSE, active(target, path, "False")).await;
    report.run(&TRUE, active(target, path, "True")).await;
    report
        .run(
            &NEW_ENTRY,
            value_path(
                target,
                path,
                "Add",
                ["phoneNumbers", "mobile", "value", "+15550100"],
            ),
        )
        .await;
    let address = ["addresses", "work", "formatted", "1 Main Street"];
    report
        .run(
            &REPLACED_ENTRY,
            value_path(target, path, "Replace", address),
        )
        .await;
    let mail = target.user_name("entra-new");
    report
        .run(
            &CHANGED_ENTRY,
            value_path(target, path, "Replace", ["emails", "work", "value", &mail]),
        )
        .await;
    report.run(&DOTTED, dotted(target, path)).await;
    if let Some(manager_id) = manager_id {
        report
            .run(&MANAGER, manager(target, path, manager_id))
            .await;
        report.run(&NO_MANAGER, no_manager(target, path)).await;
    }
    report.run(&DELETE, delete(target, &user)).await;
}

async fn create(target: &Target) -> CheckResult<String> {
    let name = target.user_name("entra");
    let user = target
        .create("/Users", &target.entra_user(&name))
        .await?
        .resource(201)?;
    has_value(&user, "/userName", &json!(name))?;
    Ok(id(&user))
}

async fn external(target: &Target, user: &str) -> CheckResult {
    let filter = encode(&format!("externalId eq \"{}\"", target.name("entra")));
    let found = target
        .get(&format!("/Users?filter={filter}"))
        .await?
        .list()?
        .single()?;
    if found["id"] == user {
        Ok(())
    } else {
        failure("another user")
    }
}

async fn active(target: &Target, path: &str, text: &str) -> CheckResult {
    target
        .patch(
            path,
            json!([{"op": "Replace", "path": "active", "value": text}]),
        )
        .await?;
    has_value(&target.read(path).await?, "/active", &json!(text == "True"))
}

async fn value_path(
    target: &Target,
    path: &str,
    op: &str,
    [attribute, value_type, sub_attribute, value]: [&str; 4],
) -> CheckResult {
    let value_path = format!("{attribute}[type eq \"{value_type}\"].{sub_attribute}");
    target
        .patch(
            path,
            json!([{"op": op, "path": value_path, "value": value}]),
        )
        .await?;
    let after = target.read(path).await?;
    let entries = after[attribute].as_array().map_or(0, Vec::len);
    match entry(&after, attribute, value_type) {
        Some(entry) if entry[sub_attribute] == value && entries == 1 => Ok(()),
        Some(entry) if entry[sub_attribute] == value => {
            failure(format!("{attribute} has {entries} values, not one"))
        }
        Some(_) => failure(format!("{value_path} does not have the new value")),
        None => failure(format!("{attribute} has no value of type {value_type}")),
    }
}

async fn dotted(target: &Target, path: &str) -> CheckResult {
    let value = json!({"name.givenName": "Dotted", format!("{ENTERPRISE}:department"): "Care"});
    target
        .patch(path, json!([{"op": "replace", "value": value}]))
        .await?;
    let after = target.read(path).await?;
    has_value(&after, "/name/givenName", &json!("Dotted"))?;
    has_value(&after, "/name/familyName", &json!("Entra"))?;
    has_value(&after, &format!("/{ENTERPRISE}/department"), &json!("Care"))
}

async fn manager(target: &Target, path: &str, manager_id: &str) -> CheckResult {
    let value_path = format!("{ENTERPRISE}:manager");
    target
        .patch(
            path,
            json!([{"op": "Add", "path": value_path, "value": manager_id}]),
        )
        .await?;
    has_value(
        &target.read(path).await?,
        &format!("/{ENTERPRISE}/manager/value"),
        &json!(manager_id),
    )
}

async fn no_manager(target: &Target, path: &str) -> CheckResult {
    let value_path = format!("{ENTERPRISE}:manager");
    target
        .patch(
            path,
            json!([{"op": "Replace", "path": value_path, "value": ""}]),
        )
        .await?;
    match target.read(path).await?[ENTERPRISE]["manager"]["value"] {
        Value::Null => Ok(()),
        _ => failure("manager.value is still there"),
    }
}

async fn delete(target: &Target, user: &str) -> CheckResult {
    target.delete("/Users", user).await?.expect(&[204])?;
    target.get(&at("/Users", user)).await?.scim_error(404)?;
    target
        .lookup("/Users", &target.user_name("entra"))
        .await?
        .empty()
}
