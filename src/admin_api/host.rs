//! The check of the host of a request. It prevents DNS rebinding, where a web page resolves the name of its own site to
//! this machine; such a request has the name of that site.

use crate::admin_api::settings::AdminSettings;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use std::net::IpAddr;

/// Whether a request is for a host of the listener. The port is ignored, because a container or a tunnel can map it.
pub(crate) fn is_ours(head: &Parts, settings: &AdminSettings) -> bool {
    let Some(host) = host(head) else { return false };
    let is_named = settings
        .hosts
        .iter()
        .any(|named| named.eq_ignore_ascii_case(&host));
    is_named || settings.is_local && is_this_machine(&host)
}

/// The host of a request in HTTP/2 or HTTP/1, without its port and without brackets.
fn host(head: &Parts) -> Option<String> {
    let authority = match head.uri.authority() {
        Some(authority) => authority.clone(),
        None => head
            .headers
            .get(HOST)?
            .to_str()
            .ok()?
            .parse::<Authority>()
            .ok()?,
    };
    let host = authority.host();
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    Some(inner.unwrap_or(host).to_owned())
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn is_for(host: &str, hosts: &[&str], is_local: bool) -> bool {
        let settings = AdminSettings {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            is_local,
            scim_url: String::new(),
            requests_per_second: 0,
            burst: 0,
            bad_tokens: 0,
            behind_proxy: false,
        };
        let request = Request::builder().uri("/").header(HOST, host).body(());
        is_ours(&request.unwrap().into_parts().0, &settings)
    }

    #[test]
    fn a_request_names_the_listener() {
        for (host, hosts, is_local, expected) in [
            ("127.0.0.1:8081", &[][..], true, true),
            ("localhost", &[], true, true),
            ("[::1]:9", &[], true, true),
            ("localhost", &[], false, false),
            ("admin.example.com:443", &["admin.example.com"], false, true),
            ("ADMIN.example.com", &["admin.example.com"], false, true),
            ("evil.example", &["admin.example.com"], true, false),
            ("127.0.0.1.evil.example", &[], true, false),
            ("localhost.evil.example:8081", &[], true, false),
            ("10.0.0.7:80", &["10.0.0.7"], false, true),
        ] {
            assert_eq!(is_for(host, hosts, is_local), expected, "{host}");
        }
    }
}
