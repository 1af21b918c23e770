//! Tenants.

use crate::admin_api::app::Api;
use crate::admin_api::call::{Call, JsonReply, Reply, fault};
use crate::admin_api::operation::{
    AFTER, BASE, Body, CURSOR, LIMIT, Method, Operation, Parameter, ParameterKind, RequiredAccess,
};
use crate::admin_api::problem::{FieldError, Problem, ProblemType, Result};
use crate::operator::{
    TenantUrls, deleted_tenant_as_json, request_as_json, tenant_as_json, token_as_json,
};
use crate::resource::Conformance;
use crate::store::{
    Health, LoggedRequest, OperatorScope, PasswordPolicy, PutWithoutMembers, Status, TenantChange,
    TenantInfo, TenantOrder, TenantPage, TenantPlace, TenantQuery, UsernameFormat,
};
use serde_json::{Map, Value, json};

const READ: RequiredAccess = RequiredAccess::Scope(OperatorScope::TenantsRead);
const WRITE: RequiredAccess = RequiredAccess::Scope(OperatorScope::TenantsWrite);

/// The operations for tenants.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "listTenants",
        method: Method::Get,
        path: "/tenants",
        access: READ,
        summary: "The tenants.",
        details: "A limited operator token lists only its own tenants. The order -lastRequest is latest request first; attention is failing tenants, then those with a token that expires soon, then silent ones, then all others; -users is most active users first, as counted at the latest request. While pages are read, tenants whose position changes can be missing, or appear twice with attention.",
        query: &[
            Parameter {
                name: "search",
                kind: ParameterKind::Text,
                summary: "The beginning of name, display name or reference; letter case does not count.",
            },
            Parameter {
                name: "contains",
                kind: ParameterKind::Text,
                summary: "A part of the name; letter case does not count.",
            },
            Parameter {
                name: "status",
                kind: ParameterKind::Word(Status::KEYWORDS),
                summary: "Only active, or only suspended tenants.",
            },
            Parameter {
                name: "health",
                kind: ParameterKind::Word(Health::KEYWORDS),
                summary: "Only tenants with this health.",
            },
            Parameter {
                name: "sort",
                kind: ParameterKind::Word(TenantOrder::KEYWORDS),
                summary: "The order; by name if not given.",
            },
            LIMIT,
            CURSOR,
            AFTER,
            Parameter {
                name: "total",
                kind: ParameterKind::Flag,
                summary: "Whether the response has the total number of matches.",
            },
        ],
        body: Body::Empty,
        answer: (200, Some("TenantPage")),
        problems: &[],
        check: Some(|call| Box::pin(async { Ok(check_order(call)) })),
        handle: |call| Box::pin(list(call)),
    },
    Operation {
        id: "createTenant",
        method: Method::Post,
        path: "/tenants",
        access: WRITE,
        summary: "Creates a tenant.",
        details: "Send an Idempotency-Key: if the response is lost, the same request returns it again.",
        query: &[],
        body: Body::Json("TenantCreate"),
        answer: (201, Some("Tenant")),
        problems: &[ProblemType::TenantExists],
        check: None,
        handle: |call| Box::pin(create(call)),
    },
    Operation {
        id: "getTenant",
        method: Method::Get,
        path: "/tenants/{tenant}",
        access: READ,
        summary: "One tenant, with its latest request and the tokens that expire soon.",
        details: "",
        query: &[],
        body: Body::Empty,
        answer: (200, Some("Tenant")),
        problems: &[],
        check: None,
        handle: |call| Box::pin(get(call)),
    },
    Operation {
        id: "changeTenant",
        method: Method::Patch,
        path: "/tenants/{tenant}",
        access: WRITE,
        summary: "Changes settings of a tenant, by a merge patch (RFC 7396).",
        details: "With If-Match the change is made only if the tenant still has that ETag.",
        query: &[],
        body: Body::MergePatch("TenantChange"),
        answer: (200, Some("Tenant")),
        problems: &[ProblemType::PreconditionFailed, ProblemType::Conflict],
        check: None,
        handle: |call| Box::pin(change(call)),
    },
    Operation {
        id: "deleteTenant",
        method: Method::Delete,
        path: "/tenants/{tenant}",
        access: WRITE,
        summary: "Deletes a tenant with its users, groups, tokens and logs.",
        details: "The parameter confirm must be the name of the tenant.",
        query: &[Parameter {
            name: "confirm",
            kind: ParameterKind::Text,
            summary: "The name of the tenant, as confirmation.",
        }],
        body: Body::Empty,
        answer: (200, Some("TenantDeleted")),
        problems: &[ProblemType::ConfirmMissing, ProblemType::PreconditionFailed],
        check: None,
        handle: |call| Box::pin(delete(call)),
    },
    Operation {
        id: "getCompliance",
        method: Method::Get,
        path: "/tenants/{tenant}/compliance",
        access: READ,
        summary: "How many stored resources of a tenant do not comply with its rules.",
        details: "Rules are required attributes of schemas and the format of userName, which can be newer than a resource. All resources are read.",
        query: &[],
        body: Body::Empty,
        answer: (200, Some("Compliance")),
        problems: &[],
        check: None,
        handle: |call| Box::pin(compliance(call)),
    },
];

