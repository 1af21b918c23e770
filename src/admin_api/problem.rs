//! Problem details (RFC 9457): every refusal of the management API.

use crate::error::ScimError;
use crate::keyword::keywords;
use crate::operator::OperatorError;
use crate::wire::refusal::{Refusal, RefusalKind};
use serde_json::{Value, json};
use std::error::Error;
use std::sync::Arc;
use uuid::Uuid;

keywords! {
    /// The types of problems; the URI is `urn:scimd:problem:` and the keyword.
    ProblemType {
        /// Body, query or a header is invalid.
        InvalidRequest = "invalid-request",
        /// The path or the named object does not exist.
        NotFound = "not-found",
        /// The method is not supported on this path.
        MethodNotAllowed = "method-not-allowed",
        /// A tenant with that name exists.
        TenantExists = "tenant-exists",
        /// The current state does not allow the request.
        Conflict = "conflict",
        /// A permanent change has to be confirmed.
        ConfirmMissing = "confirm-missing",
        /// The condition of If-Match is not met.
        PreconditionFailed = "precondition-failed",
        /// The request has no operator token.
        TokenMissing = "token-missing",
        /// The operator token is unknown.
        TokenUnknown = "token-unknown",
        /// The operator token has expired.
        TokenExpired = "token-expired",
        /// The operator token was revoked.
        TokenRevoked = "token-revoked",
        /// The token is a SCIM token, not an operator token.
        ScimToken = "scim-token",
        /// The operator token lacks a scope.
        ScopeMissing = "scope-missing",
        /// The Idempotency-Key is invalid.
        IdempotencyKeyInvalid = "idempotency-key-invalid",
        /// The Idempotency-Key was used with another request.
        IdempotencyKeyReused = "idempotency-key-reused",
        /// A request with this key is being executed.
        IdempotencyInProgress = "idempotency-in-progress",
        /// The server is temporarily unavailable.
        DatabaseAway = "database-away",
        /// The body has another media type than JSON.
        ContentType = "content-type",
        /// A part of the request is larger than its limit.
        TooLarge = "too-large",
        /// The client sends too much at once.
        TooManyRequests = "too-many-requests",
        /// The request has no token, or an invalid one.
        Unauthenticated = "unauthenticated",
        /// The request is for another host.
        Misdirected = "misdirected",
        /// The server failed.
        Internal = "internal",
    }
}

impl ProblemType {
    /// The status of types with a single one.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::ConfirmMissing | Self::IdempotencyKeyInvalid => 400,
            Self::Unauthenticated
            | Self::TokenMissing
            | Self::TokenUnknown
            | Self::TokenExpired
            | Self::TokenRevoked
            | Self::ScimToken => 401,
            Self::ScopeMissing => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TenantExists | Self::Conflict | Self::IdempotencyInProgress => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::ContentType => 415,
            Self::Misdirected => 421,
            Self::IdempotencyKeyReused => 422,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::DatabaseAway => 503,
        }
    }

    /// The title of all problems of the type.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is invalid.",
            Self::NotFound => "The resource does not exist.",
            Self::MethodNotAllowed => "The method is not supported on this path.",
            Self::TenantExists => "There is a tenant of that name.",
            Self::Conflict => "The current state does not allow the request.",
            Self::ConfirmMissing => "A permanent change has to be confirmed.",
            Self::PreconditionFailed => "The condition of If-Match is not met.",
            Self::TokenMissing => "There is no operator token.",
            Self::TokenUnknown => "The operator token is unknown.",
            Self::TokenExpired => "The operator token has expired.",
            Self::TokenRevoked => "The operator token was revoked.",
            Self::ScimToken => "A SCIM token is not an operator token.",
            Self::ScopeMissing => "The operator token may not do this.",
            Self::IdempotencyKeyInvalid => "The Idempotency-Key is invalid.",
            Self::IdempotencyKeyReused => "The Idempotency-Key was used with another request.",
            Self::IdempotencyInProgress => "The same request is being executed.",
            Self::DatabaseAway => "The server is temporarily unavailable.",
            Self::ContentType => "The media type is not known.",
            Self::TooLarge => "The request is too large.",
            Self::TooManyRequests => "There are too many requests.",
            Self::Unauthenticated => "The token is missing or invalid.",
            Self::Misdirected => "The request is for another host.",
            Self::Internal => "The server failed.",
        }
    }
}

/// One error of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// JSON Pointer into the body (RFC 6901), or the name of a query parameter or header.
    pub(crate) pointer: String,
    /// The error and the allowed values.
    pub(crate) detail: String,
}

/// The refusal of a request.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) kind: ProblemType,
    pub(crate) status: u16,
    /// The error and its remedy, for the client.
    pub(crate) detail: String,
    /// All errors of the request, if there are several.
    pub(crate) faults: Vec<FieldError>,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u32>,
    /// The value of `Allow`, for 405.
    pub(crate) allow: Option<String>,
    /// The cause, for the log.
    pub(crate) cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// The outcome of an operation.
