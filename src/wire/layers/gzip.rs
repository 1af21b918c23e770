//! Compression of responses for clients that accept it.

use crate::wire::layers::middleware::{Inner, Middleware, answer};
use axum::body::Body;
use axum::extract::Request;
use axum::http;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionBody, CompressionLayer, CompressionLevel};

/// Minimum size for compression: for fewer bytes the computation costs more than it saves.
const WORTHWHILE_BYTES: u64 = 1024;

/// Whether a response is compressed. Event streams are not, because each event would wait for later ones.
pub(crate) type Worthwhile = And<SizeAbove, NotForContentType>;

/// Compresses responses with gzip.
pub(crate) fn compression() -> CompressionLayer<Worthwhile> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(WORTHWHILE_BYTES).and(NotForContentType::SSE))
}

/// A response whose body can be compressed.
pub(crate) fn body(response: http::Response<CompressionBody<Body>>) -> Response {
    response.map(Body::new)
}

/// Reduces `Accept-Encoding` to whether gzip is accepted: the compression layer returns 406 to a client that refuses
/// every coding, but plain text is better for it.
#[derive(Debug, Clone)]
pub(crate) struct Negotiate;

impl<S: Inner> Middleware<S> for Negotiate {
    async fn run(&self, mut request: Request, inner: S) -> Response {
        let accepts_gzip = wants_gzip(request.headers().get_all(ACCEPT_ENCODING).iter());
        request.headers_mut().remove(ACCEPT_ENCODING);
        if accepts_gzip {
            request
                .headers_mut()
                .insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let has_no_body = request.method() == Method::HEAD;
        let mut response = answer(inner, request).await;
        if accepts_gzip && has_no_body {
            describe(response.headers_mut());
        }
        response
    }
}

/// Adds the headers of a `GET` to the response of a `HEAD`, which has no body to compress.
fn describe(headers: &mut HeaderMap) {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length >= WORTHWHILE_BYTES) {
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
}

fn wants_gzip<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> bool {
    let mut by_star = false;
    for coding in lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
    {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let accepted = !is_zero(weight);
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return accepted,
            "*" => by_star = accepted,
            _ => {}
        }
    }
    by_star
}

/// Whether a parameter such as `q=0.0` refuses the coding.
fn is_zero(weight: &str) -> bool {
    let value = weight
        .trim()
        .trim_start_matches(['q', 'Q'])
        .trim_start_matches('=');
    value.trim().parse::<f32>().is_ok_and(|q| q <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_only_if_accepted() {
        for (header, expected) in [
            ("gzip,deflate", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("*;q=0", false),
            ("identity;q=0, *;q=0", false),
            ("*, gzip; q=0.000", false),
            ("br", false),
            ("", false),
        ] {
            let line = HeaderValue::from_static(header);
            assert_eq!(wants_gzip([line].iter()), expected, "{header}");
        }
        assert!(!wants_gzip([].iter()));
    }
}
