//! Settings of the management listener.

use crate::config::Config;
use crate::wire::RequestSettings;
use crate::wire::rate::Rates;
use std::net::SocketAddr;
use std::time::Duration;

/// Maximum size of a URI in bytes.
const URI_BYTES: usize = 16 << 10;

/// Maximum total size of header lines in bytes.
const HEADER_BYTES: usize = 16 << 10;

/// Time limit of a request.
const REQUEST_TIME: Duration = Duration::from_secs(30);

/// Maximum number of concurrent requests of an operator token, of a tenant and in total.
const REQUESTS: [usize; 3] = [256, 512, 1024];

/// Maximum bytes in memory for requests of an operator token, of a tenant and in total.
const MEMORY_BYTES: [usize; 3] = [64 << 20, 64 << 20, 96 << 20];

/// Settings of the management listener.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// Allowed hosts of requests, in addition to names and addresses of this machine if `is_local`.
    pub hosts: Vec<String>,
    /// Whether requests can be for `localhost` and loopback addresses, because the listener is reachable by them.
    pub is_local: bool,
    /// Public URL of the server's SCIM endpoints, without a slash at the end.
    pub scim_url: String,
    /// Sustained rate of an operator token in requests per second; 0 for no limit.
    pub requests_per_second: u32,
    /// Requests that an operator token may send at once after a pause.
    pub burst: u32,
    /// Number of consecutive invalid tokens that an address can send within a minute; 0 for no limit.
    pub bad_tokens: u32,
    /// Whether a reverse proxy forwards the requests: the client is then the last address in `X-Forwarded-For`.
    pub behind_proxy: bool,
}

impl AdminSettings {
    /// The settings of the management listener at `address`. `scim_url` is the URL of the server's SCIM endpoints.
    pub fn of(config: &Config, address: SocketAddr, scim_url: String) -> Self {
        let Rates {
            requests_per_second,
            burst,
            bad_tokens,
        } = Self::rates_of(config);
        let ip = address.ip();
        Self {
            hosts: config.admin.hosts(ip),
            is_local: ip.is_loopback() || ip.is_unspecified(),
            scim_url,
            requests_per_second,
            burst,
            bad_tokens,
            behind_proxy: config.server.behind_proxy,
        }
    }

    /// The configured limits of tokens, which also apply to SCIM.
    pub(crate) fn rates_of(config: &Config) -> Rates {
        let limits = &config.limits;
        Rates {
            requests_per_second: limits.requests_per_second,
            burst: limits.burst,
            bad_tokens: limits.bad_tokens,
        }
    }

    /// The limits for the wire layer.
    pub(crate) fn for_wire(&self) -> RequestSettings {
        RequestSettings {
            uri_bytes: URI_BYTES,
            header_bytes: HEADER_BYTES,
            requests: REQUESTS,
            memory_bytes: MEMORY_BYTES,
            request_time: REQUEST_TIME,
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
}
