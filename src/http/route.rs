//! From path to route. Resource types are data and differ between tenants, so the route of a
//! resource names its endpoint as text; the caller's catalog says later whether it exists.

use crate::error::{ErrorStatus, Result, ScimError};
use crate::reason::Reason;
use axum::http::Method;

/// Where a request is bound for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/healthz`: the process runs.
    Live,
    /// `/readyz`: the database answers.
    Ready,
    /// `/`: what this is, for a person who comes without a token.
    Front,
    /// Below the base path, where every request needs a token.
    Scim(Target),
    /// The base path with another protocol version than ours.
    OtherVersion(String),
    /// Anything else.
    Outside,
}

/// An endpoint below the base path (RFC 7644 section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Root,
    RootSearch,
    Config,
    ResourceTypes(Option<String>),
    Schemas(Option<String>),
    Bulk,
    Me,
    /// The endpoint of a type, such as `/Users`.
    Collection(String),
    /// `/.search` below the endpoint of a type.
    Search(String),
    /// Endpoint and id.
    Resource(String, String),
    /// A protocol version other than ours.
    OtherVersion(String),
    /// An endpoint below another one: the base URL of the client ends in the first.
    Nested(String),
    Unknown,
}

/// What a request wants done; `HEAD` is a `GET` whose body is left out later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    /// A method that no route knows.
    Other,
}

impl Verb {
    pub(super) fn of(method: &Method) -> Self {
        match method.as_str() {
            "GET" | "HEAD" => Self::Get,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }

    /// Whether work for it may be cut short: nothing is written.
    pub(super) fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Options | Self::Other)
    }
}

/// The configured base path, such as `/scim/v2`.
#[derive(Debug, Clone)]
pub(super) struct BasePath {
    path: String,
    /// What stands before the version segment, if the base path ends in one.
    unversioned: Option<String>,
}

impl BasePath {
    pub(super) fn new(configured: &str) -> Self {
        let trimmed = configured.trim_matches('/');
        let path = if trimmed.is_empty() {
            String::new()
        } else {
            format!("/{trimmed}")
        };
        let unversioned = path.strip_suffix("/v2").map(str::to_owned);
        Self { path, unversioned }
    }

    /// The tenant that a path names in front of the base path, `/t/acme/scim/v2/Users`, and the rest.
    pub(super) fn tenant<'a>(&self, path: &'a str) -> (Option<String>, &'a str) {
        let named = path
            .strip_prefix("/t/")
            .and_then(|rest| rest.split_at_checked(rest.find('/').unwrap_or(rest.len())));
        let is_ours =
            |rest: &str| matches!(self.route(rest), Route::Scim(_) | Route::OtherVersion(_));
        match named.and_then(|(name, rest)| Some((decode(name)?, rest))) {
            Some((name, rest)) if !name.is_empty() && is_ours(rest) => (Some(name), rest),
            _ => (None, path),
        }
    }

    /// The route of a path whose percent-encoding is sound.
    pub(super) fn route(&self, path: &str) -> Route {
        match path {
            "/healthz" => return Route::Live,
            "/readyz" => return Route::Ready,
            _ => {}
        }
        if let Some(below) = below(&self.path, path) {
            return Route::Scim(target(below));
        }
        if path == "/" {
            return Route::Front;
        }
        let beside = self
            .unversioned
            .as_deref()
            .and_then(|prefix| below(prefix, path));
        let version = beside
            .and_then(|rest| segments(rest).into_iter().next())
            .filter(|first| is_version(first));
        version.map_or(Route::Outside, Route::OtherVersion)
    }
}

/// What of a path stands below a prefix; `None` if it stands elsewhere.
fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(prefix)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The segments of a path, decoded one by one, so that an encoded slash is part of its segment.
/// Empty ones are left out: a base URL entered with a slash at its end gives `//Users`.
fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .filter_map(decode)
        .collect()
}

fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix(['v', 'V']).unwrap_or_default();
    number.starts_with(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// A version segment directly before the endpoint is honoured or refused (RFC 7644 section 3.13).
fn target(below: &str) -> Target {
    let mut segments = segments(below);
    if let Some(first) = segments.first().filter(|first| is_version(first)) {
        if first != "v2" {
            return Target::OtherVersion(first.clone());
        }
        segments.remove(0);
    }
    if let Some(outer) = nested(&segments) {
        return Target::Nested(outer.to_owned());
    }
    let mut segments = segments.into_iter();
    match (segments.next(), segments.next(), segments.next()) {
        (None, _, _) => Target::Root,
        (Some(one), None, _) => of_one(&one),
        (Some(one), Some(two), None) => of_two(&one, two),
        _ => Target::Unknown,
    }
}

/// The endpoints of RFC 7644 section 3.2, of which none stands below another.
const ENDPOINTS: [&str; 7] = [
    "Users",
    "Groups",
    "ServiceProviderConfig",
    "ResourceTypes",
    "Schemas",
    "Bulk",
    "Me",
];

/// The first of two endpoints, as in `/Users/Users/{id}`. `/ResourceTypes/Users` is no such thing: it may
/// be the name of a type.
fn nested(segments: &[String]) -> Option<&str> {
    let [outer, inner, ..] = segments else {
        return None;
    };
    let is_outer = !matches!(outer.as_str(), "ResourceTypes" | "Schemas");
    (is_outer && (ENDPOINTS.contains(&inner.as_str()) || outer == inner)).then_some(outer)
}

/// A path at which nothing is, as a log may have it: words that clients put into paths by mistake, and
/// an ellipsis for each other segment.
pub(super) fn outline(path: &str) -> String {
    const MOST: usize = 8;
    let is_known = |segment: &str| {
        ENDPOINTS.contains(&segment)
            || matches!(segment, "scim" | "api" | "t" | ".search")
            || is_version(segment)
    };
    let shown = |segment: &str| {
        if is_known(segment) {
            segment.to_owned()
        } else {
            "\u{2026}".to_owned()
        }
    };
    let all = segments(path);
    let parts: Vec<_> = all
        .iter()
        .take(MOST)
        .map(|segment| shown(segment))
        .collect();
    format!("/{}", parts.join("/"))
}

fn of_one(one: &str) -> Target {
    match one {
        ".search" => Target::RootSearch,
        "ServiceProviderConfig" => Target::Config,
        "ResourceTypes" => Target::ResourceTypes(None),
        "Schemas" => Target::Schemas(None),
        "Bulk" => Target::Bulk,
        "Me" => Target::Me,
        _ => Target::Collection(format!("/{one}")),
    }
}

fn of_two(one: &str, two: String) -> Target {
    match one {
        "ResourceTypes" => Target::ResourceTypes(Some(two)),
        "Schemas" => Target::Schemas(Some(two)),
        ".search" | "ServiceProviderConfig" | "Bulk" | "Me" => Target::Unknown,
        _ if two == ".search" => Target::Search(format!("/{one}")),
        _ => Target::Resource(format!("/{one}"), two),
    }
}

impl Route {
    /// The value of `Allow`.
    pub(super) fn allow(&self) -> &'static str {
        match self {
            Self::Scim(target) => target.allow(),
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// What the log calls it; never text that a client made up.
    pub(super) fn template(&self) -> &'static str {
        match self {
            Self::Live => "/healthz",
            Self::Ready => "/readyz",
            Self::Front => "/",
            Self::Scim(target) => target.template(),
            Self::OtherVersion(_) | Self::Outside => "outside",
        }
    }
}

impl Target {
    fn allow(&self) -> &'static str {
        match self {
            Self::Collection(_) => "GET, HEAD, POST, OPTIONS",
            Self::Resource(..) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
            Self::RootSearch | Self::Search(_) | Self::Bulk => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// Refuses a method that the target does not have.
    ///
    /// # Errors
    /// 405, or 501 for a method that no target has (RFC 9110 section 15.6.2).
    pub(super) fn check(&self, verb: Verb, method: &Method) -> Result<()> {
        if verb == Verb::Other {
            return Err(ScimError::not_implemented(
                "The server does not know this HTTP method.",
            ));
        }
        if self
            .allow()
            .split(", ")
            .any(|allowed| allowed == method.as_str())
        {
            return Ok(());
        }
        let detail = format!(
            "{method} is not for this endpoint, which takes {}.",
            self.allow()
        );
        Err(ScimError::new(ErrorStatus::METHOD_NOT_ALLOWED, detail)
            .because(Reason::MethodUnsupported))
    }

    fn template(&self) -> &'static str {
        match self {
            Self::Root => "/",
            Self::RootSearch => "/.search",
            Self::Config => "/ServiceProviderConfig",
            Self::ResourceTypes(None) => "/ResourceTypes",
            Self::ResourceTypes(Some(_)) => "/ResourceTypes/{id}",
            Self::Schemas(None) => "/Schemas",
            Self::Schemas(Some(_)) => "/Schemas/{urn}",
            Self::Bulk => "/Bulk",
            Self::Me => "/Me",
            Self::Collection(_) => "/{endpoint}",
            Self::Search(_) => "/{endpoint}/.search",
            Self::Resource(..) => "/{endpoint}/{id}",
            Self::OtherVersion(_) | Self::Nested(_) | Self::Unknown => "unknown",
        }
    }
}

/// Percent-decoding as UTF-8; `None` if either is broken.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        BasePath::new("/scim/v2/").route(path)
    }

    fn scim(path: &str) -> Target {
        match route(&format!("/scim/v2{path}")) {
            Route::Scim(target) => target,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_lead_to_targets() {
        let user = || Target::Resource("/Users".into(), "u1".into());
        for (path, target) in [
            ("", Target::Root),
            ("/", Target::Root),
            ("/.search", Target::RootSearch),
            ("/ServiceProviderConfig", Target::Config),
            ("/ServiceProviderConfig/x", Target::Unknown),
            ("/ResourceTypes/", Target::ResourceTypes(None)),
            (
                "/ResourceTypes/User",
                Target::ResourceTypes(Some("User".into())),
            ),
            ("/Schemas", Target::Schemas(None)),
            ("/Schemas/urn:a:b", Target::Schemas(Some("urn:a:b".into()))),
            (
                "/Schemas/urn%3Aa%3ab",
                Target::Schemas(Some("urn:a:b".into())),
            ),
            ("/Bulk", Target::Bulk),
            ("/Me", Target::Me),
            ("/Me/x", Target::Unknown),
            ("/Users", Target::Collection("/Users".into())),
            ("/Users/", Target::Collection("/Users".into())),
            ("/users", Target::Collection("/users".into())),
            ("//Users//u1/", user()),
            ("/Users/u1", user()),
            ("/%55sers/u%31", user()),
            ("/Users/.search", Target::Search("/Users".into())),
            ("/Users/u1/x", Target::Unknown),
            ("/Users/Users", Target::Nested("Users".into())),
            ("/Users/Users/u1", Target::Nested("Users".into())),
            (
                "/v2/Users/ServiceProviderConfig",
                Target::Nested("Users".into()),
            ),
            ("/Robots/Robots/1", Target::Nested("Robots".into())),
            (
                "/ResourceTypes/Users",
                Target::ResourceTypes(Some("Users".into())),
            ),
            ("/Users/../Groups", Target::Unknown),
            ("/Users/..", Target::Resource("/Users".into(), "..".into())),
            (
                "/Users/a%2fb",
                Target::Resource("/Users".into(), "a/b".into()),
            ),
            ("/v2/Users", Target::Collection("/Users".into())),
            ("/v9/Users", Target::OtherVersion("v9".into())),
            ("/vault", Target::Collection("/vault".into())),
        ] {
            assert_eq!(scim(path), target, "{path}");
        }
    }

    #[test]
    fn what_stands_outside() {
        for (path, expected) in [
            ("/healthz", Route::Live),
            ("/readyz", Route::Ready),
            ("/", Route::Front),
            ("", Route::Outside),
            ("*", Route::Outside),
            ("/scim", Route::Outside),
            ("/scim/v2x/Users", Route::Outside),
            ("/scim/v2.1/Users", Route::OtherVersion("v2.1".into())),
            ("/scim/v9/Users", Route::OtherVersion("v9".into())),
            ("/scim/v1", Route::OtherVersion("v1".into())),
            ("/scim/vx", Route::Outside),
            ("/v2/Users", Route::Outside),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

    #[test]
    fn an_outline_has_no_word_of_a_client() {
        for (path, expected) in [
            ("/Users", "/Users"),
            ("/scim/v1/Users/ann@example.com", "/scim/v1/Users/\u{2026}"),
            ("/t/acme/Users", "/t/\u{2026}/Users"),
            ("/", "/"),
            ("/v9", "/v9"),
        ] {
            assert_eq!(outline(path), expected);
        }
    }

    #[test]
    fn any_base_path_will_do() {
        let users = Route::Scim(Target::Collection("/Users".into()));
        for (base, path) in [
            ("", "/Users"),
            ("/", "/v2/Users"),
            ("api/scim/v2", "/api/scim/v2/Users"),
            ("/s", "/s/Users"),
        ] {
            assert_eq!(BasePath::new(base).route(path), users, "{base}");
        }
        assert_eq!(BasePath::new("").route("/"), Route::Scim(Target::Root));
        assert_eq!(
            BasePath::new("/s").route("/s/v3/Users"),
            Route::Scim(Target::OtherVersion("v3".into()))
        );
    }

    #[test]
    fn a_path_may_name_the_tenant() {
        let base = BasePath::new("/scim/v2");
        for (path, tenant, rest) in [
            ("/t/acme/scim/v2/Users", Some("acme"), "/scim/v2/Users"),
            ("/t/acme/scim/v2", Some("acme"), "/scim/v2"),
            ("/t/acme/scim/v1/Users", Some("acme"), "/scim/v1/Users"),
            ("/t/a%2fb/scim/v2/", Some("a/b"), "/scim/v2/"),
            ("/t//scim/v2/Users", None, "/t//scim/v2/Users"),
            ("/t/acme/healthz", None, "/t/acme/healthz"),
            ("/t/acme", None, "/t/acme"),
            ("/t/acme/t/other/scim/v2", None, "/t/acme/t/other/scim/v2"),
            ("/scim/v2/Users", None, "/scim/v2/Users"),
        ] {
            assert_eq!(
                base.tenant(path),
                (tenant.map(str::to_owned), rest),
                "{path}"
            );
        }
        assert_eq!(
            BasePath::new("").tenant("/t/acme/Users"),
            (Some("acme".to_owned()), "/Users")
        );
    }

    #[test]
    fn methods_fit_their_targets() {
        let refusal = |target: Target, method: &str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            target
                .check(Verb::of(&method), &method)
                .err()
                .map(|error| error.status())
        };
        let collection = || Target::Collection("/Users".into());
        let resource = || Target::Resource("/Users".into(), "u1".into());
        for (target, method, status) in [
            (collection(), "GET", None),
            (collection(), "HEAD", None),
            (collection(), "OPTIONS", None),
            (collection(), "PUT", Some(405)),
            (collection(), "DELETE", Some(405)),
            (resource(), "PATCH", None),
            (resource(), "POST", Some(405)),
            (resource(), "TRACE", Some(501)),
            (resource(), "FROB", Some(501)),
            (Target::Config, "DELETE", Some(405)),
            (Target::RootSearch, "GET", Some(405)),
            (Target::Search("/Users".into()), "POST", None),
            (Target::Bulk, "HEAD", Some(405)),
        ] {
            assert_eq!(
                refusal(target.clone(), method),
                status,
                "{method} {target:?}"
            );
        }
    }

    #[test]
    fn decoding_is_strict() {
        assert_eq!(decode("a%20%C3%A9+").as_deref(), Some("a é+"));
        for broken in ["%", "%4", "%zz", "%ff", "a%"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}