/// A tenant in JSON.
fn shown(api: &Api, info: &TenantInfo) -> Value {
    let server = &api.config.server;
    let base_url = &api.settings.scim_url;
    let urls = TenantUrls::of(info, base_url, &server.base_path, server.tenant_paths);
    tenant_as_json(info, &urls)
}

fn order(call: &Call) -> Option<TenantOrder> {
    call.parameter("sort").and_then(TenantOrder::from_keyword)
}

fn check_order(call: &Call) -> Vec<FieldError> {
    let is_by_name = order(call).is_none_or(|order| order == TenantOrder::Name);
    if is_by_name || call.parameter("after").is_none() {
        return Vec::new();
    }
    let detail = "A list begins behind a name only in the order of names.";
    vec![fault("after", detail)]
}

async fn list(call: Call) -> Result<Reply> {
    let order = order(&call);
    let after = call.parameter("after").map(str::to_owned);
    let after = after.map(TenantPlace::of_name);
    let query = TenantQuery {
        order,
        after: call.place()?.as_ref().and_then(place_of).or(after),
        search: call.parameter("contains").map(str::to_ascii_lowercase),
        prefix: call.parameter("search").map(str::to_lowercase),
        status: call.parameter("status").and_then(Status::from_keyword),
        health: call.parameter("health").and_then(Health::from_keyword),
        among: call.tenants().map(<[String]>::to_vec),
        limit: call.limit(),
    };
    let TenantPage { tenants, next } = call.operator.tenants(&query).await?;
    let items: Vec<_> = tenants.iter().map(|info| shown(&call.api, info)).collect();
    let next = next.map(|place| json!([place.part, place.figure, place.tenant, place.name]));
    let mut page = call.page(&items, next.as_ref())?;
    if call.is_set("total") {
        page.body["total"] = call.operator.count_tenants(&query).await?.into();
    }
    Ok(Reply::Json(page))
}

fn place_of(place: &Value) -> Option<TenantPlace> {
    let [part, figure, tenant, name] = place.as_array()?.as_slice() else {
        return None;
    };
    Some(TenantPlace {
        part: part.as_i64()?,
        figure: figure.as_i64()?,
        tenant: tenant.as_i64()?,
        name: name.as_str()?.to_owned(),
    })
}

