//! What an operator can set about the wire. The defaults suit Okta and Entra.

use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of requests and their answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Path below which the SCIM endpoints stand, such as `/scim/v2`.
    pub base_path: String,
    /// Whether each tenant has a path of its own beside it: `/t/`, its name, and the base path.
    pub tenant_paths: bool,
    /// Largest request body, in bytes.
    pub body_bytes: usize,
    /// Largest body of a bulk request, in bytes.
    pub bulk_bytes: usize,
    /// How deep a JSON body may be nested.
    pub json_depth: usize,
    /// Longest URI, in bytes.
    pub uri_bytes: usize,
    /// Largest block of header lines, in bytes.
    pub header_bytes: usize,
    /// Requests that a token may make in a second, in the long run; 0 sets no limit.
    pub requests_per_second: u32,
    /// Requests that a token may make at once after a pause.
    pub burst: u32,
    /// Bad tokens in a row that an address may present within a minute; 0 sets no limit.
    pub bad_tokens: u32,
    /// Requests of a token that may be under way at a time, until their answers are written; 0 sets no limit.
    pub token_requests: usize,
    /// Requests of a tenant that may be under way at a time; 0 sets no limit.
    pub tenant_requests: usize,
    /// Requests that may be under way at a time in all; 0 sets no limit.
    pub requests: usize,
    /// Bytes of bodies and answers that the requests of a token may keep in memory; 0 sets no limit.
    pub token_memory_bytes: usize,
    /// Bytes of bodies and answers that the requests of a tenant may keep in memory; 0 sets no limit.
    pub tenant_memory_bytes: usize,
    /// Bytes of bodies and answers that all requests may keep in memory; 0 sets no limit.
    pub memory_bytes: usize,
    /// Time for the answer to a request, in seconds.
    pub request_seconds: u64,
    /// Time for the arrival of a request body, in seconds.
    pub body_seconds: u64,
    /// Whether a reverse proxy stands in front: the peer is then the last address in
    /// `X-Forwarded-For`.
    pub behind_proxy: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            base_path: "/scim/v2".to_owned(),
            tenant_paths: true,
            body_bytes: 2 << 20,
            bulk_bytes: 4 << 20,
            json_depth: 32,
            uri_bytes: 16 << 10,
            header_bytes: 32 << 10,
            requests_per_second: 50,
            burst: 500,
            bad_tokens: 20,
            token_requests: 256,
            tenant_requests: 512,
            requests: 2048,
            token_memory_bytes: 64 << 20,
            tenant_memory_bytes: 96 << 20,
            memory_bytes: 192 << 20,
            request_seconds: 30,
            body_seconds: 20,
            behind_proxy: false,
        }
    }
}

impl HttpSettings {
    pub(super) fn request_time(&self) -> Duration {
        Duration::from_secs(self.request_seconds)
    }

    pub(super) fn body_time(&self) -> Duration {
        Duration::from_secs(self.body_seconds)
    }
}

/// Settings of connections.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Connections at a time; for another one the least useful of them is closed. The default leaves room for
    /// the database under the usual limit of 1 024 open files.
    pub connections: usize,
    /// Requests at a time on one connection of HTTP/2.
    pub http2_streams: u32,
    /// Bytes of an answer that HTTP/2 takes over before the client has room for them.
    pub http2_send_bytes: usize,
    /// Time for a TLS handshake, for the first byte, and for the head of a request, in seconds.
    pub header_seconds: u64,
    /// Time that a connection may rest between two requests, in seconds.
    pub idle_seconds: u64,
    /// Time for which a client may refuse to read any of an answer, in seconds.
    pub write_seconds: u64,
    /// Time for requests in flight to finish when the server stops, in seconds.
    pub drain_seconds: u64,
    /// PEM file with the certificate and its chain; with it the server speaks TLS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate.
    pub tls_key: Option<PathBuf>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            connections: 1000,
            http2_streams: 100,
            http2_send_bytes: 64 << 10,
            header_seconds: 10,
            idle_seconds: 75,
            write_seconds: 30,
            drain_seconds: 25,
            tls_certificate: None,
            tls_key: None,
        }
    }
}

impl ServerSettings {
    pub(super) fn header_time(&self) -> Duration {
        Duration::from_secs(self.header_seconds)
    }

    pub(super) fn idle_time(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    pub(super) fn write_time(&self) -> Duration {
        Duration::from_secs(self.write_seconds)
    }

    pub(super) fn drain_time(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(
            toml::from_str::<HttpSettings>("").unwrap(),
            HttpSettings::default()
        );
        let set: ServerSettings = toml::from_str("idle_seconds = 5\ntls_key = \"a.pem\"").unwrap();
        assert_eq!((set.idle_seconds, set.header_seconds), (5, 10));
        assert!(toml::from_str::<ServerSettings>("idle = 5").is_err());
    }
}
