//! Targets of outgoing requests: checked URLs.

use super::address::{Zone, zone_of};
use reqwest::Url;
use std::net::IpAddr;

/// A URL that is allowed by its text. The addresses of a name are checked at each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    reach: Reach,
}

/// The allowed addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only public ones.
    Public,
    /// Public and private ones.
    PublicOrPrivate,
    /// Only private ones: requests without TLS must not leave the network.
    Private,
}

/// Why a URL is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RefusedTarget(String);

impl RefusedTarget {
    /// The refusal of a name or literal with a forbidden address.
    pub(super) fn address(host: &str, (address, why): (IpAddr, &str)) -> Self {
        Self(if host == address.to_string() {
            format!("{address} is not allowed: {why}")
        } else {
            format!("{host} is not allowed: it resolves to {address}, {why}")
        })
    }
}

impl Reach {
    /// The address with the reason, if it is not allowed.
    pub(super) fn refuses(self, address: IpAddr) -> Option<(IpAddr, &'static str)> {
        let why = match (zone_of(address), self) {
            (Zone::Public, Self::Public | Self::PublicOrPrivate)
            | (Zone::Private, Self::PublicOrPrivate | Self::Private) => return None,
            (Zone::Public, Self::Private) => "which needs https",
            (Zone::Private, Self::Public) => "an address of a private network",
            (Zone::Forbidden, _) => "an address that is never allowed",
        };
        Some((address, why))
    }
}

impl Target {
    /// Parses and checks a URL. `allows_private` permits private addresses, and plain `http` to them.
    ///
    /// # Errors
    /// The error of the URL, without its text, which can contain a secret.
    pub(crate) fn parse(text: &str, allows_private: bool) -> Result<Self, RefusedTarget> {
        let refuse = |why: &str| Err(RefusedTarget(why.to_owned()));
        let Ok(url) = Url::parse(text) else {
            return refuse("not an absolute URL, such as https://app.example.com/hooks");
        };
        let reach = match (url.scheme(), allows_private) {
            ("https", false) => Reach::Public,
            ("https", true) => Reach::PublicOrPrivate,
            ("http", true) => Reach::Private,
            ("http", false) => {
                return refuse(
                    "plain http is supported only for private addresses, which have to be allowed",
                );
            }
            _ => return refuse("the URL must begin with https://"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the URL must not contain a user name or a password: use a header");
        }
        if url.fragment().is_some() {
            return refuse("the URL must not have a fragment");
        }
        let Some(host) = url.host_str() else {
            return refuse("the URL has no host");
        };
        // A literal address is not resolved. The parser has normalised every notation: `2130706433` is 127.0.0.1 here.
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = literal.parse()
            && let Some(refused) = reach.refuses(address)
        {
            return Err(RefusedTarget::address(literal, refused));
        }
        Ok(Self { url, reach })
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }
}
