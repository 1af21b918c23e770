//! From path to route.

use crate::scim_api::route::{Route, ScimTarget};
use crate::wire::layers::guard::decode;

/// The configured base path, such as `/scim/v2`.
#[derive(Debug, Clone)]
pub(crate) struct BasePath {
    path: String,
    /// The part before the version segment, if the base path ends with one.
    unversioned: Option<String>,
}

impl BasePath {
    /// The configured base path.
    pub(crate) fn new(configured: &str) -> Self {
        let trimmed = configured.trim_matches('/');
        let path = if trimmed.is_empty() {
            String::new()
        } else {
            format!("/{trimmed}")
        };
        let unversioned = path.strip_suffix("/v2").map(str::to_owned);
        Self { path, unversioned }
    }

    /// The tenant before the base path, as in `/t/acme/scim/v2/Users`, and the rest.
    pub(crate) fn tenant<'a>(&self, path: &'a str) -> (Option<String>, &'a str) {
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

    /// The route of a path with valid percent-encoding.
    pub(crate) fn route(&self, path: &str) -> Route {
        match path {
            "/healthz" => return Route::Live,
            "/readyz" => return Route::Ready,
            "/.well-known/jwks.json" => return Route::KeySet,
            "/.well-known/ssf-configuration" => return Route::Transmitter,
            _ => {}
        }
        if let Some(below) = below(&self.path, path) {
            return Route::Scim(target(below));
        }
        if path == "/" {
            return Route::Front;
        }
        let outside = self
            .unversioned
            .as_deref()
            .and_then(|prefix| below(prefix, path));
        let version = outside
            .and_then(|rest| segments(rest).into_iter().next())
            .filter(|first| is_version(first));
        version.map_or(Route::Outside, Route::OtherVersion)
    }
}

/// The part of a path below a prefix; `None` if the path does not begin with it.
fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(prefix)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The segments of a path, decoded one by one, so that an encoded slash is part of its segment. Empty ones are skipped:
/// a base URL with a slash at its end results in `//Users`.
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

/// The target of a path below the base path. A version segment directly before the endpoint is accepted or refused (RFC
/// 7644 section 3.13).
fn target(below: &str) -> ScimTarget {
    let mut segments = segments(below);
    if let Some(first) = segments.first().filter(|first| is_version(first)) {
        if first != "v2" {
            return ScimTarget::OtherVersion(first.clone());
        }
        segments.remove(0);
    }
    if let Some(outer) = nested(&segments) {
        return ScimTarget::Nested(outer.to_owned());
    }
    let mut segments = segments.into_iter();
    match (segments.next(), segments.next(), segments.next()) {
        (None, _, _) => ScimTarget::Root,
        (Some(one), None, _) => of_one(&one),
        (Some(one), Some(two), None) => of_two(&one, two),
        _ => ScimTarget::Unknown,
    }
}

/// The endpoints of RFC 7644 section 3.2, of which none is below another.
const ENDPOINTS: [&str; 7] = [
    "Users",
    "Groups",
    "ServiceProviderConfig",
    "ResourceTypes",
    "Schemas",
    "Bulk",
    "Me",
];

/// The first of two endpoints, as in `/Users/Users/{id}`. Not for `/ResourceTypes/Users`, which can be the name of a
/// type.
fn nested(segments: &[String]) -> Option<&str> {
    let [outer, inner, ..] = segments else {
        return None;
    };
    let is_outer = !matches!(outer.as_str(), "ResourceTypes" | "Schemas");
    (is_outer && (ENDPOINTS.contains(&inner.as_str()) || outer == inner)).then_some(outer)
}

/// The outline of an unknown path for a log: words that clients put into paths by mistake, and an ellipsis for each
/// other segment.
pub(crate) fn outline(path: &str) -> String {
    const MAX: usize = 8;
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
    let parts: Vec<_> = all.iter().take(MAX).map(|segment| shown(segment)).collect();
    format!("/{}", parts.join("/"))
}

fn of_one(one: &str) -> ScimTarget {
    match one {
        ".search" => ScimTarget::RootSearch,
        "ServiceProviderConfig" => ScimTarget::Config,
        "ResourceTypes" => ScimTarget::ResourceTypes(None),
        "Schemas" => ScimTarget::Schemas(None),
        "Bulk" => ScimTarget::Bulk,
        "Me" => ScimTarget::Me,
        _ => ScimTarget::Collection(format!("/{one}")),
    }
}

