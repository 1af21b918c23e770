//! From reply or error to an HTTP response (RFC 7644 sections 3.8, 3.12, 3.14).

use crate::error::{ErrorStatus, ScimError};
use crate::protocol::{BodyChunks, ScimReply};
use crate::reason::Reason;
use crate::wire::refusal::{Refusal, RefusalKind, Refused};
use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LOCATION, CONTENT_TYPE, ETAG, HeaderName, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use hyper::body::Frame;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The response for a reply of the service.
pub(crate) fn reply(reply: ScimReply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // Shared caches must not store personal data; a client with an ETag may cache it if it revalidates each time.
    let caching = if reply.etag.is_some() {
        "private, no-cache"
    } else {
        "no-store"
    };
    // A 304 has the headers that a 200 would have (RFC 9110 section 15.4.5).
    let is_unmodified = status == StatusCode::NOT_MODIFIED;
    let shown_at = reply
        .location
        .clone()
        .filter(|_| reply.body.is_some() || is_unmodified);
    let location = reply.location.filter(|_| !is_unmodified);
    let applied = reply
        .applied
        .map(|applied| format!("return={}", applied.as_str()));
    let mut response = with_body(status, reply.body, reply.rest);
    put(&mut response, CACHE_CONTROL, caching);
    let fields = [
        (ETAG, reply.etag),
        (LOCATION, location),
        (CONTENT_LOCATION, shown_at),
        (PREFERENCE_APPLIED, applied),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            put(&mut response, name, &value);
        }
    }
    response
}

/// Adds the SCIM media type to a response without a body: SCIM-SDK, a library for Java, treats a response to a PATCH
/// without it as a failure (RFC 7644 section 3.1 requires it for responses with a body).
pub(crate) fn name_type(response: &mut Response) {
    response.headers_mut().insert(CONTENT_TYPE, SCIM_JSON);
}

/// The error of a response, an extension for the log.
#[derive(Debug, Clone)]
pub(crate) struct ShownError(pub(crate) Arc<ScimError>);

/// The response to a request that the wire refuses.
pub(crate) fn refusal(refusal: Refusal, refused: &Refused) -> Response {
    error(refusal.into(), refused.has_credentials)
}

impl From<Refusal> for ScimError {
    fn from(refusal: Refusal) -> Self {
        let Refusal {
            kind,
            status,
            detail,
            retry_after,
            cause,
        } = refusal;
        let status = ErrorStatus::new(status).unwrap_or(ErrorStatus::INTERNAL_SERVER_ERROR);
        let error = match kind {
            RefusalKind::Malformed => Self::new(status, detail).because(Reason::MessageInvalid),
            RefusalKind::TooLarge => Self::new(status, detail).because(Reason::TooLarge),
            RefusalKind::TooMany => Self::new(status, detail)
                .because(Reason::RateLimited)
                .with_retry_after(retry_after.unwrap_or(1)),
            RefusalKind::Unavailable => Self::unavailable(detail, retry_after.unwrap_or(1)),
            RefusalKind::Failed => Self::internal("no cause"),
        };
        match cause {
            Some(cause) => error.caused_by(cause),
            None => error,
        }
    }
}

/// The response to an error. `credentials` is whether the request had an `Authorization` field: a challenge has no
/// error code without it (RFC 6750 section 3.1).
pub(crate) fn error(error: ScimError, credentials: bool) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = with_body(status, Some(error_body(&error)), None);
    put(&mut response, CACHE_CONTROL, "no-store");
    if status == StatusCode::UNAUTHORIZED || error.lacks_scope() {
        put(
            &mut response,
            WWW_AUTHENTICATE,
            &challenge(&error, credentials),
        );
    }
    if let Some(seconds) = error.retry_after() {
        put(&mut response, RETRY_AFTER, &seconds.max(1).to_string());
    }
    response
        .extensions_mut()
        .insert(ShownError(Arc::new(error)));
    response
}

/// The Error message of RFC 7644 section 3.12.
pub(crate) fn error_body(error: &ScimError) -> String {
    error.message().to_string()
}

/// A body whose rest is read while the beginning is sent. If reading fails, the transfer is aborted, which the client
/// can distinguish from a complete body.
struct Growing {
    head: Option<String>,
    rest: BodyChunks,
}

