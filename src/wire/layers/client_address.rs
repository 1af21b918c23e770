//! Determines the client address of a request.

use crate::live::Live;
use crate::wire::layers::middleware::{Inner, Middleware, answer};
use crate::wire::settings::RequestSettings;
use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, HeaderName};
use axum::response::Response;
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The peer address of a connection, an extension of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The address of the client, an extension of its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Adds the [`ClientAddress`] to the request.
#[derive(Debug, Clone)]
pub(crate) struct FindClient {
    pub(crate) settings: Live<RequestSettings>,
}

impl<S: Inner> Middleware<S> for FindClient {
    async fn run(&self, mut request: Request, inner: S) -> Response {
        let behind_proxy = self.settings.get().behind_proxy;
        if let Some(address) = find(request.headers(), request.extensions(), behind_proxy) {
            request.extensions_mut().insert(ClientAddress(address));
        }
        answer(inner, request).await
    }
}

/// The peer address of the connection or, behind a proxy, the last address in `X-Forwarded-For`: the client can set
/// earlier ones.
fn find(headers: &HeaderMap, extensions: &Extensions, behind_proxy: bool) -> Option<IpAddr> {
    let connected = extensions.get::<Peer>().map(|peer| peer.0.ip());
    let forwarded = if behind_proxy {
        forwarded_for(headers)
    } else {
        None
    };
    forwarded.or(connected)
}

fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .next_back()?
        .to_str()
        .ok()?
        .rsplit(',')
        .next()?
        .trim();
    last.parse()
        .ok()
        .or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(behind_proxy: bool, lines: &[&str]) -> Option<String> {
        let mut request = Request::new(axum::body::Body::empty());
        request
            .extensions_mut()
            .insert(Peer("192.0.2.9:4711".parse().unwrap()));
        for line in lines {
            request
                .headers_mut()
                .append(FORWARDED_FOR, line.parse().unwrap());
        }
        find(request.headers(), request.extensions(), behind_proxy)
            .map(|address| address.to_string())
    }

    #[test]
    fn only_a_proxy_names_the_client() {
        for (behind_proxy, lines, expected) in [
            (false, &["203.0.113.7"][..], "192.0.2.9"),
            (true, &[], "192.0.2.9"),
            (true, &["203.0.113.7"], "203.0.113.7"),
            (true, &["10.0.0.1, 203.0.113.7"], "203.0.113.7"),
            (true, &["10.0.0.1", "203.0.113.7:1234"], "203.0.113.7"),
            (true, &["[2001:db8::1]:80"], "2001:db8::1"),
            (true, &["nobody"], "192.0.2.9"),
        ] {
            assert_eq!(
                found(behind_proxy, lines).as_deref(),
                Some(expected),
                "{lines:?}"
            );
        }
    }
}
