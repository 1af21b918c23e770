//! Query, headers and body of a request, checked against its operation. The response contains all errors.

use crate::admin_api::call::fault;
use crate::admin_api::json_schema::Schemas;
use crate::admin_api::operation::{Body, Operation, ParameterKind};
use crate::admin_api::problem::{FieldError, Problem, ProblemType, Result};
use crate::clock::Timestamp;
use crate::error::ScimError;
use crate::nearest::nearest;
use crate::resource::json;
use crate::wire::body::{BodyLimits, Upload};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::time::Duration;
use uuid::Uuid;

/// Limits of a body.
const BODY: BodyLimits = BodyLimits {
    bytes: 256 << 10,
    time: Duration::from_secs(20),
};

/// Maximum nesting depth of a body.
const DEPTH: usize = 16;

/// Allowed number of characters of an `Idempotency-Key`.
const KEY: std::ops::RangeInclusive<usize> = 16..=255;

/// The arguments of a request; if there are errors, only a part of them is valid.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// The errors of parameters and body.
    pub(crate) found: Vec<FieldError>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Map<String, Value>,
    /// The raw body.
    pub(crate) raw: String,
    /// The value of `Idempotency-Key`.
    pub(crate) key: Option<String>,
}

/// Reads and checks the arguments of a request.
///
/// # Errors
/// 400 for the `Idempotency-Key`; 413 and 415 for the body.
pub(crate) async fn read(
    schemas: &Schemas,
    operation: &Operation,
    head: &Parts,
    upload: &mut Upload,
) -> Result<Arguments> {
    let mut found = Vec::new();
    let key = idempotency_key(operation, &head.headers)?;
    let query = match operation.body {
        // The SCIM API checks the query.
        Body::Scim => Vec::new(),
        _ => query(operation, head.uri.query().unwrap_or_default(), &mut found),
    };
    let (body, raw) = match body(operation, head, upload).await {
        Ok(body) => body,
        // A body without any members would only add errors that may not be there.
        Err(problem) if problem.status == 400 && !found.is_empty() => {
            found.push(fault("", problem.detail));
            return Ok(Arguments {
                found,
                query,
                key,
                ..Arguments::default()
            });
        }
        Err(problem) => return Err(problem),
    };
    match operation.body {
        Body::Json(name) | Body::Optional(name) | Body::MergePatch(name) => {
            let value = Value::Object(body.clone());
            schemas.check(name, &value, &mut found);
        }
        Body::Empty | Body::Events | Body::Scim => {}
    }
    Ok(Arguments {
        found,
        query,
        body,
        raw,
        key,
    })
}

fn idempotency_key(operation: &Operation, headers: &HeaderMap) -> Result<Option<String>> {
    let Some(header) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    if !operation.takes_key() {
        return Ok(None);
    }
    let text = header.to_str().unwrap_or_default().trim();
    // The draft defines a string in quotation marks; many clients send it without them.
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    let is_good = KEY.contains(&inner.len()) && inner.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good {
        return Ok(Some(inner.to_owned()));
    }
    Err(Problem::new(
        ProblemType::IdempotencyKeyInvalid,
        400,
        "The Idempotency-Key must have 16 to 255 visible ASCII characters, such as a random UUID.",
    ))
}

/// The known parameters of a query; their errors are added to `found`.
fn query(
    operation: &Operation,
    query: &str,
    found: &mut Vec<FieldError>,
) -> Vec<(&'static str, String)> {
    let mut read: Vec<(&'static str, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
            found.push(fault("query", "The query is not percent-encoded UTF-8."));
            continue;
        };
        let known = operation.query.iter().find(|known| known.name == name);
        let Some(parameter) = known else {
            let names = operation.query.iter().map(|known| known.name);
            let detail = match nearest(&name, names) {
                Some(meant) => {
                    format!("There is no parameter \"{name}\"; did you mean \"{meant}\"?")
                }
                None => format!("There is no parameter \"{name}\"."),
            };
            found.push(fault(&name, detail));
            continue;
        };
        if read.iter().any(|(own, _)| *own == parameter.name) {
            found.push(fault(&name, "The parameter is given twice."));
        }
        if let Some(allowed) = misfit(parameter.kind, &value) {
            found.push(fault(&name, format!("The value must be {allowed}.")));
        }
        read.push((parameter.name, value));
    }
    read
}

/// The allowed values of a parameter, if a value is invalid.
fn misfit(kind: ParameterKind, value: &str) -> Option<String> {
    match kind {
        ParameterKind::Text => None,
        ParameterKind::Number(least, max) => {
            let number = value.parse::<i64>().ok();
            let fits = number.is_some_and(|number| (least..=max).contains(&number));
            (!fits).then(|| format!("a whole number from {least} to {max}"))
        }
        ParameterKind::Flag => {
            (!["true", "false"].contains(&value)).then(|| "true or false".to_owned())
        }
        ParameterKind::Word(words) => {
            (!words.contains(&value)).then(|| format!("one of {}", words.join(", ")))
        }
        ParameterKind::Moment => Timestamp::parse(value)
            .is_none()
            .then(|| "a time such as 2026-11-26T09:21:25Z".to_owned()),
        ParameterKind::Id => Uuid::parse_str(value)
            .is_err()
            .then(|| "an id (a UUID)".to_owned()),
    }
}

fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_decode_str(&text)
        .decode_utf8()
        .ok()
        .map(Cow::into_owned)
}

async fn body(
    operation: &Operation,
    head: &Parts,
    upload: &mut Upload,
) -> Result<(Map<String, Value>, String)> {
    let (is_optional, types): (bool, &[&str]) = match operation.body {
        Body::Empty | Body::Events | Body::Scim => return Ok((Map::new(), String::new())),
        Body::Json(_) => (false, &["application/json"]),
        Body::Optional(_) => (true, &["application/json"]),
        Body::MergePatch(_) => (false, &["application/merge-patch+json", "application/json"]),
    };
    check_type(&head.headers, types)?;
    let bytes = upload.bytes(&head.headers, BODY).await?;
    if is_optional && bytes.trim_ascii().is_empty() {
        return Ok((Map::new(), String::new()));
    }
    let read = json::read_object(&bytes, DEPTH).map_err(ScimError::from)?;
    Ok((read, String::from_utf8_lossy(&bytes).into_owned()))
}

fn check_type(headers: &HeaderMap, types: &[&str]) -> Result<()> {
    let Some(given) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let given = given.to_str().unwrap_or("?");
    let essence = given.split(';').next().unwrap_or_default().trim();
    if types
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        return Ok(());
    }
    let detail = format!("The Content-Type must be {}.", types.join(" or "));
    Err(Problem::new(ProblemType::ContentType, 415, detail))
}
