//! Settings of the management listener.

use crate::config::Config;
use crate::wire::RequestSettings;
use crate::wire::rate::Rates;
use std::net::SocketAddr;
use std::time::Duration;

/// Longest URI, in bytes.
const URI_BYTES: usize = 16 << 10;

/// Largest block of header lines, in bytes.
const HEADER_BYTES: usize = 16 << 10;

/// Time limit of a request.
const REQUEST_TIME: Duration = Duration::from_secs(30);

/// Concurrent requests of an operator token, of a tenant and in total.
const REQUESTS: [usize; 3] = [256, 512, 1024];

/// Bytes that the requests of an operator token, of a tenant and all together may keep in memory.
const MEMORY_BYTES: [usize; 3] = [64 << 20, 64 << 20, 96 << 20];

/// Settings of the management listener.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// Allowed hosts of requests, in addition to names and addresses of this machine if `is_local`.
    pub hosts: Vec<String>,
    /// Whether requests may be for `localhost` and loopback addresses, as the listener is reached by them.
    pub is_local: bool,
    /// Where the server's SCIM endpoints are for clients, without a slash at the end.
    pub scim_url: String,
    /// Sustained rate of an operator token in requests per second; 0: no limit.
    pub requests_per_second: u32,
    /// Requests that an operator token may send at once after a pause.
    pub burst: u32,
    /// Bad tokens in a row that an address may present within a minute; 0 sets no limit.
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

    /// The limits that a configuration has for tokens, which are those of SCIM.
    pub(crate) fn rates_of(config: &Config) -> Rates {
        let limits = &config.limits;
        Rates {
            requests_per_second: limits.requests_per_second,
            burst: limits.burst,
            bad_tokens: limits.bad_tokens,
        }
    }

    /// The limits that the wire holds requests to.
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

    /// How often tokens may be used, and guessed.
    pub(crate) fn rates(&self) -> Rates {
        Rates {
            requests_per_second: self.requests_per_second,
            burst: self.burst,
            bad_tokens: self.bad_tokens,
        }
    }
}
