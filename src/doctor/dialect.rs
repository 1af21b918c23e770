//! Entra's ways of saying it.

use super::answer::{entry, shows};
use super::body::{ENTERPRISE, id};
use super::chart::Chart;
use super::check::{Check, ENTRA, Verdict, fails};
use super::patient::{Patient, at, encode};
use serde_json::{Value, json};

const CREATE: Check = Check {
    name: "create a user as Entra does",
    needed_by: ENTRA,
    expected: "201; meta, roles [] and an extension that is named without a value are taken",
    why: "every create of Entra looks so",
};
const EXTERNAL: Check = Check {
    name: "lookup by externalId",
    needed_by: ENTRA,
    expected: "exactly the user that was made",
    why: "the usual matching attribute beside userName",
};
const FALSE: Check = Check {
    name: "operation in capitals and \"False\" as text",
    needed_by: ENTRA,
    expected: "200 or 204 to Replace of active by \"False\"; the next read shows the boolean false",
    why: "so Entra disables users unless a flag is set; else they keep their access",
};
const TRUE: Check = Check {
    name: "\"True\" as text",
    needed_by: ENTRA,
    expected: "200 or 204; the next read shows the boolean true",
    why: "so Entra enables users",
};
const NEW_ENTRY: Check = Check {
    name: "Add at a value path that matches nothing",
    needed_by: ENTRA,
    expected: "phoneNumbers[type eq \"mobile\"].value makes the entry, with its type",
    why: "so Entra sets the first mobile number; a noTarget error comes back in every cycle",
};
const REPLACED_ENTRY: Check = Check {
    name: "Replace at a value path that matches nothing",
    needed_by: ENTRA,
    expected: "addresses[type eq \"work\"].formatted makes the entry, with its type",
    why: "Entra says Replace also where nothing is yet",
};
const CHANGED_ENTRY: Check = Check {
    name: "Replace at a value path that matches",
    needed_by: ENTRA,
    expected: "emails[type eq \"work\"].value changes that entry and makes no second one",
    why: "so Entra changes the work address",
};
const DOTTED: Check = Check {
    name: "dotted and URN keys in a PATCH without path",
    needed_by: ENTRA,
    expected: "name.givenName and the department of the enterprise extension are set",
    why: "so Entra sends several attributes with the flag aadOptscim062020",
};
const MANAGER: Check = Check {
    name: "manager as a string",
    needed_by: ENTRA,
    expected: "the next read shows manager.value",
    why: "Entra writes the bare id and reads the complex form; else it sends the manager in every cycle",
};
const NO_MANAGER: Check = Check {
    name: "manager cleared by an empty string",
    needed_by: ENTRA,
    expected: "the next read shows no manager",
    why: "so Entra takes a manager away",
};
const DELETE: Check = Check {
    name: "delete a user",
    needed_by: ENTRA,
    expected: "204; after that 404 with a SCIM error, and no lookup finds the user",
    why: "Entra deletes for good about 30 days after it has disabled",
};

pub(super) async fn examine(patient: &Patient, chart: &mut Chart, boss: Option<&str>) {
    chart.section("Entra's dialect");
    let Some(user) = chart.run(&CREATE, create(patient)).await else {
        return chart.give_up("no user was made");
    };
    let path = &at("/Users", &user);
    chart.run(&EXTERNAL, external(patient, &user)).await;
    chart.run(&FALSE, active(patient, path, "False")).await;
    chart.run(&TRUE, active(patient, path, "True")).await;
    chart
        .run(
            &NEW_ENTRY,
            value_path(
                patient,
                path,
                "Add",
                ["phoneNumbers", "mobile", "value", "+15550100"],
            ),
        )
        .await;
    let address = ["addresses", "work", "formatted", "1 Main Street"];
    chart
        .run(
            &REPLACED_ENTRY,
            value_path(patient, path, "Replace", address),
        )
        .await;
    let mail = patient.user_name("entra-new");
    chart
        .run(
            &CHANGED_ENTRY,
            value_path(patient, path, "Replace", ["emails", "work", "value", &mail]),
        )
        .await;
    chart.run(&DOTTED, dotted(patient, path)).await;
    if let Some(boss) = boss {
        chart.run(&MANAGER, manager(patient, path, boss)).await;
        chart.run(&NO_MANAGER, no_manager(patient, path)).await;
    }
    chart.run(&DELETE, delete(patient, &user)).await;
}