fn of_two(one: &str, two: String) -> ScimTarget {
    match one {
        "ResourceTypes" => ScimTarget::ResourceTypes(Some(two)),
        "Schemas" => ScimTarget::Schemas(Some(two)),
        ".search" | "ServiceProviderConfig" | "Bulk" | "Me" => ScimTarget::Unknown,
        _ if two == ".search" => ScimTarget::Search(format!("/{one}")),
        _ => ScimTarget::Resource(format!("/{one}"), two),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        BasePath::new("/scim/v2/").route(path)
    }

    fn scim(path: &str) -> ScimTarget {
        match route(&format!("/scim/v2{path}")) {
            Route::Scim(target) => target,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_lead_to_targets() {
        let user = || ScimTarget::Resource("/Users".into(), "u1".into());
        for (path, target) in [
            ("", ScimTarget::Root),
            ("/", ScimTarget::Root),
            ("/.search", ScimTarget::RootSearch),
            ("/ServiceProviderConfig", ScimTarget::Config),
            ("/ServiceProviderConfig/x", ScimTarget::Unknown),
            ("/ResourceTypes/", ScimTarget::ResourceTypes(None)),
            (
                "/ResourceTypes/User",
                ScimTarget::ResourceTypes(Some("User".into())),
            ),
            ("/Schemas", ScimTarget::Schemas(None)),
            (
                "/Schemas/urn:a:b",
                ScimTarget::Schemas(Some("urn:a:b".into())),
            ),
            (
                "/Schemas/urn%3Aa%3ab",
                ScimTarget::Schemas(Some("urn:a:b".into())),
            ),
            ("/Bulk", ScimTarget::Bulk),
            ("/Me", ScimTarget::Me),
            ("/Me/x", ScimTarget::Unknown),
            ("/Users", ScimTarget::Collection("/Users".into())),
            ("/Users/", ScimTarget::Collection("/Users".into())),
            ("/users", ScimTarget::Collection("/users".into())),
            ("//Users//u1/", user()),
            ("/Users/u1", user()),
            ("/%55sers/u%31", user()),
            ("/Users/.search", ScimTarget::Search("/Users".into())),
            ("/Users/u1/x", ScimTarget::Unknown),
            ("/Users/Users", ScimTarget::Nested("Users".into())),
            ("/Users/Users/u1", ScimTarget::Nested("Users".into())),
            (
                "/v2/Users/ServiceProviderConfig",
                ScimTarget::Nested("Users".into()),
            ),
            ("/Robots/Robots/1", ScimTarget::Nested("Robots".into())),
            (
                "/ResourceTypes/Users",
                ScimTarget::ResourceTypes(Some("Users".into())),
            ),
            ("/Users/../Groups", ScimTarget::Unknown),
            (
                "/Users/..",
                ScimTarget::Resource("/Users".into(), "..".into()),
            ),
            (
                "/Users/a%2fb",
                ScimTarget::Resource("/Users".into(), "a/b".into()),
            ),
            ("/v2/Users", ScimTarget::Collection("/Users".into())),
            ("/v9/Users", ScimTarget::OtherVersion("v9".into())),
            ("/vault", ScimTarget::Collection("/vault".into())),
        ] {
            assert_eq!(scim(path), target, "{path}");
        }
    }

    #[test]
    fn paths_outside_have_no_target() {
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
    fn an_outline_contains_no_text_of_a_client() {
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
    fn any_base_path_is_possible() {
        let users = Route::Scim(ScimTarget::Collection("/Users".into()));
        for (base, path) in [
            ("", "/Users"),
            ("/", "/v2/Users"),
            ("api/scim/v2", "/api/scim/v2/Users"),
            ("/s", "/s/Users"),
        ] {
            assert_eq!(BasePath::new(base).route(path), users, "{base}");
        }
        assert_eq!(BasePath::new("").route("/"), Route::Scim(ScimTarget::Root));
        assert_eq!(
            BasePath::new("/s").route("/s/v3/Users"),
            Route::Scim(ScimTarget::OtherVersion("v3".into()))
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
}
