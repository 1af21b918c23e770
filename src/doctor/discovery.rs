//! What the server says of itself.

use super::body::{GROUP, USER};
use super::chart::Chart;
use super::check::{BOTH, Check, ENTRA, Verdict, fails};
use super::patient::{Patient, at};
use serde_json::Value;

const CONFIG: Check = Check {
    name: "ServiceProviderConfig",
    needed_by: BOTH,
    expected: "200 with patch, bulk, filter, changePassword, sort, etag, each saying whether it is supported",
    why: "gallery reviews and many other clients choose by it what they use",
};
const PATCHES: Check = Check {
    name: "PATCH is announced",
    needed_by: ENTRA,
    expected: "patch.supported is true",
    why: "Entra changes users and groups by PATCH only",
};
const TYPES: Check = Check {
    name: "ResourceTypes",
    needed_by: BOTH,
    expected: "200, a ListResponse with the endpoints /Users and /Groups",
    why: "read when an app of a gallery is set up, and by Okta's entitlement management",
};
const SCHEMAS: Check = Check {
    name: "Schemas",
    needed_by: BOTH,
    expected: "200, a ListResponse with the User and the Group schema, each with its attributes",
    why: "Entra offers for mapping what it finds here; without the Group schema it pushes no groups",
};
const ONE_SCHEMA: Check = Check {
    name: "one schema by its id",
    needed_by: ENTRA,
    expected: "200 with the User schema",
    why: "gallery validation reads schemas one by one",
};

const FEATURES: [&str; 6] = ["patch", "bulk", "filter", "changePassword", "sort", "etag"];

pub(super) async fn examine(patient: &Patient, chart: &mut Chart) {
    chart.section("Discovery");
    chart.run(&CONFIG, config(patient)).await;
    chart.run(&PATCHES, patches(patient)).await;
    chart.run(&TYPES, types(patient)).await;
    chart.run(&SCHEMAS, schemas(patient)).await;
    chart.run(&ONE_SCHEMA, one_schema(patient)).await;
}

async fn read_config(patient: &Patient) -> Verdict<Value> {
    let answer = patient.get("/ServiceProviderConfig").await?;
    answer.message("urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig")
}

async fn config(patient: &Patient) -> Verdict {
    let config = read_config(patient).await?;
    match FEATURES
        .iter()
        .find(|feature| !config[**feature]["supported"].is_boolean())
    {
        Some(feature) => fails(format!(
            "{feature}.supported is {}",
            config[*feature]["supported"]
        )),
        None => Ok(()),
    }
}

async fn patches(patient: &Patient) -> Verdict {
    match &read_config(patient).await?["patch"]["supported"] {
        Value::Bool(true) => Ok(()),
        other => fails(format!("patch.supported is {other}")),
    }
}

async fn types(patient: &Patient) -> Verdict {
    let types = patient.get("/ResourceTypes").await?.list()?.resources;
    for endpoint in ["/Users", "/Groups"] {
        let is_there = |kind: &Value| {
            kind["endpoint"]
                .as_str()
                .is_some_and(|there| there.ends_with(endpoint))
        };
        if !types.iter().any(is_there) {
            return fails(format!("no resource type whose endpoint is {endpoint}"));
        }
    }
    Ok(())
}

async fn schemas(patient: &Patient) -> Verdict {
    let schemas = patient.get("/Schemas").await?.list()?.resources;
    for urn in [USER, GROUP] {
        let Some(schema) = schemas.iter().find(|schema| schema["id"] == urn) else {
            return fails(format!("no schema {urn}"));
        };
        if schema["attributes"].as_array().is_none_or(Vec::is_empty) {
            return fails(format!("schema {urn} without attributes"));
        }
    }
    Ok(())
}

async fn one_schema(patient: &Patient) -> Verdict {
    let schema = patient.get(&at("/Schemas", USER)).await?.resource(200)?;
    if schema["id"] == USER {
        Ok(())
    } else {
        fails(format!("a schema whose id is {}", schema["id"]))
    }
}
