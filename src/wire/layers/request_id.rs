//! The id of each request, in its response and its log lines.

use crate::wire::layers::middleware::{Inner, Middleware, answer};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use std::sync::Arc;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, an extension of it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// Adds the [`RequestId`] to the request, and the header `X-Request-Id` to the response.
#[derive(Debug, Clone)]
pub(crate) struct NameRequest;

impl<S: Inner> Middleware<S> for NameRequest {
    async fn run(&self, mut request: Request, inner: S) -> Response {
        let id = request_id(request.headers());
        request
            .extensions_mut()
            .insert(RequestId(id.as_str().into()));
        let mut response = answer(inner, request).await;
        if let Ok(id) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
}

/// The client's `X-Request-Id`, if it is valid for a log, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    let fit = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    given
        .filter(fit)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_request_ids_are_kept() {
        let of = |text: &str| {
            request_id(&HeaderMap::from_iter([(
                REQUEST_ID,
                HeaderValue::from_str(text).unwrap(),
            )]))
        };
        assert_eq!(of("abc-1.2_3"), "abc-1.2_3");
        for bad in ["", "a b", "a\"b", &"a".repeat(65)] {
            assert!(of(bad).parse::<Uuid>().is_ok(), "{bad}");
        }
    }
}
