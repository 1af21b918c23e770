//! A request for an operation, and its result.

use crate::admin_api::app::Api;
use crate::admin_api::problem::{FieldError, Problem, ProblemType, Result};
use crate::clock::Timestamp;
use crate::operator::{Once, OnceKey, Operator};
use crate::store::{OperatorScope, OperatorTokenInfo};
use crate::wire::body::Upload;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};

/// Default and maximum number of results on a page.
pub(crate) const PAGE: (i64, i64) = (50, 200);

/// A routed, authenticated and checked request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    /// The operator handle with the caller as actor.
    pub(crate) operator: Operator,
    /// The caller; `None` for an operation without a token.
    pub(crate) caller: Option<Arc<OperatorTokenInfo>>,
    pub(crate) head: Parts,
    /// Raw method, path and query, for the digests in cursors and keys.
    pub(crate) target: String,
    /// Values of the variables in the path, decoded, with their names.
    pub(crate) segments: Vec<(&'static str, String)>,
    /// The errors of parameters and body; an operation is only executed without any.
    pub(crate) found: Vec<FieldError>,
    /// Validated parameters of the query.
    pub(crate) query: Vec<(&'static str, String)>,
    /// The validated body.
    pub(crate) body: Map<String, Value>,
    /// The body that an operation of SCIM reads itself.
    pub(crate) upload: Mutex<Option<Upload>>,
    /// The key of the stored response, if the request has one.
    pub(crate) once: Option<OnceKey>,
}

/// The result of an operation.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A body in JSON.
    Json(JsonReply),
    /// No body: 204.
    Empty,
    /// A complete response.
    Ready(Box<Response>),
}

/// A JSON response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonReply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// The value of `ETag`.
    pub(crate) etag: Option<String>,
    /// The path of the created object.
    pub(crate) location: Option<String>,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
}

impl Reply {
    /// A 200 with a body.
    pub(crate) fn ok(body: Value) -> Self {
        Self::Json(JsonReply::new(200, body))
    }

    /// The response for a repeated request; `None` for one that cannot be stored.
    pub(crate) fn kept(&self) -> Option<String> {
        match self {
            Self::Json(reply) => Some(reply.kept()),
            Self::Empty => Some(JsonReply::new(204, Value::Null).kept()),
            Self::Ready(_) => None,
        }
    }
}

impl JsonReply {
    /// A response without further headers.
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body,
            etag: None,
            location: None,
            next: None,
        }
    }

    /// The response with the tag of a revision.
    pub(crate) fn tagged(self, revision: i64) -> Self {
        Self {
            etag: Some(tag(revision)),
            ..self
        }
    }

    /// The response for a repeated request.
    pub(crate) fn kept(&self) -> String {
        json!([self.status, self.body, self.etag, self.location]).to_string()
    }

    /// The stored response.
    pub(crate) fn of_kept(text: &str) -> Option<Self> {
        let (status, body, etag, location) = serde_json::from_str(text).ok()?;
        Some(Self {
            status,
            body,
            etag,
            location,
            next: None,
        })
    }
}

/// The stored form of a response without a body.
pub(crate) const NOTHING: fn(&()) -> String = |()| JsonReply::new(204, Value::Null).kept();

/// The entity tag of a revision (RFC 9110 section 8.8.3).
pub(crate) fn tag(revision: i64) -> String {
    format!("\"{revision}\"")
}

impl Call {
    /// The value of a variable in the path.
    pub(crate) fn segment(&self, name: &str) -> &str {
        let found = self.segments.iter().find(|(own, _)| *own == name);
        found.map_or("", |(_, value)| value)
    }

    /// Name of the tenant in the path.
    pub(crate) fn tenant(&self) -> &str {
        self.segment("tenant")
    }

