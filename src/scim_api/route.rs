//! Routes of requests. Resource types are data and differ between tenants, so the route of a resource has its endpoint
//! as text; the caller's catalog determines later whether it exists.

use crate::error::{ErrorStatus, Result, ScimError};
use crate::reason::Reason;
use axum::http::Method;

/// The destination of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/healthz`: the process runs.
    Live,
    /// `/readyz`: the database responds.
    Ready,
    /// `/.well-known/jwks.json`: the public keys of security event tokens.
    KeySet,
    /// `/.well-known/ssf-configuration`: how receivers get security event tokens.
    Transmitter,
    /// `/`: information about the server, without a token.
    Front,
    /// A path below the base path, where every request needs a token.
    Scim(ScimTarget),
    /// The base path with an unsupported protocol version.
    OtherVersion(String),
    /// Another API of the listener, by its prefix.
    SiblingApi(&'static str),
    /// Anything else.
    Outside,
}

/// An endpoint below the base path (RFC 7644 section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScimTarget {
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
    /// An unsupported protocol version.
    OtherVersion(String),
    /// An endpoint below another one: the base URL of the client ends with the first.
    Nested(String),
    Unknown,
}

/// The operation of a request; `HEAD` is a `GET` whose body is removed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    /// A method that no route supports.
    Other,
}

impl Verb {
    /// The verb of a method.
    pub(crate) fn of(method: &Method) -> Self {
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
}

impl Route {
    /// The value of `Allow`.
    pub(crate) fn allow(&self) -> &'static str {
        match self {
            Self::Scim(target) => target.allow(),
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// The template of the path for the log; it contains no text of a client.
    pub(crate) fn template(&self) -> &'static str {
        match self {
            Self::Live => "/healthz",
            Self::Ready => "/readyz",
            Self::KeySet => "/.well-known/jwks.json",
            Self::Transmitter => "/.well-known/ssf-configuration",
            Self::Front => "/",
            Self::Scim(target) => target.template(),
            Self::SiblingApi(prefix) => prefix,
            Self::OtherVersion(_) | Self::Outside => "outside",
        }
    }
}

impl ScimTarget {
    fn allow(&self) -> &'static str {
        match self {
            Self::Collection(_) => "GET, HEAD, POST, OPTIONS",
            Self::Resource(..) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
            Self::RootSearch | Self::Search(_) | Self::Bulk => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// Refuses a method that the target does not support.
    ///
    /// # Errors
    /// 405, or 501 for a method that no target supports (RFC 9110 section 15.6.2).
    pub(crate) fn check(&self, verb: Verb, method: &Method) -> Result<()> {
        if verb == Verb::Other {
            return Err(ScimError::not_implemented(
                "This HTTP method is not supported.",
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
            "{method} is not supported by this endpoint, which supports {}.",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_fit_their_targets() {
        let refusal = |target: ScimTarget, method: &str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            target
                .check(Verb::of(&method), &method)
                .err()
                .map(|error| error.status())
        };
        let collection = || ScimTarget::Collection("/Users".into());
        let resource = || ScimTarget::Resource("/Users".into(), "u1".into());
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
            (ScimTarget::Config, "DELETE", Some(405)),
            (ScimTarget::RootSearch, "GET", Some(405)),
            (ScimTarget::Search("/Users".into()), "POST", None),
            (ScimTarget::Bulk, "HEAD", Some(405)),
        ] {
            assert_eq!(
                refusal(target.clone(), method),
                status,
                "{method} {target:?}"
            );
        }
    }
}
