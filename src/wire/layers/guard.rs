//! Refuses a request that two parsers can interpret differently: behind a proxy this allows request smuggling.

use crate::live::Live;
use crate::wire::layers::closing::MustClose;
use crate::wire::layers::middleware::{Inner, Middleware, answer};
use crate::wire::raw_head::AmbiguousHead;
use crate::wire::refusal::{Refusal, RefusalForms, Refused, Result};
use crate::wire::settings::RequestSettings;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use axum::response::Response;
use percent_encoding::percent_decode_str;

/// Refuses a request whose head is ambiguous, broken or too large. The connection is closed after it.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) settings: Live<RequestSettings>,
    pub(crate) refuse: RefusalForms,
}

impl<S: Inner> Middleware<S> for Guard {
    async fn run(&self, request: Request, inner: S) -> Response {
        match check(&request, &self.settings.get()) {
            Ok(()) => answer(inner, request).await,
            Err(refusal) => {
                let refuse = self.refuse.at(request.uri().path());
                let mut response = refuse(refusal, &Refused::of(&request));
                response.extensions_mut().insert(MustClose);
                response
            }
        }
    }
}

/// Checks a head.
///
/// # Errors
/// 400, 414 or 431.
fn check<B>(request: &axum::http::Request<B>, settings: &RequestSettings) -> Result<()> {
    if let Some(AmbiguousHead(detail)) = request.extensions().get() {
        return Err(refused(detail));
    }
    check_sizes(request.uri(), request.headers(), settings)?;
    check_framing(request.headers())?;
    check_host(request.version(), request.uri(), request.headers())?;
    check_credentials(request.uri(), request.headers())?;
    check_path(request.uri().path())
}

fn refused(detail: &str) -> Refusal {
    Refusal::malformed(detail)
}

fn check_sizes(uri: &Uri, headers: &HeaderMap, settings: &RequestSettings) -> Result<()> {
    let target = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > settings.uri_bytes {
        let detail = format!("The URI is longer than {} bytes.", settings.uri_bytes);
        return Err(Refusal::too_large(414, detail));
    }
    // Each field has a colon, a space and a line end.
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if size > settings.header_bytes {
        let detail = format!(
            "The header fields are larger than {} bytes.",
            settings.header_bytes
        );
        return Err(Refusal::too_large(431, detail));
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

/// Checks `Host`: HTTP/1.1 has one, HTTP/1.0 at most one (RFC 9112 section 3.2); in HTTP/2 the authority replaces it,
/// and an additional Host must be equal (RFC 9113 section 8.3.1).
fn check_host(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<()> {
    let host = single(headers, &HOST)
        .ok_or_else(|| refused("The request has more than one Host field."))?;
    if version >= Version::HTTP_2 {
        return check_authority(uri, host);
    }
    match host {
        None if version == Version::HTTP_11 => Err(refused("The request has no Host field.")),
        Some(host) if !is_host(host) => Err(refused("The Host field is not a host.")),
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

/// Checks that a token is sent in one way only (RFC 6750 section 3.1).
fn check_credentials(uri: &Uri, headers: &HeaderMap) -> Result<()> {
    let header = single(headers, &AUTHORIZATION)
        .ok_or_else(|| refused("The request has more than one Authorization field."))?;
    if header.is_some() && names_token(uri.query()) {
        return Err(refused(
            "The request has a token in the Authorization field and another in the URL.",
        ));
    }
    Ok(())
}

/// Whether the query has a parameter `access_token`.
fn names_token(query: Option<&str>) -> bool {
    let parameters = query.unwrap_or_default().split('&');
    let mut names = parameters.map(|parameter| parameter.split('=').next().unwrap_or_default());
    names.any(|name| percent_decode_str(name).eq("access_token".bytes()))
}

/// Checks that a path is percent-encoded UTF-8.
fn check_path(path: &str) -> Result<()> {
    if decode(path).is_none() {
        return Err(refused("The path is not percent-encoded UTF-8 text."));
    }
    Ok(())
}

/// Percent-decoding as UTF-8; `None` if either is invalid. The decoder alone accepts a percent sign without two digits.
pub(crate) fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let mut escapes = text.split('%').skip(1).map(str::as_bytes);
    if !escapes.all(|after| is_digit(after.first()) && is_digit(after.get(1))) {
        return None;
    }
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}

/// The value of a field that occurs at most once; `None` if it occurs more often.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use std::time::Duration;

    fn status(version: Version, uri: &str, fields: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let settings = RequestSettings {
            uri_bytes: 16 << 10,
            header_bytes: 32 << 10,
            requests: [0; 3],
            memory_bytes: [0; 3],
            request_time: Duration::ZERO,
            behind_proxy: false,
        };
        check(&request.body(()).unwrap(), &settings)
            .err()
            .map(|refusal| refusal.status)
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
        assert_eq!(of("/?x=1&access%5Ftoken", &[bearer]), Some(400));
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

    #[test]
    fn decoding_is_strict() {
        assert_eq!(decode("a%20%C3%A9+").as_deref(), Some("a é+"));
        for broken in ["%", "%4", "%zz", "%ff", "a%"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}
