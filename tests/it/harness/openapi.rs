//! Checks responses of the management API against its OpenAPI document.

use super::Answer;
use scimd::admin_api::{Schemas, document};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex};

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::all);
/// Names of successfully called operations.
static ANSWERED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The operations of the document: method, path and definition.
pub(crate) fn operations() -> Vec<(String, String, Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(|(method, described)| (method.to_uppercase(), path.clone(), described.clone()))
    });
    each.collect()
}

/// Names of operations that were successfully called in this process.
pub(crate) fn answered() -> BTreeSet<String> {
    ANSWERED.lock().unwrap().clone()
}

fn fits(template: &str, path: &str) -> bool {
    let (mut left, mut right) = (template.split('/'), path.split('/'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(part), Some(segment)) if part == segment => {}
            (Some(part), Some(segment)) if part.starts_with('{') && !segment.is_empty() => {}
            _ => return false,
        }
    }
}

/// The operation at a path: one with the fewest variables.
fn operation(method: &str, path: &str) -> Option<Value> {
    let path = path.split('?').next().unwrap().trim_end_matches('/');
    let mut found: Vec<_> = operations()
        .into_iter()
        .filter(|(own, template, _)| own == method && fits(template, path))
        .collect();
    found.sort_by_key(|(_, template, _)| template.matches('{').count());
    found.into_iter().next().map(|(_, _, described)| described)
}

/// Name of the operation at a path.
pub(crate) fn id_at(method: &str, path: &str) -> Option<String> {
    let described = operation(method, path)?;
    described["operationId"].as_str().map(str::to_owned)
}

/// Fails if the document does not allow this response.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    assert!(answer.header("cache-control").is_some(), "{path}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("x-request-id").is_some());
    if method == "OPTIONS" {
        return;
    }
    let Some(described) = operation(method, path) else {
        assert!(
            [404, 405, 421].contains(&answer.status),
            "{method} {path}: {}",
            answer.status
        );
        return;
    };
    let responses = &described["responses"];
    let status = answer.status.to_string();
    let response = &responses[&status];
    assert!(
        response.is_object(),
        "{method} {path}: {status} is not in the document: {}",
        answer.body
    );
    if answer.status < 300 {
        let id = described["operationId"].as_str().unwrap().to_owned();
        ANSWERED.lock().unwrap().insert(id);
    }
    let Some(content) = response["content"].as_object() else {
        assert_eq!(answer.body, Value::Null, "{method} {path}");
        return;
    };
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap();
    let schema = content.get(kind);
    let schema = schema.unwrap_or_else(|| panic!("{method} {path}: {status} as {kind}"));
    let Some(name) = schema["schema"]["$ref"].as_str() else {
        return;
    };
    let faults = SCHEMAS.faults(name.rsplit('/').next().unwrap(), &answer.body);
    assert!(
        faults.is_empty(),
        "{method} {path}: {status}: {faults:?}: {}",
        answer.body
    );
    if kind == "application/problem+json" {
        let kind = answer.body["type"].as_str().unwrap();
        let kind = kind.strip_prefix("urn:scimd:problem:").unwrap();
        let named = response["description"].as_str().unwrap();
        assert!(
            named.split(", ").any(|word| word == kind),
            "{method} {path}: {kind} is not among {named}"
        );
    }
}
