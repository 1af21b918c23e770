//! Settings of the wire. The defaults suit Okta and Entra.

use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Limits of requests and their responses, for all APIs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestSettings {
    /// Maximum size of a URI in bytes.
    pub(crate) uri_bytes: usize,
    /// Maximum total size of header lines in bytes.
    pub(crate) header_bytes: usize,
    /// Maximum number of concurrent requests of a token, of a tenant and in total, until their responses are written; 0
    /// for no limit.
    pub(crate) requests: [usize; 3],
    /// Maximum bytes of bodies and responses in memory, of a token, of a tenant and in total; 0 for no limit.
    pub(crate) memory_bytes: [usize; 3],
    /// Time limit of a request.
    pub(crate) request_time: Duration,
    /// Whether a reverse proxy forwards the requests: the client is then the last address in `X-Forwarded-For`.
    pub(crate) behind_proxy: bool,
}

/// Settings of connections.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Maximum number of connections; beyond it the least useful one is closed. The default leaves file descriptors for
    /// the database under the usual limit of 1 024 open files.
    pub connections: usize,
    /// Maximum number of concurrent requests on one HTTP/2 connection.
    pub(crate) http2_streams: u32,
    /// Maximum bytes of a response that an HTTP/2 connection buffers until the client accepts them.
    pub(crate) http2_send_bytes: usize,
    /// Time for a TLS handshake, for the first byte, and for the head of a request, in seconds.
    pub(crate) header_seconds: u64,
    /// Maximum idle time between two requests, in seconds.
    pub idle_seconds: u64,
    /// Time after which a client must have read a part of a response, in seconds.
    pub(crate) write_seconds: u64,
    /// Time for which the server continues to respond when it stops, so that a load balancer detects it, in seconds.
    pub(crate) shutdown_delay_seconds: u64,
    /// Time for requests in flight to finish after that, in seconds.
    pub(crate) drain_seconds: u64,
    /// PEM file with the certificate and its chain; with it the server uses TLS.
    pub(crate) tls_certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate.
    pub(crate) tls_key: Option<PathBuf>,
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
            shutdown_delay_seconds: 0,
            drain_seconds: 25,
            tls_certificate: None,
            tls_key: None,
        }
    }
}

impl ServerSettings {
    /// Time limit for the head of a request.
    pub(crate) fn header_time(&self) -> Duration {
        Duration::from_secs(self.header_seconds)
    }

    /// Maximum idle time of a connection.
    pub(crate) fn idle_time(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    /// Time limit for a client that does not accept bytes of a response.
    pub(crate) fn write_time(&self) -> Duration {
        Duration::from_secs(self.write_seconds)
    }

    /// Time from the start of a shutdown until new requests are refused.
    pub(crate) fn shutdown_delay(&self) -> Duration {
        Duration::from_secs(self.shutdown_delay_seconds)
    }

    /// Longest wait for running requests during a shutdown.
    pub(crate) fn drain_time(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_omitted_key_has_its_default() {
        let set: ServerSettings = toml::from_str("idle_seconds = 5\ntls_key = \"a.pem\"").unwrap();
        assert_eq!((set.idle_seconds, set.header_seconds), (5, 10));
        assert!(toml::from_str::<ServerSettings>("idle = 5").is_err());
    }
}
