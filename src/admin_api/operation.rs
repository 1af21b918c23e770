//! An operation of the management API: the description for router, OpenAPI document, reference page and tests.

use crate::admin_api::call::{Call, PAGE, Reply};
use crate::admin_api::problem::{FieldError, ProblemType, Result};
use crate::store::OperatorScope;
use std::pin::Pin;

/// The path prefix of all operations.
pub(crate) const BASE: &str = "/api/v1";

/// The future of a response.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;

/// An operation with its handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// Name of the operation in the document, such as `createTenant`.
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    /// Template of the path below [`BASE`], such as `/tenants/{tenant}`.
    pub(crate) path: &'static str,
    pub(crate) access: RequiredAccess,
    /// Summary, one sentence.
    pub(crate) summary: &'static str,
    /// Further description, in plain Markdown; can be empty.
    pub(crate) details: &'static str,
    pub(crate) query: &'static [Parameter],
    pub(crate) body: Body,
    /// Status and schema of the response; without a schema there is no body.
    pub(crate) answer: (u16, Option<&'static str>),
    /// Problems in addition to those of every operation.
    pub(crate) problems: &'static [ProblemType],
    /// Further errors of a request; `None` if parameters and schema say all.
    pub(crate) check: Option<Check>,
    pub(crate) handle: Handle,
}

/// The handler of an operation.
pub(crate) type Handle = fn(Call) -> Answering;

/// The errors of a request beyond those of its parameters and its schema: across members, and with the database. It
/// runs even if there are other errors, so that one response has all of them.
pub(crate) type Check = for<'a> fn(&'a Call) -> Checking<'a>;

/// The future of the errors of a request.
pub(crate) type Checking<'a> = Pin<Box<dyn Future<Output = Result<Vec<FieldError>>> + Send + 'a>>;

/// Name of an operation, its method and its path below [`BASE`].
pub(crate) type Place = (&'static str, Method, &'static str);

impl Operation {
    /// An operation without query and body, with an empty response: 204.
    pub(crate) const fn new(
        (id, method, path): Place,
        access: RequiredAccess,
        summary: &'static str,
        handle: Handle,
    ) -> Self {
        Self {
            id,
            method,
            path,
            access,
            summary,
            details: "",
            query: &[],
            body: Body::Empty,
            answer: (204, None),
            problems: &[],
            check: None,
            handle,
        }
    }

    /// The operation with a further description.
    pub(crate) const fn detailed(self, details: &'static str) -> Self {
        Self { details, ..self }
    }

    /// The operation with parameters of the query.
    pub(crate) const fn asking(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    /// The operation with a body.
    pub(crate) const fn taking(self, body: Body) -> Self {
        Self { body, ..self }
    }

    /// The operation with a status and the schema of its response.
    pub(crate) const fn giving(self, status: u16, schema: &'static str) -> Self {
        Self {
            answer: (status, Some(schema)),
            ..self
        }
    }

    /// The operation with a check for further errors.
    pub(crate) const fn checking(self, check: Check) -> Self {
        Self {
            check: Some(check),
            ..self
        }
    }

    /// The operation with additional problems.
    pub(crate) const fn failing(self, problems: &'static [ProblemType]) -> Self {
        Self { problems, ..self }
    }
}

impl Operation {
    /// Whether a request can have an `Idempotency-Key`, so that its response is stored: every `POST` except SCIM
    /// searches, which change nothing.
    pub(crate) fn takes_key(&self) -> bool {
        self.method == Method::Post && self.body != Body::Scim
    }
}

/// Methods of operations. `HEAD` and `OPTIONS` are supported for all paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// The name of the method, in upper case.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The tokens that can call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequiredAccess {
    /// Anyone, without a token.
    Public,
    /// Any operator token.
    AnyOperator,
    /// Operator tokens with a scope.
    Scope(OperatorScope),
}

/// The body of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// No body.
    Empty,
    /// JSON for a schema.
    Json(&'static str),
    /// JSON for a schema, or no body, which means an empty object.
    Optional(&'static str),
    /// No body; the response is a stream of Server-Sent Events, each with data for the schema of the response.
    Events,
    /// A SCIM message, which the operation reads itself, or no body.
    Scim,
    /// A merge patch (RFC 7396) for a schema.
    MergePatch(&'static str),
}

/// A parameter of the query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: ParameterKind,
    /// Summary, one sentence.
    pub(crate) summary: &'static str,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    /// Any text.
    Text,
    /// An integer within bounds.
    Number(i64, i64),
    /// `true` or `false`.
    Flag,
    /// One of these keywords.
    Word(&'static [&'static str]),
    /// A time (RFC 3339).
    Moment,
    /// A UUID.
    Id,
}

/// The parameter for the number of results on a page.
pub(crate) const LIMIT: Parameter = Parameter {
    name: "limit",
    kind: ParameterKind::Number(1, PAGE.1),
    summary: "Results on the page; 50 if not given.",
};

/// The parameter for a search in a list of tokens.
pub(crate) const SEARCH: Parameter = Parameter {
    name: "search",
    kind: ParameterKind::Text,
    summary: "The beginning of the name or id; letter case does not count.",
};

/// The parameter for the start of a page.
pub(crate) const CURSOR: Parameter = Parameter {
    name: "cursor",
    kind: ParameterKind::Text,
    summary: "The value of next in the page before.",
};

/// The item after which a list starts, for a client that continues from a shown item.
pub(crate) const AFTER: Parameter = Parameter {
    name: "after",
    kind: ParameterKind::Text,
    summary: "Name or id of the item after which the list begins, instead of a cursor.",
};
