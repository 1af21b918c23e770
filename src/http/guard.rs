//! What two readers of a request could understand differently is refused before anything else
//! looks at it: behind a proxy it is how one request is made to look like two.

use crate::error::{ErrorStatus, Result, ScimError};
use crate::http::raw_head::Fault;
use crate::http::settings::HttpSettings;
use crate::http::{query, route};
use crate::reason::Reason;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};

/// Refuses a request whose head is ambiguous, broken or too large.
///
/// # Errors
/// 400, 414 or 431; the connection is to be closed after each.
pub(super) fn check(head: &Parts, settings: &HttpSettings) -> Result<()> {
    if let Some(Fault(detail)) = head.extensions.get() {
        return Err(refused(detail));
    }
    check_sizes(head, settings)?;
    check_framing(&head.headers)?;
    check_host(head)?;
    check_credentials(head)?;
    match route::decode(head.uri.path()) {
        Some(_) => Ok(()),
        None => Err(refused("The path is not percent-encoded UTF-8 text.")),
    }
}

fn refused(detail: &str) -> ScimError {
    ScimError::new(ErrorStatus::BAD_REQUEST, detail).because(Reason::MessageInvalid)
}

fn check_sizes(head: &Parts, settings: &HttpSettings) -> Result<()> {
    let target = head
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > settings.uri_bytes {
        let detail = format!("The URI is longer than {} bytes.", settings.uri_bytes);
        return Err(ScimError::new(ErrorStatus::URI_TOO_LONG, detail).because(Reason::TooLarge));
    }
    // A colon, a blank and the end of the line go with each field.
    let size: usize = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if size > settings.header_bytes {
        let detail = format!(
            "The header fields are larger than {} bytes.",
            settings.header_bytes
        );
        return Err(
            ScimError::new(ErrorStatus::HEADER_FIELDS_TOO_LARGE, detail).because(Reason::TooLarge)
        );
    }
    Ok(())
}

fn check_framing(headers: &HeaderMap) -> Result<()> {
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Err(refused(
            "The request has both Content-Length and Transfer-Encoding.",
        ));
    }
    Ok(())
}

/// HTTP/1.1 has one Host, HTTP/1.0 at most one (RFC 9112 section 3.2); in HTTP/2 the authority
/// takes its place, and a Host beside it must say the same (RFC 9113 section 8.3.1).
fn check_host(head: &Parts) -> Result<()> {
    let host = single(&head.headers, &HOST)
        .map_err(|()| refused("The request has more than one Host field."))?;
    if head.version >= Version::HTTP_2 {
        return check_authority(&head.uri, host);
    }
    match host {
        None if head.version == Version::HTTP_11 => Err(refused("The request has no Host field.")),
        Some(host) if !is_host(host) => Err(refused("The Host field is no host.")),
        _ => Ok(()),
    }
}

fn check_authority(uri: &Uri, host: Option<&HeaderValue>) -> Result<()> {
    match (uri.authority(), host) {
        (None, None) => Err(refused("The request has no authority.")),
        (Some(authority), Some(host))
            if !host
                .as_bytes()
                .eq_ignore_ascii_case(authority.as_str().as_bytes()) =>
        {
            Err(refused("The request has two different authorities."))
        }
        _ => Ok(()),
    }
}

fn is_host(value: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_graphic() && !b",/\\@?#\"<>".contains(byte);
    !value.is_empty() && value.as_bytes().iter().all(allowed)
}

/// More than one way of sending a token at once is an error (RFC 6750 section 3.1).
fn check_credentials(head: &Parts) -> Result<()> {
    let header = single(&head.headers, &AUTHORIZATION)
        .map_err(|()| refused("The request has more than one Authorization field."))?;
    if header.is_some() && query::names(head.uri.query(), "access_token") {
        return Err(refused(
            "The request has a token in the Authorization field and another in the URL.",
        ));
    }
    Ok(())
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        Err(())
    } else {
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn status(version: Version, uri: &str, fields: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head, &HttpSettings::default())
            .err()
            .map(|error| error.status())
    }

    const HOST: (&str, &str) = ("host", "scim.example.com:8080");

    #[test]
    fn hosts_and_authorities() {
        let (one, ten, two) = (Version::HTTP_11, Version::HTTP_10, Version::HTTP_2);
        for (version, uri, fields, expected) in [
            (one, "/", vec![HOST], None),
            (one, "/", vec![("host", "[::1]:80")], None),
            (one, "/", vec![], Some(400)),
            (one, "/", vec![("host", "")], Some(400)),
            (one, "/", vec![("host", "a,b")], Some(400)),
            (one, "/", vec![("host", "a b")], Some(400)),
            (one, "/", vec![HOST, HOST], Some(400)),
            (ten, "/", vec![], None),
            (ten, "/", vec![HOST, HOST], Some(400)),
            (two, "https://a/", vec![], None),
            (two, "https://a/", vec![("host", "A")], None),
            (two, "https://a/", vec![("host", "b")], Some(400)),
            (two, "/", vec![HOST], None),
            (two, "/", vec![], Some(400)),
        ] {
            assert_eq!(
                status(version, uri, &fields),
                expected,
                "{version:?} {uri} {fields:?}"
            );
        }
    }

    #[test]
    fn ambiguity_is_refused() {
        let of = |uri: &str, fields: &[(&str, &str)]| {
            status(Version::HTTP_11, uri, &[&[HOST], fields].concat())
        };
        let bearer = ("authorization", "Bearer x");
        assert_eq!(of("/", &[bearer]), None);
        assert_eq!(of("/", &[bearer, bearer]), Some(400));
        assert_eq!(of("/?access_token=x", &[bearer]), Some(400));
        assert_eq!(of("/?access_token=x", &[]), None);
        assert_eq!(
            of(
                "/",
                &[("content-length", "1"), ("transfer-encoding", "chunked")]
            ),
            Some(400)
        );
        for path in ["/%", "/%z1", "/a%2", "/%ff", "/%C3%28"] {
            assert_eq!(of(path, &[]), Some(400), "{path}");
        }
        for path in ["/%00", "/a%2fb", "/../x", "/é"] {
            assert_eq!(of(path, &[]), None, "{path}");
        }
    }

    #[test]
    fn sizes_are_limited() {
        let of = |uri: &str, fields: &[(&str, &str)]| {
            status(Version::HTTP_11, uri, &[&[HOST], fields].concat())
        };
        let long = "a".repeat(16 << 10);
        assert_eq!(of(&format!("/{long}"), &[]), Some(414));
        assert_eq!(of(&format!("/?{long}"), &[]), Some(414));
        assert_eq!(of(&format!("/{}", "a".repeat((16 << 10) - 1)), &[]), None);
        assert_eq!(of("/", &[("a", &long)]), None);
        assert_eq!(of("/", &[("a", &long), ("b", &long)]), Some(431));
    }
}
