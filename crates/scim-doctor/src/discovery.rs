//! The discovery endpoints (RFC 7644, section 4).

use crate::body::{GROUP, USER};
use crate::check::{BOTH, Check, CheckResult, ENTRA, failure};
use crate::report::Report;
use crate::target::{Target, at};
use serde_json::Value;

const CONFIG: Check = Check {
    name: "ServiceProviderConfig",
    needed_by: BOTH,
    expected: "200 with patch, bulk, filter, changePassword, sort, etag, each with supported",
    why: "gallery reviews and many clients decide by it which features to use",
};
const PATCH: Check = Check {
    name: "PATCH is supported",
    needed_by: ENTRA,
    expected: "patch.supported is true",
    why: "Entra changes users and groups only by PATCH",
};
const TYPES: Check = Check {
    name: "ResourceTypes",
    needed_by: BOTH,
    expected: "200, a ListResponse with the endpoints /Users and /Groups",
    why: "read at the set-up of a gallery app, and by Okta's entitlement management",
};
const SCHEMAS: Check = Check {
    name: "Schemas",
    needed_by: BOTH,
    expected: "200, a ListResponse with the User and the Group schema, each with its attributes",
    why: "Entra offers these attributes for mapping; without the Group schema it pushes no groups",
};
const ONE_SCHEMA: Check = Check {
    name: "one schema by its id",
    needed_by: ENTRA,
    expected: "200 with the User schema",
    why: "gallery validation reads schemas one by one",
};

const FEATURES: [&str; 6] = ["patch", "bulk", "filter", "changePassword", "sort", "etag"];

/// Runs the checks of discovery.
pub(crate) async fn examine(target: &Target, report: &mut Report) {
    report.section("Discovery");
    report.run(&CONFIG, config(target)).await;
    report.run(&PATCH, patch_supported(target)).await;
    report.run(&TYPES, types(target)).await;
    report.run(&SCHEMAS, schemas(target)).await;
    report.run(&ONE_SCHEMA, one_schema(target)).await;
}

async fn read_config(target: &Target) -> CheckResult<Value> {
    let response = target.get("/ServiceProviderConfig").await?;
    response.message("urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig")
}

async fn config(target: &Target) -> CheckResult {
    let config = read_config(target).await?;
    match FEATURES
        .iter()
        .find(|feature| !config[**feature]["supported"].is_boolean())
    {
        Some(feature) => failure(format!(
            "{feature}.supported is {}",
            config[*feature]["supported"]
        )),
        None => Ok(()),
    }
}

async fn patch_supported(target: &Target) -> CheckResult {
    match &read_config(target).await?["patch"]["supported"] {
        Value::Bool(true) => Ok(()),
        other => failure(format!("patch.supported is {other}")),
    }
}

async fn types(target: &Target) -> CheckResult {
    let types = target.get("/ResourceTypes").await?.list()?.resources;
    for endpoint in ["/Users", "/Groups"] {
        let has_endpoint = |resource_type: &Value| {
            resource_type["endpoint"]
                .as_str()
                .is_some_and(|actual| actual.ends_with(endpoint))
        };
        if !types.iter().any(has_endpoint) {
            return failure(format!("no resource type whose endpoint is {endpoint}"));
        }
    }
    Ok(())
}

async fn schemas(target: &Target) -> CheckResult {
    let schemas = target.get("/Schemas").await?.list()?.resources;
    for urn in [USER, GROUP] {
        let Some(schema) = schemas.iter().find(|schema| schema["id"] == urn) else {
            return failure(format!("no schema {urn}"));
        };
        if schema["attributes"].as_array().is_none_or(Vec::is_empty) {
            return failure(format!("schema {urn} without attributes"));
        }
    }
    Ok(())
}

async fn one_schema(target: &Target) -> CheckResult {
    let schema = target.get(&at("/Schemas", USER)).await?.resource(200)?;
    if schema["id"] == USER {
        Ok(())
    } else {
        failure(format!("a schema whose id is {}", schema["id"]))
    }
}
