//! Request bodies: read up to a limit and within a time, whatever the client declares.

use crate::error::{ErrorStatus, Result, ScimError};
use crate::http::in_flight::Ticket;
use crate::reason::Reason;
use crate::resource::json;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderName};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// What is thrown away of a body that was refused, so that the client comes to read the answer
/// instead of a broken connection.
const DISCARD_BYTES: usize = 8 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// What a body takes in memory, as text and as values, for each of its bytes.
const WEIGHT: usize = 8;

/// Bytes that are counted for a body of unknown length before any came.
const UNCOUNTED: usize = 4 << 10;

/// How much of a body is read, and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    pub(super) bytes: usize,
    pub(super) depth: usize,
    pub(super) time: Duration,
}

/// A body that may still be on its way.
#[derive(Debug)]
pub(super) struct Upload {
    body: Body,
    /// Whether more of it comes unasked: not from a client that waits for our word before it
    /// sends, nor from one that has stalled.
    comes: bool,
    /// What came of it, once it was read.
    outcome: Option<Result<Bytes, Failure>>,
    remainder: Remainder,
    /// Where its bytes are counted.
    ticket: Option<Ticket>,
}

/// Whether the end of a body is out of reach, so that no other request can follow on its connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Remainder(Arc<AtomicBool>);

impl Remainder {
    pub(super) fn is_lost(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn lose(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Why a body could not be read.
#[derive(Debug, Clone)]
enum Failure {
    TooLarge,
    TooSlow,
    EndedEarly(Arc<axum::Error>),
    /// There are too many bytes under way.
    Refused(Arc<ScimError>),
}

impl Failure {
    fn error(self, limits: BodyLimits) -> ScimError {
        match self {
            Self::TooLarge => too_large(limits.bytes),
            Self::TooSlow => {
                let seconds = limits.time.as_secs();
                ScimError::new(
                    ErrorStatus::REQUEST_TIMEOUT,
                    format!("The body did not arrive within {seconds} seconds."),
                )
                .because(Reason::MessageInvalid)
            }
            Self::EndedEarly(cause) => {
                ScimError::new(ErrorStatus::BAD_REQUEST, "The body ended early.")
                    .because(Reason::MessageInvalid)
                    .caused_by(cause)
            }
            Self::Refused(refusal) => refusal.again(),
        }
    }
}

impl Upload {
    pub(super) fn new(headers: &HeaderMap, body: Body, ticket: Option<Ticket>) -> Self {
        let comes = !headers.contains_key(EXPECT);
        Self {
            body,
            comes,
            outcome: None,
            remainder: Remainder::default(),
            ticket,
        }
    }

    /// What becomes of the rest of it.
    pub(super) fn remainder(&self) -> Remainder {
        self.remainder.clone()
    }

    /// Reads a JSON object; as often as it is asked to.
    ///
    /// # Errors
    /// 415 for other media types, 413 over the limit, 408 when it takes too long, 400
    /// `invalidSyntax`, 429 or 503 if too many bytes are under way.
    pub(super) async fn object(
        &mut self,
        headers: &HeaderMap,
        limits: BodyLimits,
    ) -> Result<Map<String, Value>> {
        check_type(headers)?;
        let declared =
            declared(headers).map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if declared.is_some_and(|length| length > limits.bytes) {
            return Err(too_large(limits.bytes));
        }
        let counted = declared.unwrap_or(UNCOUNTED);
        self.count(counted)?;
        let outcome = match &self.outcome {
            Some(outcome) => outcome.clone(),
            None => {
                let read = timeout(limits.time, self.read(limits.bytes, counted)).await;
                self.comes &= read.is_ok();
                self.outcome
                    .insert(read.unwrap_or(Err(Failure::TooSlow)).map(Bytes::from))
                    .clone()
            }
        };
        let bytes = outcome.map_err(|failure| failure.error(limits))?;
        Ok(json::read_object(&bytes, limits.depth)?)
    }

    /// Counts what a body of so many bytes keeps in memory.
    fn count(&self, bytes: usize) -> Result<()> {
        self.ticket.as_ref().map_or(Ok(()), |ticket| {
            ticket.keep(bytes.saturating_mul(WEIGHT), true)
        })
    }

    async fn read(&mut self, limit: usize, mut counted: usize) -> Result<Vec<u8>, Failure> {
        self.comes = true;
        let mut bytes = Vec::new();
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| {
                self.remainder.lose();
                Failure::EndedEarly(Arc::new(error))
            })?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > limit {
                return Err(Failure::TooLarge);
            }
            if bytes.len() + data.len() > counted {
                counted = 2 * (bytes.len() + data.len());
                self.count(counted)
                    .map_err(|refusal| Failure::Refused(Arc::new(refusal)))?;
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }

    /// Throws away what comes of a refused body, within bounds.
    pub(super) async fn discard(mut self) {
        if !self.comes {
            return;
        }
        let rest = async {
            let mut left = DISCARD_BYTES;
            while let Some(frame) = self.body.frame().await {
                let size = frame.ok()?.data_ref().map_or(0, Bytes::len);
                left = left.checked_sub(size)?;
            }
            Some(())
        };
        if !matches!(timeout(DISCARD_TIME, rest).await, Ok(Some(()))) {
            self.remainder.lose();
        }
    }
}

fn too_large(limit: usize) -> ScimError {
    ScimError::too_large(format!("The body is larger than {limit} bytes."))
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    text(headers, &CONTENT_LENGTH)?.parse().ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// SCIM JSON or plain JSON, with any parameters; a missing type is read as SCIM JSON
/// (RFC 7644 section 3.8, SPEC GEN-3).
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
    use std::pin::Pin;
    use std::task::{Context, Poll};

    const LIMITS: BodyLimits = BodyLimits {
        bytes: 16,
        depth: 4,
        time: Duration::from_secs(5),
    };

    async fn read(fields: &[(HeaderName, &str)], body: &'static str) -> Result<Map<String, Value>> {
        let headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        Upload::new(&headers, Body::from(body), None)
            .object(&headers, LIMITS)
            .await
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
    async fn the_limit_holds_declared_or_not() {
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
    async fn a_body_that_never_comes_times_out() {
        let limits = BodyLimits {
            time: Duration::from_millis(20),
            ..LIMITS
        };
        let mut upload = Upload::new(&HeaderMap::new(), Body::new(Never), None);
        assert_eq!(
            upload
                .object(&HeaderMap::new(), limits)
                .await
                .unwrap_err()
                .status(),
            408
        );
    }

    struct Never;

    impl hyper::body::Body for Never {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }
}