    /// The value of a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a flag of the query is set.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.parameter(name) == Some("true")
    }

    /// A time in the query.
    pub(crate) fn moment(&self, name: &str) -> Option<Timestamp> {
        self.parameter(name).and_then(Timestamp::parse)
    }

    /// Number of results on the page.
    pub(crate) fn limit(&self) -> i64 {
        let given = self.parameter("limit").and_then(|text| text.parse().ok());
        given.unwrap_or(PAGE.0)
    }

    /// A text member of the body.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// Stores the response for the result of an act, if the request has a key.
    pub(crate) fn keeping<'a, T>(
        &'a self,
        answer: &'a (dyn Fn(&T) -> String + Sync),
    ) -> Option<Once<'a, T>> {
        let key = self.once.as_ref()?;
        Some(Once { key, answer })
    }

    /// Whether the caller has access to a tenant.
    pub(crate) fn reaches(&self, tenant: &str) -> bool {
        let limited = self
            .caller
            .as_ref()
            .and_then(|caller| caller.tenants.as_ref());
        limited.is_none_or(|tenants| tenants.iter().any(|own| own == tenant))
    }

    /// Whether an item with a name and id matches the search, if there is one.
    pub(crate) fn finds(&self, name: &str, id: &str) -> bool {
        let Some(search) = self.parameter("search").map(str::to_lowercase) else {
            return true;
        };
        [name, id]
            .iter()
            .any(|text| text.to_lowercase().starts_with(&search))
    }

    /// Names of the tenants to which the caller is limited; `None`: all.
    pub(crate) fn tenants(&self) -> Option<&[String]> {
        self.caller.as_ref()?.tenants.as_deref()
    }

    /// The revision in `If-Match`; `None` for any revision.
    ///
    /// # Errors
    /// 412 if the header has no tag of this API.
    pub(crate) fn expected_revision(&self) -> Result<Option<i64>> {
        let Some(header) = self.head.headers.get(IF_MATCH) else {
            return Ok(None);
        };
        let text = header.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(None);
        }
        let inner = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let revision = inner.and_then(|inner| inner.parse().ok());
        revision.map(Some).ok_or_else(|| {
            precondition_failed("If-Match has no tag of this API; use the value of ETag.")
        })
    }

    /// The query without the cursor, to which a cursor is bound.
    fn page_key(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        let parameters = self
            .query
            .iter()
            .filter(|(name, _)| !["cursor", "limit", "total"].contains(name));
        let parameters: Vec<_> = parameters.collect();
        json!([path, parameters]).to_string()
    }

    /// The position after which the page starts, from [`Call::page`].
    ///
    /// # Errors
    /// 400 if the cursor does not belong to this list.
    pub(crate) fn place(&self) -> Result<Option<Value>> {
        let Some(cursor) = self.parameter("cursor") else {
            return Ok(None);
        };
        let opened = self.operator.open_place(&self.page_key(), cursor);
        let place = opened.and_then(|text| serde_json::from_str(&text).ok());
        place.map(Some).ok_or_else(|| {
            let detail = "The cursor does not belong to this list and query: start without one.";
            invalid("cursor", detail)
        })
    }

    /// The name or id after which the page starts, from the cursor or from `after`.
    ///
    /// # Errors
    /// 400 if the cursor does not belong to this list.
    pub(crate) fn behind(&self) -> Result<Option<String>> {
        let place = self.place()?;
        let place = place.as_ref().and_then(Value::as_str);
        Ok(place.or(self.parameter("after")).map(str::to_owned))
    }

    /// A page of items, with the position of the next page if there are more.
    ///
    /// # Errors
    /// 500 if the position cannot be sealed.
    pub(crate) fn page(&self, items: &[Value], next: Option<&Value>) -> Result<JsonReply> {
        let seal = |place: &Value| {
            self.operator
                .seal_place(&self.page_key(), &place.to_string())
        };
        let next = next.map(seal).transpose()?;
        let body = json!({"items": items, "next": next});
        Ok(JsonReply {
            next,
            ..JsonReply::new(200, body)
        })
    }
}

/// Truncates a page to its limit: one more item was read if there are more.
pub(crate) fn cut<T>(mut read: Vec<T>, limit: i64) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = read.len() > limit;
    read.truncate(limit);
    (read, has_more)
}

/// One error of a request.
pub(crate) fn fault(pointer: &str, detail: impl Into<String>) -> FieldError {
    FieldError {
        pointer: pointer.to_owned(),
        detail: detail.into(),
    }
}

/// A 400 with one error.
pub(crate) fn invalid(pointer: &str, detail: &str) -> Problem {
    faults(vec![fault(pointer, detail)])
}

/// A 400 with all errors.
pub(crate) fn faults(faults: Vec<FieldError>) -> Problem {
    let detail = match faults.as_slice() {
        [fault] => fault.detail.clone(),
        many => format!("The request has {} errors; see errors.", many.len()),
    };
    Problem {
        faults,
        ..Problem::new(ProblemType::InvalidRequest, 400, detail)
    }
}

/// A 412.
pub(crate) fn precondition_failed(detail: &str) -> Problem {
    Problem::new(ProblemType::PreconditionFailed, 412, detail)
}

/// A 403 that names the missing scope.
pub(crate) fn scope_missing(scope: OperatorScope) -> Problem {
    let detail = format!(
        "The operator token does not have the scope \"{}\".",
        scope.as_str()
    );
    Problem::new(ProblemType::ScopeMissing, 403, detail)
}
