//! Refusals (RFC 7644 section 3.12): a kind, a text for the client and a text for the log.
//!
//! This crate refuses input that cannot be parsed, violates its schema, or is too large. The caller maps an
//! [`ErrorKind`] to a response; this module has its status and scimType.
//!
//! ```
//! use scim_core::error::{Error, ErrorKind, ScimType};
//! use scim_core::messages::ErrorMessage;
//!
//! let error = Error::invalid_value("Attribute \"active\" must be true or false.");
//! assert_eq!(error.kind(), ErrorKind::InvalidValue);
//! assert_eq!(error.kind().scim_type(), Some(ScimType::InvalidValue));
//! assert_eq!(
//!     ErrorMessage::from(&error).to_string(),
//!     r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":"invalidValue","detail":"Attribute \"active\" must be true or false.","status":"400"}"#
//! );
//! ```

use crate::keywords;
use std::fmt;

/// Result of the functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An HTTP status of an error: 400 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorStatus(u16);

macro_rules! statuses {
    ($($name:ident = $code:literal,)*) => {$(
        #[doc = concat!("Status ", $code, ".")]
        pub const $name: Self = Self($code);
    )*};
}

impl ErrorStatus {
    statuses! {
        BAD_REQUEST = 400,
        UNAUTHORIZED = 401,
        FORBIDDEN = 403,
        NOT_FOUND = 404,
        METHOD_NOT_ALLOWED = 405,
        REQUEST_TIMEOUT = 408,
        CONFLICT = 409,
        PRECONDITION_FAILED = 412,
        CONTENT_TOO_LARGE = 413,
        URI_TOO_LONG = 414,
        UNSUPPORTED_MEDIA_TYPE = 415,
        TOO_MANY_REQUESTS = 429,
        HEADER_FIELDS_TOO_LARGE = 431,
        CLIENT_CLOSED_REQUEST = 499,
        INTERNAL_SERVER_ERROR = 500,
        NOT_IMPLEMENTED = 501,
        SERVICE_UNAVAILABLE = 503,
    }

    /// The status with that code; `None` for a code that is not an error.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            400..=599 => Some(Self(code)),
            _ => None,
        }
    }

    /// The code.
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ErrorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

keywords! {
    /// `scimType` of an error (RFC 7644 table 9, RFC 9865 table 3).
    ScimType {
        /// Filter syntax, or an operator that the attribute does not support.
        InvalidFilter = "invalidFilter",
        /// More results than the server computes.
        TooMany = "tooMany",
        /// A unique value is in use.
        Uniqueness = "uniqueness",
        /// A readOnly or immutable attribute would be changed, or a required one removed.
        Mutability = "mutability",
        /// The message has a wrong structure.
        InvalidSyntax = "invalidSyntax",
        /// A PATCH path that cannot be parsed or has an unknown attribute.
        InvalidPath = "invalidPath",
        /// A PATCH path that selects nothing.
        NoTarget = "noTarget",
        /// A value that is missing or invalid.
        InvalidValue = "invalidValue",
        /// Unsupported protocol version in the URL.
        InvalidVers = "invalidVers",
        /// Personal data in a URL.
        Sensitive = "sensitive",
        /// A cursor of another server, or of another query.
        InvalidCursor = "invalidCursor",
        /// An expired cursor.
        ExpiredCursor = "expiredCursor",
        /// A `count` that changed between pages.
        InvalidCount = "invalidCount",
    }
}

/// Kinds of refusals. Each has one status and at most one scimType.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A filter cannot be parsed, or does not match the attributes. 400 `invalidFilter`.
    InvalidFilter,
    /// A value must not be changed or removed. 400 `mutability`.
    Mutability,
    /// The structure of a message is wrong. 400 `invalidSyntax`.
    InvalidSyntax,
    /// A PATCH path cannot be parsed or has an unknown attribute. 400 `invalidPath`.
    InvalidPath,
    /// A PATCH path selects nothing. 400 `noTarget`.
    NoTarget,
    /// A value is missing or invalid. 400 `invalidValue`.
    InvalidValue,
    /// The message is larger than a limit. 413.
    TooLarge,
}

