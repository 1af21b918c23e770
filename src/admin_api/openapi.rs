//! The OpenAPI 3.1 document, generated from the table of operations.

use crate::admin_api::json_schema::Schemas;
use crate::admin_api::operation::{
    BASE, Body, Operation, Parameter, ParameterKind, RequiredAccess,
};
use crate::admin_api::problem::ProblemType;
use crate::admin_api::table;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Problems of any operation with a token.
const OF_ALL: &[ProblemType] = &[
    ProblemType::InvalidRequest,
    ProblemType::TokenMissing,
    ProblemType::TokenUnknown,
    ProblemType::TokenExpired,
    ProblemType::TokenRevoked,
    ProblemType::ScimToken,
    ProblemType::ScopeMissing,
    ProblemType::NotFound,
    ProblemType::MethodNotAllowed,
    ProblemType::Misdirected,
    ProblemType::TooManyRequests,
    ProblemType::Internal,
    ProblemType::DatabaseAway,
];

/// Problems of operations with a body.
const OF_BODIES: &[ProblemType] = &[ProblemType::TooLarge, ProblemType::ContentType];

/// Problems of operations with an optional `Idempotency-Key`.
const OF_KEYS: &[ProblemType] = &[
    ProblemType::IdempotencyKeyInvalid,
    ProblemType::IdempotencyKeyReused,
    ProblemType::IdempotencyInProgress,
];

/// The complete document.
pub fn document() -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (group, operations) in table::groups() {
        for operation in *operations {
            let path = format!("{BASE}{}", operation.path);
            let method = operation.method.as_str().to_ascii_lowercase();
            paths
                .entry(path)
                .or_default()
                .insert(method, described(operation, group));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "scimd management API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Tenants, tokens, schemas and directories of a SCIM server. Clients must ignore unknown members.",
        },
        "servers": [{"url": "/"}],
        "security": [{"operatorToken": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "operatorToken": {"type": "http", "scheme": "bearer", "bearerFormat": "scimdop_"}
            },
            "schemas": Schemas::all().as_components(),
        },
    })
}

fn described(operation: &Operation, group: &str) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [group],
        "summary": operation.summary,
        "parameters": parameters(operation),
        "responses": responses(operation),
    });
    let description = match operation.access {
        RequiredAccess::Public => Some("Needs no token.".to_owned()),
        RequiredAccess::AnyOperator => None,
        RequiredAccess::Scope(scope) => Some(format!("Needs the scope `{}`.", scope.as_str())),
    };
    let parts: Vec<_> = [Some(operation.details.to_owned()), description]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    if !parts.is_empty() {
        described["description"] = parts.join(" ").into();
    }
    if operation.access == RequiredAccess::Public {
        described["security"] = json!([]);
    }
    if let Some(body) = request_body(operation) {
        described["requestBody"] = body;
    }
    described
}

/// The problems of an operation.
pub(crate) fn problems(operation: &Operation) -> Vec<ProblemType> {
    let mut all = OF_ALL.to_vec();
    if ![Body::Empty, Body::Events].contains(&operation.body) {
        all.extend(OF_BODIES);
    }
    if operation.takes_key() {
        all.extend(OF_KEYS);
    }
    all.extend(operation.problems);
    all
}

fn responses(operation: &Operation) -> Value {
    let (status, schema) = operation.answer;
    let mut responses = Map::new();
    let mut answer = json!({"description": "The answer."});
    if let Some(name) = schema {
        let kind = match operation.body {
            Body::Scim => "application/scim+json",
            Body::Events => "text/event-stream",
            _ => "application/json",
        };
        answer["content"] = json!({kind: {"schema": reference(name)}});
    }
    responses.insert(status.to_string(), answer);
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for problem in problems(operation) {
        let words = by_status.entry(problem.status()).or_default();
        words.push(problem.as_str());
    }
    for (status, words) in by_status {
        let kind = match operation.body {
            Body::Scim => json!({
                "application/problem+json": {"schema": reference("Problem")},
                "application/scim+json": {"schema": {"type": "object"}},
            }),
            _ => json!({"application/problem+json": {"schema": reference("Problem")}}),
        };
        let described = json!({"description": words.join(", "), "content": kind});
        responses.insert(status.to_string(), described);
    }
    Value::Object(responses)
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn request_body(operation: &Operation) -> Option<Value> {
    let (kind, name, required) = match operation.body {
        Body::Empty | Body::Events => return None,
        Body::Scim if operation.method.as_str() == "GET" => return None,
        Body::Scim => ("application/scim+json", "ScimSearch", true),
        Body::Json(name) => ("application/json", name, true),
        Body::Optional(name) => ("application/json", name, false),
        Body::MergePatch(name) => ("application/merge-patch+json", name, true),
    };
    Some(json!({"required": required, "content": {kind: {"schema": reference(name)}}}))
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let variables = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<_> = variables
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    all.extend(operation.query.iter().map(parameter));
    if operation.takes_key() {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "16 to 255 visible characters. The same request with the same key is executed once, and gets the same response for 24 hours.",
            "schema": {"type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[!-~]+$"},
        }));
    }
    if operation
        .problems
        .contains(&ProblemType::PreconditionFailed)
    {
        all.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "description": "The ETag that the resource must still have.",
            "schema": {"type": "string"},
        }));
    }
    all
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        ParameterKind::Text => json!({"type": "string"}),
        ParameterKind::Number(least, most) => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        ParameterKind::Flag => json!({"type": "boolean"}),
        ParameterKind::Word(words) => json!({"type": "string", "enum": words}),
        ParameterKind::Moment => json!({"type": "string", "format": "date-time"}),
        ParameterKind::Id => json!({"type": "string", "format": "uuid"}),
    };
    json!({
        "name": parameter.name, "in": "query", "required": false, "description": parameter.summary, "schema": schema,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_schema_exists() {
        let schemas = Schemas::all();
        for operation in table::all() {
            let body = match operation.body {
                Body::Json(name) | Body::Optional(name) | Body::MergePatch(name) => Some(name),
                Body::Empty | Body::Events | Body::Scim => None,
            };
            for name in body.into_iter().chain(operation.answer.1) {
                let is_there = schemas.as_components().contains_key(name);
                assert!(is_there, "{}: {name}", operation.id);
            }
        }
    }

    #[test]
    fn sentences_end_with_a_full_stop() {
        for operation in table::all() {
            let parameters = operation.query.iter().map(|parameter| parameter.summary);
            for text in parameters.chain([operation.summary, operation.details]) {
                assert!(
                    text.is_empty() || text.ends_with('.'),
                    "{}: {text}",
                    operation.id
                );
            }
        }
    }
}