impl hyper::body::Body for Growing {
    type Data = Bytes;
    type Error = ScimError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ScimError>>> {
        match self.head.take() {
            Some(head) => Poll::Ready(Some(Ok(Frame::data(head.into())))),
            None => self
                .rest
                .poll_next(context)
                .map(|chunk| chunk.map(|text| Ok(Frame::data(text?.into())))),
        }
    }
}

fn with_body(status: StatusCode, body: Option<String>, rest: Option<BodyChunks>) -> Response {
    let has_body = body.is_some();
    let mut response = Response::new(match rest {
        Some(rest) => Body::new(Growing { head: body, rest }),
        None => body.map_or_else(Body::empty, Body::from),
    });
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if has_body {
        response.headers_mut().insert(CONTENT_TYPE, SCIM_JSON);
    }
    response
}

/// Sets a header; a text that is not a valid value is omitted.
pub(crate) fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn challenge(error: &ScimError, credentials: bool) -> String {
    let realm = "Bearer realm=\"scim\"";
    if !credentials {
        return realm.to_owned();
    }
    // The characters that RFC 6750 section 3 allows in a description.
    let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    let description: String = error
        .detail()
        .chars()
        .map(|c| if c == '"' { '\'' } else { c })
        .filter(allowed)
        .collect();
    let code = if error.lacks_scope() {
        "insufficient_scope"
    } else {
        "invalid_token"
    };
    format!("{realm}, error=\"{code}\", error_description=\"{description}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(response: &Response, name: HeaderName) -> Option<&str> {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap())
    }

    #[test]
    fn errors_have_the_shape_of_the_rfc() {
        let body = error_body(&ScimError::uniqueness("userName \"a\" is in use."));
        assert_eq!(
            body,
            "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"scimType\":\"uniqueness\",\
             \"detail\":\"userName \\\"a\\\" is in use.\",\"status\":\"409\"}"
        );
        assert!(!error_body(&ScimError::not_found("no")).contains("scimType"));
    }

    #[test]
    fn a_challenge_distinguishes_invalid_from_missing_credentials() {
        let refused = ScimError::unauthorized("The token \"é\\x\" has expired.\n");
        let none = error(refused.again(), false);
        assert_eq!(
            header(&none, WWW_AUTHENTICATE),
            Some("Bearer realm=\"scim\"")
        );
        let bad = error(refused, true);
        assert_eq!(
            header(&bad, WWW_AUTHENTICATE),
            Some(
                "Bearer realm=\"scim\", error=\"invalid_token\", error_description=\"The token 'x' has expired.\""
            )
        );
        assert_eq!(
            header(&error(ScimError::forbidden("no"), true), WWW_AUTHENTICATE),
            None
        );
    }

    #[test]
    fn retry_after_is_a_second_at_least() {
        assert_eq!(
            header(
                &error(ScimError::unavailable("later", 0), true),
                RETRY_AFTER
            ),
            Some("1")
        );
        assert_eq!(
            header(
                &error(ScimError::unavailable("later", 7), true),
                RETRY_AFTER
            ),
            Some("7")
        );
    }

    #[test]
    fn versions_go_into_headers() {
        let found = |reply: ScimReply| ScimReply {
            etag: Some("W/\"3\"".into()),
            location: Some("https://a/scim/v2/Users/1".into()),
            ..reply
        };
        let response = reply(found(ScimReply::ok("{}".into())));
        assert_eq!(header(&response, ETAG), Some("W/\"3\""));
        assert_eq!(
            header(&response, LOCATION),
            Some("https://a/scim/v2/Users/1")
        );
        assert_eq!(header(&response, CACHE_CONTROL), Some("private, no-cache"));
        assert_eq!(
            header(&response, CONTENT_TYPE),
            Some("application/scim+json")
        );
        let unmodified = reply(found(ScimReply::empty(304)));
        assert_eq!(unmodified.status(), 304);
        assert_eq!(header(&unmodified, CONTENT_TYPE), None);
        assert_eq!(header(&unmodified, ETAG), Some("W/\"3\""));
        assert_eq!(header(&unmodified, LOCATION), None);
        for (shows, response) in [
            (true, &response),
            (true, &unmodified),
            (false, &reply(found(ScimReply::empty(204)))),
        ] {
            let expected = shows.then_some("https://a/scim/v2/Users/1");
            assert_eq!(header(response, CONTENT_LOCATION), expected);
        }
        let listed = reply(ScimReply::ok("{}".into()));
        assert_eq!(header(&listed, CACHE_CONTROL), Some("no-store"));
        assert_eq!(header(&listed, X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
    }
}
