//! Schemas of all tenants and of one.

use crate::admin_api::call::{Call, JsonReply, Reply, faults, precondition_failed};
use crate::admin_api::operation::{
    Body, Handle, Method, Operation, Parameter, ParameterKind, Place, RequiredAccess,
};
use crate::admin_api::problem::{FieldError, Problem, ProblemType, Result};
use crate::model::problems;
use crate::operator::{
    KnownSchema, SchemaChange, SchemaOrigin, SchemaOutcome, SchemaPlan, SchemaRefusal,
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
    .taking(Body::Json("SchemaDocument")),
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
    .taking(Body::Json("SchemaDocument")),
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

/// The schemas to which the caller has access.
async fn known(call: &Call) -> Result<Vec<KnownSchema>> {
    let mut known = call.operator.known_schemas(owner(call)).await?;
    known.retain(|schema| match &schema.origin {
        SchemaOrigin::Tenant(name) => call.reaches(name),
        _ => true,
    });
    Ok(known)
}

async fn list(call: Call) -> Result<Reply> {
    let known = known(&call).await?;
    let items: Vec<_> = known.iter().map(schema_as_json).collect();
    Ok(Reply::ok(json!({"items": items, "next": null})))
}

/// The schema in the path: of a tenant, or of all tenants.
async fn find(call: &Call) -> Result<Option<KnownSchema>> {
    let (urn, owner) = (call.segment("urn"), owner(call));
    let is_owned = |schema: &&KnownSchema| match (&schema.origin, owner) {
        (SchemaOrigin::Tenant(_), None) => false,
        (SchemaOrigin::Tenant(name), Some(owner)) => name == owner,
        _ => true,
    };
    let known = known(call).await?;
    let mut found = known
        .iter()
        .filter(|schema| schema.urn.eq_ignore_ascii_case(urn));
    Ok(found.rfind(is_owned).cloned())
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

async fn put(call: Call) -> Result<Reply> {
    let urn = call.segment("urn");
    if !call
        .text("id")
        .is_some_and(|id| id.eq_ignore_ascii_case(urn))
    {
        let other = FieldError {
            pointer: "/id".to_owned(),
            detail: format!("The id of the schema must be \"{urn}\", as in the path."),
        };
        let others = texts(&problems(&file(&call)));
        let others = others.into_iter().map(body_fault);
        return Err(faults(std::iter::once(other).chain(others).collect()));
    }
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
    let file = file(&call);
    let found = problems(&file);
    if !found.is_empty() {
        return Err(faults(texts(&found).into_iter().map(body_fault).collect()));
    }
    let change = SchemaChange::File(file, Vec::new());
    call.operator
        .plan_schema(None, &change)
        .await
        .map_err(refused)?;
    Ok(Reply::ok(json!({"errors": []})))
}
