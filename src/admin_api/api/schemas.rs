//! Schemas of all tenants and of one.

use crate::admin_api::call::{Call, JsonReply, Reply, cut, fault, faults, precondition_failed};
use crate::admin_api::operation::{
    Body, CURSOR, Handle, LIMIT, Method, Operation, Parameter, ParameterKind, Place, RequiredAccess,
};
use crate::admin_api::problem::{FieldError, Problem, ProblemType, Result};
use crate::model::problems;
use crate::operator::{
    KnownSchema, SchemaChange, SchemaOrigin, SchemaOutcome, SchemaPlace, SchemaPlan, SchemaRefusal,
    schema_as_json, schema_change_as_json, whole_schema_as_json,
};
use crate::schema::SchemaFile;
use crate::store::OperatorScope;
use axum::http::header::IF_MATCH;
use crc32fast::hash;
use serde_json::{Value, json};

const READ: RequiredAccess = RequiredAccess::Scope(OperatorScope::TenantsRead);
const WRITE: RequiredAccess = RequiredAccess::Scope(OperatorScope::SchemasWrite);

pub(super) const DRY_RUN: Parameter = Parameter {
    name: "dryRun",
    kind: ParameterKind::Flag,
    summary: "Reports values that the change would hide and values that contradict it, and changes nothing.",
};

const LISTED: &[Parameter] = &[
    Parameter {
        name: "search",
        kind: ParameterKind::Text,
        summary: "The beginning of the name or URN; letter case does not count.",
    },
    LIMIT,
    CURSOR,
];

/// An operation that changes a schema.
const fn changing(place: Place, summary: &'static str, handle: Handle) -> Operation {
    Operation::new(place, WRITE, summary, handle)
        .detailed(
            "With dryRun=true the answer says what it would hide and what contradicts it. With If-Match the change \
             is made only if the schema still has that ETag.",
        )
        .asking(&[DRY_RUN])
        .giving(200, "SchemaChanged")
        .failing(&[ProblemType::Conflict, ProblemType::PreconditionFailed])
}

/// The operations for schemas.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::new(
        ("listSchemas", Method::Get, "/schemas"),
        READ,
        "All schemas: built-in ones, those of files, of all tenants and of single tenants.",
        |call| Box::pin(list(call)),
    )
    .asking(LISTED)
    .giving(200, "SchemaList"),
    Operation::new(
        ("getSchema", Method::Get, "/schemas/{urn}"),
        READ,
        "One schema of all tenants, with its definitions.",
        |call| Box::pin(get(call)),
    )
    .giving(200, "Schema"),
    changing(
        ("putSchema", Method::Put, "/schemas/{urn}"),
        "Adds or replaces a schema of all tenants.",
        |call| Box::pin(put(call)),
    )
    .taking(Body::Json("SchemaDocument"))
    .checking(|call| Box::pin(async { Ok(put_errors(call)) })),
    changing(
        ("removeSchema", Method::Delete, "/schemas/{urn}"),
        "Removes a schema of all tenants; values stay stored and are hidden.",
        |call| Box::pin(remove(call)),
    ),
    Operation::new(
        ("checkSchema", Method::Post, "/schemas/check"),
        WRITE,
        "Checks a schema without storing it, and returns all errors.",
        |call| Box::pin(check(call)),
    )
    .taking(Body::Json("SchemaDocument"))
    .checking(|call| Box::pin(async { Ok(schema_errors(call)) }))
    .giving(200, "SchemaChecked"),
    Operation::new(
        (
            "listTenantSchemas",
            Method::Get,
            "/tenants/{tenant}/schemas",
        ),
        READ,
        "The schemas that a tenant has.",
        |call| Box::pin(list(call)),
    )
    .asking(LISTED)
    .giving(200, "SchemaList"),
    Operation::new(
        (
            "getTenantSchema",
            Method::Get,
            "/tenants/{tenant}/schemas/{urn}",
        ),
        READ,
        "One schema of a tenant, with its definitions.",
        |call| Box::pin(get(call)),
    )
    .giving(200, "Schema"),
    changing(
        (
            "putTenantSchema",
            Method::Put,
            "/tenants/{tenant}/schemas/{urn}",
        ),
        "Adds or replaces a schema of one tenant.",
        |call| Box::pin(put(call)),
    )
    .taking(Body::Json("SchemaDocument"))
    .checking(|call| Box::pin(async { Ok(put_errors(call)) })),
    changing(
        (
            "removeTenantSchema",
            Method::Delete,
            "/tenants/{tenant}/schemas/{urn}",
        ),
        "Removes a schema of one tenant; values stay stored and are hidden.",
        |call| Box::pin(remove(call)),
    ),
];

