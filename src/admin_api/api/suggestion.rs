//! Suggested schemas for undeclared attributes that a tenant's identity provider sends.

use crate::admin_api::api::schemas::refused;
use crate::admin_api::call::{Call, Reply};
use crate::admin_api::operation::{
    Body, Method, Operation, Parameter, ParameterKind, RequiredAccess,
};
use crate::admin_api::problem::Result;
use crate::store::OperatorScope;
use serde_json::{Map, Value, json};

/// The operations for suggested schemas.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    id: "suggestSchemas",
    method: Method::Get,
    path: "/tenants/{tenant}/schemas/suggested",
    access: RequiredAccess::Scope(OperatorScope::TenantsRead),
    summary: "Undeclared attributes of the latest requests, with counts, and schemas that accept them.",
    details: "Each schema is a complete file, including existing definitions of its URN; PUT accepts it unchanged.",
    query: &[Parameter {
        name: "urn",
        kind: ParameterKind::Text,
        summary: "URN of the schema for attributes that were sent without a URN.",
    }],
    body: Body::Empty,
    answer: (200, Some("SuggestedSchemas")),
    problems: &[],
    check: None,
    handle: |call| Box::pin(get(call)),
}];

async fn get(call: Call) -> Result<Reply> {
    let (operator, tenant) = (&call.operator, call.tenant());
    let sent = operator
        .sent_without_schema(tenant)
        .await
        .map_err(refused)?;
    let suggestion = operator
        .suggest_schemas(tenant, call.parameter("urn"), &sent)
        .await;
    let suggestion = suggestion.map_err(refused)?;
    let unknown = operator.unknown_attributes(tenant).await?;
    // Some of the sent attributes can be declared now.
    let is_unknown = |resource_type: &str, name: &str| {
        sent.iter().any(|sent| {
            sent.resource_type == resource_type
                && (sent.name.eq_ignore_ascii_case(name)
                    || sent
                        .name
                        .to_ascii_lowercase()
                        .ends_with(&name.to_ascii_lowercase()))
        })
    };
    let attributes = unknown
        .iter()
        .filter(|attribute| is_unknown(&attribute.resource_type, &attribute.name));
    let attributes: Vec<Value> = attributes
        .map(|attribute| {
            json!({
                "resourceType": attribute.resource_type,
                "name": attribute.name,
                "count": attribute.count,
                "last": attribute.last.to_string(),
            })
        })
        .collect();
    let unfit: Vec<Value> = suggestion
        .refused
        .iter()
        .map(|(name, reason)| json!({"name": name, "reason": reason.to_string()}))
        .collect();
    let (moved, holder) = (json!(suggestion.moved), json!(suggestion.holder_of_moved()));
    let mut owners = Map::new();
    for urn in suggestion.schemas.keys() {
        let owner = operator.owner_of_schema(tenant, urn).await;
        owners.insert(urn.clone(), owner.map_err(refused)?.into());
    }
    let schemas: Vec<Value> = suggestion
        .schemas
        .into_values()
        .map(Value::Object)
        .collect();
    Ok(Reply::ok(json!({
        "schemas": schemas,
        "attributes": attributes,
        "refused": unfit,
        "moved": moved,
        "holderOfMoved": holder,
        "owners": owners,
    })))
}
