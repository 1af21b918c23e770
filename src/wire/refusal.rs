//! Requests that the wire refuses. The API of the request defines the format of the response.

use crate::wire::layers::request_id::RequestId;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Builds the response to a refused request.
pub(crate) type Refuse = fn(Refusal, &Refused) -> Response;

/// Forms of responses to refused requests: an API below one prefix can have its own form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefusalForms {
    usual: Refuse,
    below: Option<(&'static str, Refuse)>,
}

impl RefusalForms {
    /// One form for all paths.
    pub(crate) fn new(usual: Refuse) -> Self {
        Self { usual, below: None }
    }

    /// Sets a separate form for the paths below a prefix.
    pub(crate) fn with(self, prefix: &'static str, refuse: Refuse) -> Self {
        Self {
            below: Some((prefix, refuse)),
            ..self
        }
    }

    /// The form for a path.
    pub(crate) fn at(&self, path: &str) -> Refuse {
        match self.below {
            Some((prefix, refuse)) if is_below(path, prefix) => refuse,
            _ => self.usual,
        }
    }
}

/// Whether a path is the prefix or below it.
pub(crate) fn is_below(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Input of the response to a refused request.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    /// Whether the request had credentials.
    pub(crate) has_credentials: bool,
    /// The id of the request, if it already has one.
    pub(crate) request_id: Option<Arc<str>>,
}

impl Refused {
    /// Takes the input from the head of a request.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let id = request.extensions().get::<RequestId>();
        Self {
            has_credentials: request.headers().contains_key(AUTHORIZATION),
            request_id: id.map(|id| id.0.clone()),
        }
    }
}

/// The outcome of a step that the wire can refuse.
pub(crate) type Result<T> = std::result::Result<T, Refusal>;

/// A refusal, with the status of the response and the text for the client.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The kind of refusal.
    pub(crate) kind: RefusalKind,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The text for the client. Empty for [`RefusalKind::Failed`], whose cause is hidden from the client.
    pub(crate) detail: String,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u32>,
    /// The cause, for the log.
    pub(crate) cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    /// The message is ambiguous, broken or incomplete.
    Malformed,
    /// A part of the message is larger than its limit.
    TooLarge,
    /// The client sends too much at once.
    TooMany,
    /// The server is temporarily unavailable.
    Unavailable,
    /// The server failed.
    Failed,
}

impl Refusal {
    fn new(kind: RefusalKind, status: u16, detail: impl Into<String>) -> Self {
        Self {
            kind,
            status,
            detail: detail.into(),
            retry_after: None,
            cause: None,
        }
    }

    /// A refusal with status 400.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(RefusalKind::Malformed, 400, detail)
    }

    /// A refusal with status 408, after the time limit for the body.
    pub(crate) fn too_slow(time: Duration) -> Self {
        let detail = format!("The body did not arrive within {} seconds.", time.as_secs());
        Self::new(RefusalKind::Malformed, 408, detail)
    }

    /// A refusal with status 413, 414 or 431.
    pub(crate) fn too_large(status: u16, detail: impl Into<String>) -> Self {
        Self::new(RefusalKind::TooLarge, status, detail)
    }

    /// A refusal with status 429 and `Retry-After` in seconds.
    pub(crate) fn too_many(detail: impl Into<String>, retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(RefusalKind::TooMany, 429, detail)
        }
    }

    /// A refusal with status 503 and `Retry-After` in seconds.
    pub(crate) fn unavailable(detail: impl Into<String>, retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(RefusalKind::Unavailable, 503, detail)
        }
    }

    /// A refusal with status 500, and the cause for the log.
    pub(crate) fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(Arc::from(cause.into())),
            ..Self::new(RefusalKind::Failed, 500, "")
        }
    }

    /// The refusal with its cause, for the log.
    pub(crate) fn caused_by(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..self
        }
    }
}
