//! The error of a request: an HTTP status, a SCIM error type and a text for the administrator of the
//! identity provider (RFC 7644 section 3.12). Refusals of `scim-core` become one by `From`.
//!
//! `detail` is for the client and never contains another tenant's data, SQL or a stack trace. `source` is for the
//! operator's log and is never sent to the client.

use crate::reason::Reason;
use scim_core::error::{Error, ErrorKind, Problem};
use scim_core::messages::ErrorMessage;
use std::fmt;

pub(crate) use scim_core::error::{ErrorStatus, ScimType};

/// An error as the client sees it, with its cause for the log.
#[derive(Debug)]
pub struct ScimError {
    status: ErrorStatus,
    scim_type: Option<ScimType>,
    reason: Option<Reason>,
    detail: String,
    logged: Option<String>,
    retry_after: Option<u32>,
    lacks_scope: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Result of an operation of the protocol.
pub(crate) type Result<T, E = ScimError> = std::result::Result<T, E>;

macro_rules! bad_request {
    ($($(#[$doc:meta])* $name:ident = $kind:ident, $reason:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name(detail: impl Into<String>) -> Self {
            Self::new(ErrorStatus::BAD_REQUEST, detail).with_type(ScimType::$kind).because(Reason::$reason)
        }
    )*};
}

impl ScimError {
    /// An error with an HTTP status and a text for the client.
    pub(crate) fn new(status: ErrorStatus, detail: impl Into<String>) -> Self {
        Self {
            status,
            scim_type: None,
            reason: None,
            detail: detail.into(),
            logged: None,
            retry_after: None,
            lacks_scope: false,
            source: None,
        }
    }

    bad_request! {
        /// A 400 `invalidFilter`.
        invalid_filter = InvalidFilter, FilterInvalid;
        /// A 400 `invalidValue`.
        invalid_value = InvalidValue, ValueInvalid;
        /// A 400 `invalidVers`.
        invalid_version = InvalidVers, PathBase;
        /// A 400 `invalidCursor` (RFC 9865 section 2.1).
        invalid_cursor = InvalidCursor, CursorInvalid;
        /// A 400 `expiredCursor` (RFC 9865 section 2.1).
        expired_cursor = ExpiredCursor, CursorInvalid;
        /// A 400 `invalidCount` (RFC 9865 section 2.1).
        invalid_count = InvalidCount, CursorInvalid;
    }

    /// A 409 `uniqueness`.
    pub(crate) fn uniqueness(detail: impl Into<String>) -> Self {
        Self::new(ErrorStatus::CONFLICT, detail)
            .with_type(ScimType::Uniqueness)
            .because(Reason::ValueExists)
    }

