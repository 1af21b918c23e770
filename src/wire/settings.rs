//! What an operator can set about the wire. The defaults suit Okta and Entra.

use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Limits of requests and their answers, whatever API they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestSettings {
    /// Longest URI, in bytes.
    pub(crate) uri_bytes: usize,
    /// Largest block of header lines, in bytes.
    pub(crate) header_bytes: usize,
    /// Requests that a token, a tenant and all together may have under way at a time, until their answers are
    /// written; 0 sets no limit.
    pub(crate) requests: [usize; 3],
    /// Bytes of bodies and answers that the requests of a token, of a tenant and all together may keep in memory; 0
    /// sets no limit.
    pub(crate) memory_bytes: [usize; 3],
    /// Time for the answer to a request.
    pub(crate) request_time: Duration,
    /// Whether a reverse proxy forwards the requests: the client is then the last address in `X-Forwarded-For`.
    pub(crate) behind_proxy: bool,
}

/// Settings of connections.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Connections at a time; for another one the least useful of them is closed. The default leaves room for
    /// the database under the usual limit of 1 024 open files.
    pub connections: usize,
    /// Requests at a time on one connection of HTTP/2.
    pub(crate) http2_streams: u32,
    /// Bytes of an answer that HTTP/2 takes over before the client has room for them.
    pub(crate) http2_send_bytes: usize,
    /// Time for a TLS handshake, for the first byte, and for the head of a request, in seconds.
    pub(crate) header_seconds: u64,
    /// Time that a connection may rest between two requests, in seconds.
    pub idle_seconds: u64,
    /// Time for which a client may refuse to read any of an answer, in seconds.
    pub(crate) write_seconds: u64,
    /// Time for which the server goes on to answer when it stops, so that a balancer notices, in seconds.
    pub(crate) shutdown_delay_seconds: u64,
    /// Time for requests in flight to finish after that, in seconds.
    pub(crate) drain_seconds: u64,
    /// PEM file with the certificate and its chain; with it the server speaks TLS.
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
    pub(crate) fn header_time(&self) -> Duration {
        Duration::from_secs(self.header_seconds)
    }

    pub(crate) fn idle_time(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    pub(crate) fn write_time(&self) -> Duration {
        Duration::from_secs(self.write_seconds)
    }

    pub(crate) fn shutdown_delay(&self) -> Duration {
        Duration::from_secs(self.shutdown_delay_seconds)
    }

    pub(crate) fn drain_time(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_left_out_has_its_default() {
        let set: ServerSettings = toml::from_str("idle_seconds = 5\ntls_key = \"a.pem\"").unwrap();
        assert_eq!((set.idle_seconds, set.header_seconds), (5, 10));
        assert!(toml::from_str::<ServerSettings>("idle = 5").is_err());
    }
}
