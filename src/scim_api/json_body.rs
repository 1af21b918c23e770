//! Request bodies as JSON objects.

use crate::error::{ErrorStatus, Result, ScimError};
use crate::reason::Reason;
use crate::resource::json;
use crate::wire::body::{BodyLimits, Upload};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use serde_json::{Map, Value};

/// Reads a JSON object, nested up to a depth; it can be read several times.
///
/// # Errors
/// 415 for other media types, 413 over the limit, 408 when it takes too long, 400 `invalidSyntax`, 429 or 503 if too
/// many bytes are in use.
pub(crate) async fn object(
    upload: &mut Upload,
    headers: &HeaderMap,
    limits: BodyLimits,
    depth: usize,
) -> Result<Map<String, Value>> {
    check_type(headers)?;
    let bytes = upload.bytes(headers, limits).await?;
    Ok(json::read_object(&bytes, depth)?)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// SCIM JSON or plain JSON, with any parameters; a missing type is read as SCIM JSON
/// (RFC 7644 section 3.8).
fn check_type(headers: &HeaderMap) -> Result<()> {
    let coding = text(headers, &CONTENT_ENCODING).unwrap_or("identity");
    if !coding.eq_ignore_ascii_case("identity") {
        return Err(ScimError::new(
            ErrorStatus::UNSUPPORTED_MEDIA_TYPE,
            "The body must not be compressed.",
        )
        .because(Reason::MessageInvalid));
    }
    let Some(given) = text(headers, &CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = given.split(';').next().unwrap_or_default().trim();
    if ["application/scim+json", "application/json", ""]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        return Ok(());
    }
    Err(ScimError::new(
        ErrorStatus::UNSUPPORTED_MEDIA_TYPE,
        "The Content-Type must be application/scim+json or application/json.",
    )
    .because(Reason::MessageInvalid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, Bytes};
    use axum::http::Request;
    use axum::http::header::CONTENT_LENGTH;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    const LIMITS: BodyLimits = BodyLimits {
        bytes: 16,
        time: Duration::from_secs(5),
    };

    fn upload(headers: &HeaderMap, body: Body) -> Upload {
        let mut request = Request::new(());
        *request.headers_mut() = headers.clone();
        Upload::new(&request.into_parts().0, body)
    }

    async fn read(fields: &[(HeaderName, &str)], body: &'static str) -> Result<Map<String, Value>> {
        let headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        object(&mut upload(&headers, Body::from(body)), &headers, LIMITS, 4).await
    }

    #[tokio::test]
    async fn json_of_either_name_is_read() {
        for kind in [
            "application/scim+json",
            "application/scim+json; charset=utf-8",
            "application/json;charset=UTF-8",
            "Application/JSON",
        ] {
            assert!(read(&[(CONTENT_TYPE, kind)], "{}").await.is_ok(), "{kind}");
        }
        assert!(read(&[], "{}").await.is_ok());
        for kind in [
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "application/jsonx",
        ] {
            assert_eq!(
                read(&[(CONTENT_TYPE, kind)], "{}")
                    .await
                    .unwrap_err()
                    .status(),
                415,
                "{kind}"
            );
        }
        assert_eq!(
            read(&[(CONTENT_ENCODING, "gzip")], "{}")
                .await
                .unwrap_err()
                .status(),
            415
        );
    }

    #[tokio::test]
    async fn the_limit_applies_without_a_declared_length() {
        assert!(read(&[], "{\"a\": \"123456\"}").await.is_ok());
        let long = "{\"a\": \"1234567890\"}";
        let error = read(&[], long).await.unwrap_err();
        assert_eq!(
            (error.status(), error.detail()),
            (413, "The body is larger than 16 bytes.")
        );
        assert_eq!(
            read(&[(CONTENT_LENGTH, "17")], "{}")
                .await
                .unwrap_err()
                .status(),
            413
        );
        assert_eq!(read(&[], "").await.unwrap_err().status(), 400);
    }

    #[tokio::test]
    async fn a_missing_body_times_out() {
        let limits = BodyLimits {
            time: Duration::from_millis(20),
            ..LIMITS
        };
        let headers = HeaderMap::new();
        let mut upload = upload(&headers, Body::new(Never));
        let refused = object(&mut upload, &headers, limits, 4).await;
        assert_eq!(refused.unwrap_err().status(), 408);
    }

    struct Never;

    impl hyper::body::Body for Never {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<std::result::Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }
}
