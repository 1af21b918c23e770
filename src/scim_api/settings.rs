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
    /// Maximum size of a request body in bytes.
    pub body_bytes: usize,
    /// Maximum size of the body of a bulk request in bytes.
    pub bulk_bytes: usize,
    /// Maximum nesting depth of a JSON body.
    pub json_depth: usize,
    /// Maximum size of a URI in bytes.
    pub uri_bytes: usize,
    /// Maximum total size of header lines in bytes.
    pub header_bytes: usize,
    /// Sustained rate of a token in requests per second; 0 for no limit.
    pub requests_per_second: u32,
    /// Requests that a token may send at once after a pause.
    pub burst: u32,
    /// Number of consecutive invalid tokens that an address can send within a minute; 0 for no limit.
    pub bad_tokens: u32,
    /// Maximum number of concurrent requests of a token, until their responses are written; 0 for no limit.
    pub token_requests: usize,
    /// Maximum number of concurrent requests of a tenant; 0 for no limit.
    pub tenant_requests: usize,
    /// Maximum number of concurrent requests in total; 0 for no limit.
    pub requests: usize,
    /// Maximum bytes of bodies and responses of a token in memory; 0 for no limit.
    pub token_memory_bytes: usize,
    /// Maximum bytes of bodies and responses of a tenant in memory; 0 for no limit.
    pub tenant_memory_bytes: usize,
    /// Maximum bytes of bodies and responses in memory in total; 0 for no limit.
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
    /// The limits for the wire layer.
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

    /// Allowed rates of requests and of invalid tokens.
    pub(crate) fn rates(&self) -> Rates {
        Rates {
            requests_per_second: self.requests_per_second,
            burst: self.burst,
            bad_tokens: self.bad_tokens,
        }
    }

    /// New limits of the requests of tokens, which the APIs of a server share.
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
    fn an_omitted_key_has_its_default() {
        assert_eq!(
            toml::from_str::<HttpSettings>("").unwrap(),
            HttpSettings::default()
        );
    }
}
