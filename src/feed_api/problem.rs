//! Problem details (RFC 9457) of the change feed.

use crate::error::ScimError;
use crate::feed::FeedError;
use crate::wire::refusal::{Refusal, RefusalKind};
use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

/// The refusal of a request.
#[derive(Debug)]
pub(super) struct Problem {
    status: u16,
    /// The end of the type URI.
    kind: &'static str,
    detail: String,
    /// A cursor from which a reader can start.
    oldest: Option<String>,
    retry_after: Option<u32>,
    /// The methods that the path supports.
    allow: &'static str,
}

impl Problem {
    pub(super) fn new(status: u16, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            oldest: None,
            retry_after: None,
            allow: "GET, HEAD",
        }
    }

    /// A 400.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(400, "invalid-request", detail)
    }

    /// A 404.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not-found", detail)
    }

    /// A 410: a reader has to start again, from `oldest` or later.
    pub(super) fn gone(oldest: String) -> Self {
        let detail = "The events after the cursor were deleted, or the cursor belongs to another history, for example after a restore. Read all resources again, and continue from the head.";
        Self {
            oldest: Some(oldest),
            ..Self::new(410, "cursor-gone", detail)
        }
    }

    /// A 405 with the methods that the path supports.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("This path supports {allow}.");
        Self {
            allow,
            ..Self::new(405, "method-not-allowed", detail)
        }
    }

    /// A 429.
    pub(super) fn too_many(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(429, "too-many-requests", detail)
        }
    }

    /// The response.
    pub(super) fn response(self) -> Response {
        let mut body = json!({
            "type": format!("urn:scimd:problem:{}", self.kind),
            "title": title(self.status),
            "status": self.status,
            "detail": self.detail,
        });
        if let (Some(oldest), Some(members)) = (self.oldest, body.as_object_mut()) {
            members.insert("oldest".into(), Value::from(oldest));
        }
        let mut response = answer(self.status, "application/problem+json", body.to_string());
        let headers = response.headers_mut();
        if self.status == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == 405 {
            headers.insert(ALLOW, HeaderValue::from_static(self.allow));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.max(1).into());
        }
        response
    }
}

impl From<ScimError> for Problem {
    fn from(error: ScimError) -> Self {
        let kind = match error.status() {
            401 => "unauthenticated",
            403 => "wrong-scope",
            429 => "too-many-requests",
            503 => "database-away",
            _ => "internal",
        };
        if kind == "internal" {
            tracing::error!(%error, cause = std::error::Error::source(&error), "the change feed failed");
        }
        Self {
            retry_after: error.retry_after(),
            ..Self::new(error.status(), kind, error.to_string())
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.kind {
            RefusalKind::Malformed => "invalid-request",
            RefusalKind::TooLarge => "too-large",
            RefusalKind::TooMany => "too-many-requests",
            RefusalKind::Unavailable => "unavailable",
            RefusalKind::Failed => return ScimError::from(refusal).into(),
        };
        Self {
            retry_after: refusal.retry_after,
            ..Self::new(refusal.status, kind, refusal.detail)
        }
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Gone => Self::gone(String::new()),
            FeedError::Failed(error) => error.into(),
        }
    }
}

/// A response that must not be cached.
pub(super) fn answer(status: u16, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "The request is invalid.",
        401 => "The token is missing or invalid.",
        403 => "The token has no access to this resource.",
        404 => "The resource does not exist.",
        405 => "The method is not supported on this path.",
        408 => "The request took too long to arrive.",
        410 => "The cursor is no longer valid.",
        413 | 414 | 431 => "The request is too large.",
        429 => "There are too many requests.",
        503 => "The server is temporarily unavailable.",
        _ => "The server failed.",
    }
}