/// Settings in a validated body.
fn settings(body: &Map<String, Value>) -> TenantChange {
    let word = |name: &str| body.get(name).and_then(Value::as_str);
    let text = |name: &str| {
        let value = body.get(name)?;
        Some(value.as_str().map(str::to_owned))
    };
    TenantChange {
        status: word("status").and_then(Status::from_keyword),
        conformance: word("conformance").and_then(Conformance::from_keyword),
        username_format: word("usernameFormat").and_then(UsernameFormat::from_keyword),
        unique_group_names: body.get("uniqueGroupNames").and_then(Value::as_bool),
        password_policy: word("passwordPolicy").and_then(PasswordPolicy::from_keyword),
        put_without_members: word("putWithoutMembers").and_then(PutWithoutMembers::from_keyword),
        base_url: text("baseUrl"),
        seats: body.get("seats").map(Value::as_i64),
        bodies_until: None,
        support: text("support"),
        display_name: text("displayName"),
        reference: text("reference"),
    }
}

async fn create(call: Call) -> Result<Reply> {
    if call.tenants().is_some() {
        return Err(Problem::new(
            ProblemType::ScopeMissing,
            403,
            "The operator token is limited to some tenants: it cannot create one.",
        ));
    }
    let created = |info: &TenantInfo| JsonReply {
        location: Some(format!("{BASE}/tenants/{}", info.settings.name)),
        ..JsonReply::new(201, fresh(&call.api, info)).tagged(info.settings.revision)
    };
    let answer = |info: &TenantInfo| created(info).kept();
    let once = call.keeping(&answer);
    let name = call.text("name").unwrap_or_default();
    let settings = settings(&call.body);
    let info = call.operator.create_tenant_once(name, &settings, once);
    Ok(Reply::Json(created(&info.await?)))
}

/// A new tenant, without tokens and requests.
fn fresh(api: &Api, info: &TenantInfo) -> Value {
    let mut whole = shown(api, info);
    whole["lastRequest"] = Value::Null;
    whole["expiringTokens"] = Value::Array(Vec::new());
    whole
}

/// A tenant with its status information.
async fn whole(call: &Call, info: &TenantInfo) -> Result<JsonReply> {
    let name = &info.settings.name;
    let now = call.operator.clock().now();
    let warn_days = call.api.config.tokens.warn_days;
    let mut ending = call.operator.ending_tokens(Some(name), warn_days);
    let mut tokens = Vec::new();
    while let Some(token) = ending.next().await? {
        tokens.push(token_as_json(&token, "expiring", now));
    }
    let last = call.operator.last_request(name).await?;
    let mut whole = shown(&call.api, info);
    // Bodies are read with the scope of the log.
    let last = last.map(|request| LoggedRequest {
        body: None,
        ..request
    });
    whole["lastRequest"] = last.map(|request| request_as_json(name, &request)).into();
    whole["expiringTokens"] = tokens.into();
    Ok(JsonReply::new(200, whole).tagged(info.settings.revision))
}

async fn get(call: Call) -> Result<Reply> {
    let info = call.operator.tenant(call.tenant()).await?;
    Ok(Reply::Json(whole(&call, &info).await?))
}

async fn change(call: Call) -> Result<Reply> {
    let expected = call.expected_revision()?;
    let info = call
        .operator
        .change_tenant_from(call.tenant(), &settings(&call.body), expected)
        .await?;
    Ok(Reply::Json(whole(&call, &info).await?))
}

async fn delete(call: Call) -> Result<Reply> {
    let name = call.tenant();
    let expected = call.expected_revision()?;
    let info = call.operator.tenant(name).await?;
    let tokens = call.operator.count_tokens(name).await?;
    if call.parameter("confirm") != Some(name) {
        let detail = format!(
            "This permanently deletes tenant {name} with {} users, {} groups, {tokens} tokens and its logs: send confirm={name}.",
            info.users, info.groups
        );
        return Err(Problem::new(ProblemType::ConfirmMissing, 400, detail));
    }
    call.operator.delete_tenant_from(name, expected).await?;
    Ok(Reply::ok(deleted_tenant_as_json(&info, tokens)))
}

async fn compliance(call: Call) -> Result<Reply> {
    let noncompliant = call.operator.noncompliant(call.tenant()).await?;
    Ok(Reply::ok(json!({"noncompliant": noncompliant})))
}