pub(crate) type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// A problem of a type with its status.
    pub(crate) fn new(kind: ProblemType, status: u16, detail: impl Into<String>) -> Self {
        Self {
            kind,
            status,
            detail: detail.into(),
            faults: Vec::new(),
            retry_after: None,
            allow: None,
            cause: None,
        }
    }

    /// A 404.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemType::NotFound, 404, detail)
    }

    /// A 405 with the methods that the path supports.
    pub(crate) fn method_not_allowed(method: &str, allow: String) -> Self {
        let detail = format!("{method} is not supported on this path, which supports {allow}.");
        Self {
            allow: Some(allow),
            ..Self::new(ProblemType::MethodNotAllowed, 405, detail)
        }
    }

    /// The body of the response; `instance` is the id of the request.
    pub(crate) fn body(&self, instance: Option<&str>) -> Value {
        let mut body = json!({
            "type": format!("urn:scimd:problem:{}", self.kind.as_str()),
            "title": self.kind.title(),
            "status": self.status,
            "detail": self.detail,
        });
        if let Some(id) = instance {
            let kind = if id.parse::<Uuid>().is_ok() {
                "uuid"
            } else {
                "scimd:request"
            };
            body["instance"] = format!("urn:{kind}:{id}").into();
        }
        if !self.faults.is_empty() {
            let faults = self
                .faults
                .iter()
                .map(|fault| json!({"pointer": fault.pointer, "detail": fault.detail}));
            body["errors"] = faults.collect();
        }
        body
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match (refusal.kind, refusal.status) {
            (RefusalKind::Malformed, _) => ProblemType::InvalidRequest,
            (RefusalKind::TooLarge, _) => ProblemType::TooLarge,
            (RefusalKind::TooMany, _) => ProblemType::TooManyRequests,
            (RefusalKind::Unavailable, _) => ProblemType::DatabaseAway,
            (RefusalKind::Failed, _) => ProblemType::Internal,
        };
        let detail = match kind {
            ProblemType::Internal => INTERNAL.to_owned(),
            _ => refusal.detail,
        };
        Self {
            retry_after: refusal.retry_after,
            cause: refusal.cause,
            ..Self::new(kind, refusal.status, detail)
        }
    }
}

const INTERNAL: &str = "The server failed; its log has the cause, under the id of this request.";

impl From<ScimError> for Problem {
    /// An error of the protocol or of the database.
    fn from(error: ScimError) -> Self {
        let kind = match error.status() {
            404 => ProblemType::NotFound,
            413 => ProblemType::TooLarge,
            429 => ProblemType::TooManyRequests,
            503 => ProblemType::DatabaseAway,
            500.. => ProblemType::Internal,
            _ => ProblemType::InvalidRequest,
        };
        let detail = match kind {
            ProblemType::Internal => INTERNAL.to_owned(),
            _ => error.detail().to_owned(),
        };
        Self {
            retry_after: error.retry_after(),
            ..Self::new(kind, error.status(), detail)
        }
        .caused_by(error)
    }
}

impl From<OperatorError> for Problem {
    fn from(error: OperatorError) -> Self {
        let at = |pointer: &str| {
            vec![FieldError {
                pointer: pointer.to_owned(),
                detail: error.to_string(),
            }]
        };
        let (kind, faults) = match &error {
            OperatorError::Failed(_) => (ProblemType::Internal, Vec::new()),
            OperatorError::NoTenant(_)
            | OperatorError::NoToken(_)
            | OperatorError::NoValidToken(_)
            | OperatorError::NoUser { .. } => (ProblemType::NotFound, Vec::new()),
            OperatorError::TenantExists(_) => (ProblemType::TenantExists, Vec::new()),
            OperatorError::TenantName(_)
            | OperatorError::TokenNameControl
            | OperatorError::TokenNameLength => (ProblemType::InvalidRequest, at("/name")),
            OperatorError::NegativeSeats => (ProblemType::InvalidRequest, at("/seats")),
            OperatorError::OtherRevision(_) => (ProblemType::PreconditionFailed, Vec::new()),
            OperatorError::TooManyReaders => (ProblemType::TooManyRequests, Vec::new()),
            OperatorError::Repeated => (ProblemType::IdempotencyInProgress, Vec::new()),
            OperatorError::SharedGroupNames(_)
            | OperatorError::TokenRotated { .. }
            | OperatorError::SchemasChanged => (ProblemType::Conflict, Vec::new()),
            _ => (ProblemType::InvalidRequest, Vec::new()),
        };
        match error {
            OperatorError::Failed(error) => error.into(),
            error => Self {
                faults,
                retry_after: [
                    ProblemType::IdempotencyInProgress,
                    ProblemType::TooManyRequests,
                ]
                .contains(&kind)
                .then_some(1),
                ..Self::new(kind, kind.status(), full_stop(error.to_string()))
            },
        }
    }
}

/// Adds a full stop to messages without one, which commands extend.
fn full_stop(text: String) -> String {
    if text.ends_with('.') {
        text
    } else {
        format!("{text}.")
    }
}

impl Problem {
    /// The problem with its cause, for the log.
    pub(crate) fn caused_by(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..self
        }
    }
}