/// Name of the tenant in the path, if there is one.
pub(super) fn owner(call: &Call) -> Option<&str> {
    Some(call.tenant()).filter(|name| !name.is_empty())
}

/// Schemas with their places in the list.
type Placed = Vec<(SchemaPlace, KnownSchema)>;

/// A slice of the list of schemas after a place: at least this number, unless there are no more.
async fn slice(call: &Call, place: Option<&SchemaPlace>, limit: i64) -> Result<Placed> {
    let Some(tenant) = owner(call) else {
        return Ok(call.operator.all_schemas_after(place, limit).await?);
    };
    let mut known = call.operator.schemas_of(tenant).await?;
    known.retain(|(own, _)| place.is_none_or(|place| own > place));
    Ok(known)
}

/// Whether the caller has access to a schema and searches for it.
fn is_wanted(call: &Call, schema: &KnownSchema) -> bool {
    let is_reached = match &schema.origin {
        SchemaOrigin::Tenant(name) => call.reaches(name),
        _ => true,
    };
    is_reached && call.finds(&schema.name, &schema.urn)
}

async fn list(call: Call) -> Result<Reply> {
    let place = call.place()?;
    let mut place: Option<SchemaPlace> = place.and_then(|place| serde_json::from_value(place).ok());
    let (limit, mut read) = (call.limit() + 1, Vec::new());
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    while read.len() < most {
        let slice = slice(&call, place.as_ref(), limit).await?;
        let Some((last, _)) = slice.last() else {
            break;
        };
        place = Some(last.clone());
        let wanted = slice.into_iter();
        read.extend(wanted.filter(|(_, schema)| is_wanted(&call, schema)));
    }
    let (schemas, has_more) = cut(read, call.limit());
    let next = schemas.last().filter(|_| has_more);
    let next = next.map(|(place, _)| json!(place));
    let items: Vec<_> = schemas
        .iter()
        .map(|(_, schema)| schema_as_json(schema))
        .collect();
    Ok(Reply::Json(call.page(&items, next.as_ref())?))
}

/// The schema in the path: of a tenant, or of all tenants.
async fn find(call: &Call) -> Result<Option<KnownSchema>> {
    let known = match owner(call) {
        Some(tenant) => call.operator.schemas_of(tenant).await?,
        None => call.operator.common_schemas().await?,
    };
    let urn = call.segment("urn");
    let mut known = known.into_iter().map(|(_, schema)| schema);
    Ok(known.rfind(|schema| schema.urn.eq_ignore_ascii_case(urn)))
}

/// The entity tag of a schema.
fn tag(schema: &KnownSchema) -> String {
    let text = whole_schema_as_json(schema).to_string();
    format!("\"{:08x}\"", hash(text.as_bytes()))
}

async fn get(call: Call) -> Result<Reply> {
    let Some(schema) = find(&call).await? else {
        return Err(no_schema(&call));
    };
    Ok(Reply::Json(JsonReply {
        etag: Some(tag(&schema)),
        ..JsonReply::new(200, whole_schema_as_json(&schema))
    }))
}

fn no_schema(call: &Call) -> Problem {
    Problem::not_found(format!(
        "There is no schema \"{}\" here.",
        call.segment("urn")
    ))
}

/// Refuses a change of a schema with another tag than `If-Match`, and a change for all tenants by a limited token.
pub(super) async fn may_change(call: &Call) -> Result<()> {
    if owner(call).is_none() && call.tenants().is_some() {
        return Err(Problem::new(
            ProblemType::ScopeMissing,
            403,
            "The operator token is limited to some tenants: it cannot change the schemas of all.",
        ));
    }
    let Some(expected) = call.head.headers.get(IF_MATCH) else {
        return Ok(());
    };
    let found = find(call).await?;
    let is_met = found.is_some_and(|schema| expected == "*" || tag(&schema).as_str() == expected);
    if is_met {
        Ok(())
    } else {
        Err(precondition_failed(
            "The schema has another ETag: look at it again.",
        ))
    }
}

