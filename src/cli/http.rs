//! Common parts of commands that use HTTP.

use reqwest::Url;
use std::error::Error;
use std::net::IpAddr;

/// Whether the host of a URL is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// The innermost cause.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("https://127.0.0.1:8443/readyz", true),
            ("https://127.1.2.3/", true),
            ("https://[::1]:8443/", true),
            ("https://localhost/", true),
            ("https://localhost.example.com/", false),
            ("https://192.0.2.1/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