impl ErrorKind {
    /// The status of the response.
    pub fn status(self) -> ErrorStatus {
        match self {
            Self::TooLarge => ErrorStatus::CONTENT_TOO_LARGE,
            _ => ErrorStatus::BAD_REQUEST,
        }
    }

    /// The scimType of the response, if RFC 7644 defines one.
    pub fn scim_type(self) -> Option<ScimType> {
        Some(match self {
            Self::InvalidFilter => ScimType::InvalidFilter,
            Self::Mutability => ScimType::Mutability,
            Self::InvalidSyntax => ScimType::InvalidSyntax,
            Self::InvalidPath => ScimType::InvalidPath,
            Self::NoTarget => ScimType::NoTarget,
            Self::InvalidValue => ScimType::InvalidValue,
            Self::TooLarge => return None,
        })
    }
}

/// A finer classification within one kind, for servers that need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// No schema declares an attribute, or the type does not have a URN of `schemas`.
    UnknownAttribute,
    /// A required attribute has no value, or would be removed.
    RequiredMissing,
    /// A request has more members than [`ValueLimits::members`](crate::resource::limits::ValueLimits::members).
    TooManyMembers,
}

/// A refusal.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    problem: Option<Problem>,
    detail: String,
    logged: Option<String>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $kind:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(detail: impl Into<String>) -> Self {
            Self::new(ErrorKind::$kind, detail)
        }
    )*};
}

impl Error {
    /// A refusal with a text for the client.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            problem: None,
            detail: detail.into(),
            logged: None,
        }
    }

    kinds! {
        /// A refusal of kind [`ErrorKind::InvalidFilter`].
        invalid_filter = InvalidFilter;
        /// A refusal of kind [`ErrorKind::Mutability`].
        mutability = Mutability;
        /// A refusal of kind [`ErrorKind::InvalidSyntax`].
        invalid_syntax = InvalidSyntax;
        /// A refusal of kind [`ErrorKind::InvalidPath`].
        invalid_path = InvalidPath;
        /// A refusal of kind [`ErrorKind::NoTarget`].
        no_target = NoTarget;
        /// A refusal of kind [`ErrorKind::InvalidValue`].
        invalid_value = InvalidValue;
        /// A refusal of kind [`ErrorKind::TooLarge`].
        too_large = TooLarge;
    }

    /// The error with its problem.
    #[must_use]
    pub fn about(self, problem: Problem) -> Self {
        Self {
            problem: Some(problem),
            ..self
        }
    }

    /// The error with a text for the log in place of the detail, for details that repeat a value of
    /// the client.
    #[must_use]
    pub fn logged_as(self, detail: impl Into<String>) -> Self {
        Self {
            logged: Some(detail.into()),
            ..self
        }
    }

    /// The error with a prefix before its texts, such as the operation that failed.
    #[must_use]
    pub fn within(self, context: impl fmt::Display) -> Self {
        let within = |detail: &str| format!("{context}: {detail}");
        Self {
            detail: within(&self.detail),
            logged: self.logged.as_deref().map(within),
            ..self
        }
    }

    /// The kind of the refusal.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The problem, if this crate distinguishes it.
    pub fn problem(&self) -> Option<Problem> {
        self.problem
    }

    /// The status of the response.
    pub fn status(&self) -> ErrorStatus {
        self.kind.status()
    }

    /// The scimType of the response.
    pub fn scim_type(&self) -> Option<ScimType> {
        self.kind.scim_type()
    }

    /// The text for the client.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The text for the log: the detail without values of the client.
    pub fn logged(&self) -> &str {
        self.logged.as_deref().unwrap_or(&self.detail)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Error {}
