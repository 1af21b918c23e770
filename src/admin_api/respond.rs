//! From outcome to HTTP response.

use crate::admin_api::problem::{Problem, ProblemType};
use crate::wire::refusal::{Refusal, Refused};
use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;

const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";

/// The problem of a response, an extension for the log.
#[derive(Debug, Clone)]
pub(crate) struct ShownProblem(pub(crate) Problem);

/// A response with a body of a media type.
pub(crate) fn text(status: u16, content_type: &str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    put(&mut response, CONTENT_TYPE, content_type);
    guard(&mut response);
    response
}

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    guard(&mut response);
    response
}

/// A JSON response.
pub(crate) fn json(status: u16, body: &Value) -> Response {
    text(status, JSON, body.to_string())
}

/// The response to a request that the wire refuses.
pub(crate) fn refusal(refusal: Refusal, refused: &Refused) -> Response {
    problem(refusal.into(), refused)
}

/// The response to a refused request.
pub(crate) fn problem(problem: Problem, refused: &Refused) -> Response {
    let body = problem.body(refused.request_id.as_deref());
    let mut response = text(problem.status, PROBLEM_JSON, body.to_string());
    if problem.status == 401 {
        put(&mut response, WWW_AUTHENTICATE, "Bearer");
    }
    if let Some(methods) = &problem.allow {
        put(&mut response, ALLOW, methods);
    }
    if let Some(seconds) = problem.retry_after {
        put(&mut response, RETRY_AFTER, &seconds.max(1).to_string());
    }
    if problem.status == 401 {
        put(&mut response, WWW_AUTHENTICATE, &challenge(&problem));
    }
    response.extensions_mut().insert(ShownProblem(problem));
    response
}

/// The challenge of a 401 (RFC 6750 section 3): a request without credentials gets no error code.
fn challenge(problem: &Problem) -> String {
    let realm = "Bearer realm=\"scimd management\"";
    match problem.kind {
        ProblemType::TokenMissing => realm.to_owned(),
        _ => format!("{realm}, error=\"invalid_token\""),
    }
}

/// Responses of this listener must not be cached, and their type must not be guessed.
fn guard(response: &mut Response) {
    put(response, CACHE_CONTROL, "no-store");
    put(response, X_CONTENT_TYPE_OPTIONS, "nosniff");
}

/// Sets a header; a text that is not a valid value is omitted.
pub(crate) fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
