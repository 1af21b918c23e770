//! Settings of the SCIM API. The defaults suit Okta and Entra.

use crate::wire::RequestSettings;
use crate::wire::rate::{Rates, TokenLimits};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Settings of requests and their responses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Path of the SCIM endpoints, such as `/scim/v2`.
    pub base_path: String,
    /// Whether each tenant also has its own path: `/t/`, its name, and the base path.
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
    /// Sustained rate of a token in requests per second; 0: no limit.
    pub requests_per_second: u32,
    /// Requests that a token may send at once after a pause.
    pub burst: u32,
    /// Bad tokens in a row that an address may present within a minute; 0 sets no limit.
    pub bad_tokens: u32,
    /// Concurrent requests of a token, until their responses are written; 0: no limit.
    pub token_requests: usize,
    /// Concurrent requests of a tenant; 0: no limit.
    pub tenant_requests: usize,
    /// Concurrent requests in total; 0: no limit.
    pub requests: usize,
    /// Bytes of memory for bodies and responses of a token; 0: no limit.
    pub token_memory_bytes: usize,
    /// Bytes of memory for bodies and responses of a tenant; 0: no limit.
    pub tenant_memory_bytes: usize,
    /// Bytes of memory for bodies and responses in total; 0: no limit.
    pub memory_bytes: usize,
    /// Time limit of a request, in seconds.
    pub request_seconds: u64,
    /// Time for the arrival of a request body, in seconds.
    pub body_seconds: u64,
    /// Whether a reverse proxy forwards the requests: the client is then the last address in
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
    /// The limits that the wire holds requests to.
    pub(crate) fn for_wire(&self) -> RequestSettings {
        RequestSettings {
            uri_bytes: self.uri_bytes,
            header_bytes: self.header_bytes,
            requests: [self.token_requests, self.tenant_requests, self.requests],
            memory_bytes: [
                self.token_memory_bytes,
                self.tenant_memory_bytes,
                self.memory_bytes,
            ],
            request_time: Duration::from_secs(self.request_seconds),
            behind_proxy: self.behind_proxy,
        }
    }

    /// How often tokens may be used, and guessed.
    pub(crate) fn rates(&self) -> Rates {
        Rates {
            requests_per_second: self.requests_per_second,
            burst: self.burst,
            bad_tokens: self.bad_tokens,
        }
    }

    /// The limits of the requests of tokens, which the APIs of a server share, with nothing counted yet.
    pub fn limits(&self) -> Arc<TokenLimits> {
        Arc::new(TokenLimits::new(self.rates()))
    }

    /// Time limit for the body of a request.
    pub(crate) fn body_time(&self) -> Duration {
        Duration::from_secs(self.body_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_left_out_has_its_default() {
        assert_eq!(
            toml::from_str::<HttpSettings>("").unwrap(),
            HttpSettings::default()
        );
    }
}