    /// A 404, which has no scimType (RFC 7644 section 3.12).
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ErrorStatus::NOT_FOUND, detail).because(Reason::ResourceGone)
    }

    /// A 404 for a URL without an endpoint.
    pub(crate) fn no_endpoint(detail: impl Into<String>) -> Self {
        Self::new(ErrorStatus::NOT_FOUND, detail).because(Reason::EndpointUnknown)
    }

    /// A 401.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(ErrorStatus::UNAUTHORIZED, detail)
    }

    /// A 403.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(ErrorStatus::FORBIDDEN, detail)
    }

    /// A 403 for a valid token without the required scope (RFC 6750 section 3.1).
    pub(crate) fn insufficient_scope(detail: impl Into<String>) -> Self {
        Self {
            lacks_scope: true,
            ..Self::forbidden(detail).because(Reason::TokenScope)
        }
    }

    /// A 412.
    pub(crate) fn precondition_failed(detail: impl Into<String>) -> Self {
        Self::new(ErrorStatus::PRECONDITION_FAILED, detail).because(Reason::VersionConflict)
    }

    /// A 501.
    pub(crate) fn not_implemented(detail: impl Into<String>) -> Self {
        Self::new(ErrorStatus::NOT_IMPLEMENTED, detail).because(Reason::MethodUnsupported)
    }

    /// A 503 with `Retry-After`, in seconds. Every temporary problem has this status, because clients do not retry
    /// after other errors.
    pub(crate) fn unavailable(detail: impl Into<String>, retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(ErrorStatus::SERVICE_UNAVAILABLE, detail).because(Reason::ServerBusy)
        }
    }

    /// A 503 for a write whose tenant's schemas changed during every attempt.
    pub(crate) fn outdated() -> Self {
        Self::unavailable(
            "The schemas of this tenant were changed at this moment; try again.",
            1,
        )
    }

    /// A 500 for a fault of the server. The cause is logged and not sent to the client.
    pub(crate) fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(
            ErrorStatus::INTERNAL_SERVER_ERROR,
            "The server failed to process the request; its log has the cause.",
        )
        .because(Reason::Internal)
        .caused_by(source)
    }

    /// The error with a scimType.
    pub(crate) fn with_type(self, scim_type: ScimType) -> Self {
        Self {
            scim_type: Some(scim_type),
            ..self
        }
    }

    /// The error with the reason that the provisioning log records.
    pub(crate) fn because(self, reason: Reason) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    /// The error with the contact at the end of its text, if only the vendor can solve it. The text for the log is
    /// unchanged.
    pub(crate) fn with_contact(self, contact: Option<&str>) -> Self {
        let needs_vendor = matches!(self.status(), 401 | 403 | 409)
            && self.reason.is_some_and(Reason::needs_vendor);
        match contact.filter(|_| needs_vendor) {
            Some(contact) => {
                let logged = self.logged().to_owned();
                Self {
                    detail: format!("{} Contact: {contact}", self.detail),
                    logged: Some(logged),
                    ..self
                }
            }
            None => self,
        }
    }

    /// The error with `Retry-After`, in seconds.
    pub(crate) fn with_retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// The error with its cause, which only the log shows.
    pub(crate) fn caused_by(
        self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// The error with another text for logs in place of the detail: for details that repeat a value
    /// of the client.
    pub(crate) fn logged_as(self, detail: impl Into<String>) -> Self {
        Self {
            logged: Some(detail.into()),
            ..self
        }
    }

    /// A copy of the error, without its cause.
    pub(crate) fn again(&self) -> Self {
        let Self {
            status,
            scim_type,
            reason,
            retry_after,
            lacks_scope,
            ..
        } = *self;
        Self {
            status,
            scim_type,
            reason,
            detail: self.detail.clone(),
            logged: self.logged.clone(),
            retry_after,
            lacks_scope,
            source: None,
        }
    }

    /// HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The SCIM Error message (RFC 7644 section 3.12).
    pub(crate) fn message(&self) -> ErrorMessage<'_> {
        ErrorMessage {
            status: self.status,
            scim_type: self.scim_type,
            detail: &self.detail,
        }
    }

    /// The SCIM error type, where RFC 7644 defines one.
    pub(crate) fn scim_type(&self) -> Option<ScimType> {
        self.scim_type
    }

    /// The reason, a keyword.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// The text for the client.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The text for logs: the detail without values that the client sent.
    pub(crate) fn logged(&self) -> &str {
        self.logged.as_deref().unwrap_or(&self.detail)
    }

    /// Whether another token of the tenant could succeed.
    pub(crate) fn lacks_scope(&self) -> bool {
        self.lacks_scope
    }

    /// `Retry-After`, in seconds.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }
}

impl fmt::Display for ScimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ScimError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<Error> for ScimError {
    fn from(error: Error) -> Self {
        let refused = Self::new(error.status(), error.detail()).because(reason(&error));
        let logged = (error.logged() != error.detail()).then(|| error.logged().to_owned());
        Self {
            scim_type: error.scim_type(),
            logged,
            ..refused
        }
    }
}

/// The keyword of the provisioning log for a refusal of the core.
fn reason(error: &Error) -> Reason {
    match (error.problem(), error.kind()) {
        (Some(Problem::UnknownAttribute), _) => Reason::AttributeUnknown,
        (Some(Problem::RequiredMissing), _) => Reason::RequiredMissing,
        (Some(Problem::TooManyMembers), _) => Reason::MembersTooMany,
        (_, ErrorKind::InvalidFilter) => Reason::FilterInvalid,
        (_, ErrorKind::Mutability) => Reason::Mutability,
        (_, ErrorKind::InvalidSyntax) => Reason::MessageInvalid,
        (_, ErrorKind::TooLarge) => Reason::TooLarge,
        _ => Reason::ValueInvalid,
    }
}
