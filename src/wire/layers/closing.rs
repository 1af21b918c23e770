//! Closes an HTTP/1 connection after a response if the start of the next request is unknown, or the server stops.

use crate::wire::body::Remainder;
use crate::wire::deadlines::ConnectionDeadlines;
use crate::wire::layers::middleware::{Inner, Middleware, answer};
use crate::wire::shutdown::Leaving;
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Version};
use axum::response::Response;

/// An extension of a response: the end of the request is unknown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MustClose;

/// Sends `Connection: close` if the end of the request is unknown, if a part of it is not read, and if the server
/// stops.
#[derive(Debug, Clone)]
pub(crate) struct Closing;

impl<S: Inner> Middleware<S> for Closing {
    async fn run(&self, mut request: Request, inner: S) -> Response {
        if request.version() >= Version::HTTP_2 {
            return answer(inner, request).await;
        }
        let remainder = Remainder::default();
        let deadlines = request.extensions().get::<ConnectionDeadlines>().cloned();
        let is_leaving = request.extensions().get::<Leaving>().is_some();
        request.extensions_mut().insert(remainder.clone());
        let mut response = answer(inner, request).await;
        let is_lost = response.extensions().get::<MustClose>().is_some()
            || remainder.is_lost()
            || matches!(response.status().as_u16(), 408 | 413 | 414 | 431);
        if is_lost || is_leaving {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if is_lost && let Some(deadlines) = deadlines {
            deadlines.linger();
        }
        response
    }
}