async fn create(patient: &Patient) -> Verdict<String> {
    let name = patient.user_name("entra");
    let user = patient
        .create("/Users", &patient.entra_user(&name))
        .await?
        .resource(201)?;
    shows(&user, "/userName", &json!(name))?;
    Ok(id(&user))
}

async fn external(patient: &Patient, user: &str) -> Verdict {
    let filter = encode(&format!("externalId eq \"{}\"", patient.name("entra")));
    let found = patient
        .get(&format!("/Users?filter={filter}"))
        .await?
        .list()?
        .only()?;
    if found["id"] == user {
        Ok(())
    } else {
        fails("another user than the one that was made")
    }
}

async fn active(patient: &Patient, path: &str, text: &str) -> Verdict {
    patient
        .patch(
            path,
            json!([{"op": "Replace", "path": "active", "value": text}]),
        )
        .await?;
    shows(
        &patient.read(path).await?,
        "/active",
        &json!(text == "True"),
    )
}

async fn value_path(
    patient: &Patient,
    path: &str,
    op: &str,
    [list, kind, part, value]: [&str; 4],
) -> Verdict {
    let target = format!("{list}[type eq \"{kind}\"].{part}");
    patient
        .patch(path, json!([{"op": op, "path": target, "value": value}]))
        .await?;
    let after = patient.read(path).await?;
    let entries = after[list].as_array().map_or(0, Vec::len);
    match entry(&after, list, kind) {
        Some(entry) if entry[part] == value && entries == 1 => Ok(()),
        Some(entry) if entry[part] == value => {
            fails(format!("{list} has {entries} entries, not one"))
        }
        Some(_) => fails(format!("{target} has not the new value")),
        None => fails(format!("{list} has no entry of type {kind}")),
    }
}

async fn dotted(patient: &Patient, path: &str) -> Verdict {
    let value = json!({"name.givenName": "Dotted", format!("{ENTERPRISE}:department"): "Care"});
    patient
        .patch(path, json!([{"op": "replace", "value": value}]))
        .await?;
    let after = patient.read(path).await?;
    shows(&after, "/name/givenName", &json!("Dotted"))?;
    shows(&after, "/name/familyName", &json!("Entra"))?;
    shows(&after, &format!("/{ENTERPRISE}/department"), &json!("Care"))
}

async fn manager(patient: &Patient, path: &str, boss: &str) -> Verdict {
    let target = format!("{ENTERPRISE}:manager");
    patient
        .patch(path, json!([{"op": "Add", "path": target, "value": boss}]))
        .await?;
    shows(
        &patient.read(path).await?,
        &format!("/{ENTERPRISE}/manager/value"),
        &json!(boss),
    )
}

async fn no_manager(patient: &Patient, path: &str) -> Verdict {
    let target = format!("{ENTERPRISE}:manager");
    patient
        .patch(
            path,
            json!([{"op": "Replace", "path": target, "value": ""}]),
        )
        .await?;
    match patient.read(path).await?[ENTERPRISE]["manager"]["value"] {
        Value::Null => Ok(()),
        _ => fails("manager.value is still there"),
    }
}

async fn delete(patient: &Patient, user: &str) -> Verdict {
    patient.delete("/Users", user).await?.expect(&[204])?;
    patient.get(&at("/Users", user)).await?.refused(404)?;
    patient
        .lookup("/Users", &patient.user_name("entra"))
        .await?
        .nothing()
}
