//! Incremental changes of schemas: single attributes, and documents for selected resource types.

use crate::admin_api::api::schemas::{BODY, DRY_RUN, may_change, owner, refused};
use crate::admin_api::call::{Call, Reply, fault, invalid};
use crate::admin_api::operation::{Body, Method, Operation, RequiredAccess};
use crate::admin_api::problem::{FieldError, Problem, ProblemType, Result};
use crate::operator::{
    SchemaChange, SchemaOutcome, SchemaPlan, SchemaRefusal, SchemaStep, schema_change_as_json,
};
use crate::schema::SchemaFile;
use crate::store::OperatorScope;
use serde_json::{Map, Value, json};

const fn operation((id, path): (&'static str, &'static str), summary: &'static str) -> Operation {
    Operation {
        id,
        method: Method::Post,
        path,
        access: RequiredAccess::Scope(OperatorScope::SchemasWrite),
        summary,
        details: "Send one of: schema, which is added or replaces the one with its URN; urn with attributes, which are added to it; urn with remove or removeAttribute. With dryRun=true the response describes the effect of the change. If the server stops before the index is updated, a repetition with the same Idempotency-Key gets isUnfinished=true: run `scimd verify --repair`.",
        query: &[DRY_RUN],
        body: Body::Json("SchemaChangeRequest"),
        answer: (200, Some("SchemaChangeAnswer")),
        problems: &[ProblemType::Conflict],
        check: Some(|call| Box::pin(async { Ok(check_change(call)) })),
        handle: |call| Box::pin(change(call)),
    }
}

/// The operations for planned schema changes.
pub(crate) const OPERATIONS: &[Operation] = &[
    operation(
        ("changeSchemas", "/schemas/changes"),
        "Changes a schema of all tenants: a document, single attributes, or a removal.",
    ),
    operation(
        ("changeTenantSchemas", "/tenants/{tenant}/schemas/changes"),
        "Changes a schema of one tenant: a document, single attributes, or a removal.",
    ),
];

/// The change in a body.
fn requested_change(call: &Call) -> Option<SchemaChange> {
    let types = call.body.get("resourceTypes").and_then(Value::as_array);
    let types = types.into_iter().flatten().filter_map(Value::as_str);
    let types: Vec<String> = types.map(str::to_owned).collect();
    if let Some(schema) = call.body.get("schema") {
        let file = SchemaFile {
            origin: call.text("origin").unwrap_or(BODY).to_owned(),
            text: schema.to_string(),
        };
        return Some(SchemaChange::File(file, types));
    }
    let urn = call.text("urn")?.to_owned();
    if let Some(attributes) = call.body.get("attributes").and_then(Value::as_array) {
        return Some(SchemaChange::Attributes {
            urn,
            definitions: attributes.clone(),
            extends: types,
        });
    }
    if let Some(attribute) = call.text("removeAttribute") {
        return Some(SchemaChange::RemoveAttribute(urn, attribute.to_owned()));
    }
    let removes = call.body.get("remove") == Some(&Value::Bool(true));
    removes.then_some(SchemaChange::Remove(urn))
}

const NOTHING_REQUESTED: &str = "Send schema, or urn with attributes, remove or removeAttribute.";

fn check_change(call: &Call) -> Vec<FieldError> {
    match requested_change(call) {
        Some(_) => Vec::new(),
        None => vec![fault("", NOTHING_REQUESTED)],
    }
}

async fn change(call: Call) -> Result<Reply> {
    let Some(requested_change) = requested_change(&call) else {
        return Err(invalid("", NOTHING_REQUESTED));
    };
    may_change(&call).await?;
    let planned = call
        .operator
        .plan_schema(owner(&call), &requested_change)
        .await;
    let plan = planned.map_err(located)?;
    if call.is_set("dryRun") {
        let nothing = (SchemaOutcome::default(), Map::new());
        return Ok(Reply::ok(outline(&call, &plan, nothing)));
    }
    let tell = call.api.schema_steps.clone();
    let mut on_step = |step: SchemaStep<'_>| tell(step);
    let shown = |outcome, noncompliant| Reply::ok(outline(&call, &plan, (outcome, noncompliant)));
    let answer = |outcome: &SchemaOutcome| shown(*outcome, Map::new()).kept().unwrap_or_default();
    let once = call.once.as_ref();
    let _running = once.map(|once| call.operator.keep_running(once));
    let outcome = call
        .operator
        .change_schema_once(&plan, call.keeping(&answer), &mut on_step)
        .await;
    tell(SchemaStep::Done);
    let outcome = outcome.map_err(located)?;
    let mut noncompliant = Map::new();
    if plan.requires_values() {
        for survey in &plan.surveys {
            let count = call.operator.noncompliant(&survey.tenant).await?;
            noncompliant.insert(survey.tenant.clone(), count.into());
        }
    }
    let reply = shown(outcome, noncompliant);
    if let (Some(once), Some(answer)) = (&call.once, reply.kept()) {
        call.operator.replace_answer(once, &answer).await?;
    }
    Ok(reply)
}

/// A planned or executed change.
fn outline(
    call: &Call,
    plan: &SchemaPlan,
    (outcome, noncompliant): (SchemaOutcome, Map<String, Value>),
) -> Value {
    let mut shown = schema_change_as_json(plan, owner(call), outcome);
    shown["otherTypes"] = plan.other_types().into();
    shown["typeOfUrn"] = plan.type_of_urn().into();
    shown["noncompliant"] = json!(noncompliant);
    shown
}

/// A refusal with the part of the body.
fn located(refusal: SchemaRefusal) -> Problem {
    let fault = match &refusal {
        SchemaRefusal::NoSchema { .. } => Some(FieldError {
            pointer: "/urn".to_owned(),
            detail: refusal.to_string(),
        }),
        _ => None,
    };
    let mut problem = refused(refusal);
    let of_schema = problem.faults.iter_mut();
    for placed in of_schema.filter(|fault| fault.pointer.starts_with('/')) {
        placed.pointer.insert_str(0, "/schema");
    }
    match fault {
        Some(fault) => Problem {
            faults: vec![fault],
            ..problem
        },
        None => problem,
    }
}