/// The errors of the schema in the body.
fn schema_errors(call: &Call) -> Vec<FieldError> {
    let found = texts(&problems(&file(call)));
    found.into_iter().map(body_fault).collect()
}

/// The errors of a schema to store. A dry run reports the errors of a schema as its result.
fn put_errors(call: &Call) -> Vec<FieldError> {
    let urn = call.segment("urn");
    let mut found = Vec::new();
    let id = call.text("id");
    if !id.is_some_and(|id| id.eq_ignore_ascii_case(urn)) {
        let detail = format!("The id of the schema must be \"{urn}\", as in the path.");
        found.push(fault("/id", detail));
    }
    if !call.is_set("dryRun") || !found.is_empty() || !call.found.is_empty() {
        found.extend(schema_errors(call));
    }
    found
}

async fn put(call: Call) -> Result<Reply> {
    may_change(&call).await?;
    change(&call, SchemaChange::File(file(&call), Vec::new())).await
}

async fn remove(call: Call) -> Result<Reply> {
    may_change(&call).await?;
    let urn = call.segment("urn").to_owned();
    change(&call, SchemaChange::Remove(urn)).await
}

/// The origin of a schema that is a body.
pub(super) const BODY: &str = "body";

fn file(call: &Call) -> SchemaFile {
    SchemaFile {
        origin: BODY.to_owned(),
        text: Value::Object(call.body.clone()).to_string(),
    }
}

/// Plans a change, and executes it unless it is a dry run.
async fn change(call: &Call, change: SchemaChange) -> Result<Reply> {
    let planned = call.operator.plan_schema(owner(call), &change).await;
    let is_dry = call.is_set("dryRun");
    let plan = match planned {
        Err(SchemaRefusal::Problems(problems)) if is_dry => {
            return Ok(Reply::ok(
                json!({"hides": 0, "contradicts": texts(&problems)}),
            ));
        }
        planned => planned.map_err(refused)?,
    };
    if is_dry {
        return Ok(Reply::ok(outline(
            &plan,
            owner(call),
            SchemaOutcome::default(),
        )));
    }
    let outcome = call.operator.change_schema(&plan, &mut |_| ()).await;
    Ok(Reply::ok(outline(
        &plan,
        owner(call),
        outcome.map_err(refused)?,
    )))
}

fn outline(plan: &SchemaPlan, tenant: Option<&str>, outcome: SchemaOutcome) -> Value {
    let mut shown = schema_change_as_json(plan, tenant, outcome);
    shown["hides"] = plan.hidden().values().sum::<u64>().into();
    shown["contradicts"] = json!([]);
    shown
}

pub(super) fn refused(refusal: SchemaRefusal) -> Problem {
    match refusal {
        SchemaRefusal::Problems(problems) => {
            faults(texts(&problems).into_iter().map(body_fault).collect())
        }
        refusal @ SchemaRefusal::NoSchema { .. } => Problem::not_found(format!("{refusal}.")),
        SchemaRefusal::Failed(error) => error.into(),
    }
}

fn texts<P: ToString>(problems: &[P]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// A problem of a schema in a body, with its place in the body.
fn body_fault(problem: String) -> FieldError {
    let placed = problem.strip_prefix(BODY).and_then(|rest| {
        let (pointer, detail) = rest.strip_prefix(": ")?.split_once(": ")?;
        pointer.starts_with('/').then_some((pointer, detail))
    });
    match placed {
        Some((pointer, detail)) => FieldError {
            pointer: pointer.to_owned(),
            detail: detail.to_owned(),
        },
        None => FieldError {
            pointer: String::new(),
            detail: problem,
        },
    }
}

async fn check(call: Call) -> Result<Reply> {
    let change = SchemaChange::File(file(&call), Vec::new());
    call.operator
        .plan_schema(None, &change)
        .await
        .map_err(refused)?;
    Ok(Reply::ok(json!({"errors": []})))
}
