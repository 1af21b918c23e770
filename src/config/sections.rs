//! The sections of the configuration. Every key, its bounds and its default are also in
//! `config/scimd.toml`.

use super::duration;
use super::entries::Entries;
use super::origin::{ConfigError, Layer};
use super::sources::Environment;
use super::typed_section::{Number, Section};
use super::url;
use super::variable::LOG_VARIABLE;
use crate::request_log::Record;
use crate::telemetry::{self, LogFormat};
use std::net::SocketAddr;
use std::path::PathBuf;

const MEBIBYTE: i64 = 1024 * 1024;
const HOUR: i64 = 3600;

/// `[server]`: the SCIM listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Address and port to listen on.
    pub(crate) listen: SocketAddr,
    /// Public URL of the server, without a slash at the end; `None`: derived from `listen`.
    pub(crate) public_url: Option<String>,
    /// Path before the SCIM endpoints, without a slash at the end.
    pub(crate) base_path: String,
    /// Whether each tenant also has its own path.
    pub(crate) tenant_paths: bool,
    /// Whether a proxy in front terminates TLS.
    pub(crate) behind_proxy: bool,
    /// Contact of the vendor for customers: an e-mail address or a URL.
    pub(crate) support: Option<String>,
    /// Certificate and key files of TLS in process.
    pub(crate) tls: Option<TlsFiles>,
    /// Seconds after SIGTERM for which requests are accepted while `/readyz` returns 503.
    pub(crate) shutdown_delay_seconds: u64,
    /// Seconds for running requests after that.
    pub(crate) drain_seconds: u64,
    /// Number of threads that handle requests; 0: by the cores of the machine.
    pub(crate) threads: usize,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// Certificate chain, PEM.
    pub(crate) certificate: PathBuf,
    /// Private key, PEM.
    pub(crate) key: PathBuf,
}

impl Server {
    pub(super) fn read(entries: &Entries) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "server");
        let listen =
            "an IP address with a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080";
        Ok(Self {
            listen: section.parsed("listen", listen, |text| text.parse().ok())?,
            public_url: section.parsed("public_url", url::PUBLIC, |text| {
                url::empty_or(text, url::public)
            })?,
            base_path: section.parsed("base_path", url::BASE_PATH, url::base_path)?,
            tenant_paths: section.flag("tenant_paths")?,
            behind_proxy: section.flag("behind_proxy")?,
            support: section.parsed("support", url::SUPPORT, |text| {
                url::empty_or(text, url::support)
            })?,
            tls: read_tls(section)?,
            shutdown_delay_seconds: section.integer("shutdown_delay_seconds", 0..=HOUR)?,
            drain_seconds: section.integer("drain_seconds", 0..=HOUR)?,
            threads: section.integer("threads", 0..=1024)?,
        })
    }
}

fn read_tls(section: Section<'_>) -> Result<Option<TlsFiles>, ConfigError> {
    match (section.path("tls_certificate")?, section.path("tls_key")?) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(section.refuse("tls_certificate", "given together with server.tls_key"))
        }
        (None, Some(_)) => {
            Err(section.refuse("tls_key", "given together with server.tls_certificate"))
        }
    }
}

/// `[limits]`: limits of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Maximum bytes of the body of a request.
    pub(crate) request_bytes: usize,
    /// Maximum bytes of the body of a bulk request.
    pub(crate) bulk_bytes: usize,
    /// Maximum number of operations of a bulk request.
    pub(crate) bulk_operations: usize,
    /// Maximum bytes of all headers.
    pub(crate) header_bytes: usize,
    /// Maximum bytes of path and query.
    pub(crate) uri_bytes: usize,
    /// Maximum nesting depth of a body.
    pub(crate) json_depth: usize,
    /// Maximum bytes of a filter.
    pub(crate) filter_bytes: usize,
    /// Maximum depth of brackets in a filter.
    pub(crate) filter_depth: usize,
    /// Maximum number of comparisons in a filter.
    pub(crate) filter_clauses: usize,
    /// Maximum bytes of the path of a PATCH operation.
    pub(crate) patch_path_bytes: usize,
    /// Maximum number of operations of a PATCH request.
    pub(crate) patch_operations: usize,
    /// Maximum number of members in one request.
    pub(crate) request_members: usize,
    /// Maximum number of values of a multi-valued attribute.
    pub(crate) attribute_values: usize,
    /// Maximum characters of userName, externalId and other identifiers.
    pub(crate) identifier_chars: usize,
    /// Maximum bytes of any other string.
    pub(crate) string_bytes: usize,
    /// Maximum characters of a unique value.
    pub(crate) unique_chars: usize,
    /// Number of resources on a page without `count`.
    pub(crate) page_default: i64,
    /// Maximum number of resources on a page.
    pub(crate) page_max: i64,
    /// Sustained rate of a token in requests per second.
    pub(crate) requests_per_second: u32,
    /// Requests that a token can send at once after a pause.
    pub(crate) burst: u32,
    /// Number of consecutive invalid tokens that an address can send within a minute; 0 for no limit.
    pub(crate) bad_tokens: u32,
    /// Maximum number of concurrent requests of a token; 0 for no limit.
    pub(crate) token_requests: usize,
    /// Maximum number of concurrent requests of a tenant; 0 for no limit.
    pub(crate) tenant_requests: usize,
    /// Maximum number of concurrent requests in total; 0 for no limit.
    pub(crate) requests: usize,
    /// Maximum bytes in memory for requests of a token; 0 for no limit.
    pub(crate) token_memory_bytes: usize,
    /// Maximum bytes in memory for requests of a tenant; 0 for no limit.
    pub(crate) tenant_memory_bytes: usize,
    /// Maximum bytes in memory for all requests; 0 for no limit.
    pub(crate) memory_bytes: usize,
    /// Maximum number of open connections.
    pub(crate) connections: usize,
    /// Maximum number of concurrent requests on one HTTP/2 connection.
    pub(crate) http2_streams: u32,
    /// Maximum bytes of a response that an HTTP/2 connection buffers.
    pub(crate) http2_send_bytes: usize,
    /// Time limit for the headers in seconds.
    pub(crate) header_seconds: u64,
    /// Time limit of a request in seconds.
    pub(crate) request_seconds: u64,
    /// Time limit for the body of a request in seconds.
    pub(crate) body_seconds: u64,
    /// Idle time of a connection in seconds, after which it is closed.
    pub(crate) idle_seconds: u64,
    /// Seconds after which a client must have read a part of the response.
    pub(crate) write_seconds: u64,
}

impl Limits {
    pub(super) fn read(entries: &Entries) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "limits");
        let needs_25 =
            ": Entra ID sends up to 25 requests per second and stops if they are refused";
        let limits = Self {
            request_bytes: section.integer("request_bytes", 1024..=1024 * MEBIBYTE)?,
            bulk_bytes: section.integer("bulk_bytes", 1024..=1024 * MEBIBYTE)?,
            bulk_operations: section.integer("bulk_operations", 1..=100_000)?,
            // hyper reads heads in buffers of 8 KiB.
            header_bytes: section.integer("header_bytes", 8192..=MEBIBYTE)?,
            // The http crate supports no longer URI.
            uri_bytes: section.integer("uri_bytes", 256..=65_534)?,
            // serde_json supports 128 levels.
            json_depth: section.integer("json_depth", 8..=100)?,
            filter_bytes: section.integer("filter_bytes", 64..=MEBIBYTE)?,
            filter_depth: section.integer("filter_depth", 1..=100)?,
            filter_clauses: section.integer("filter_clauses", 1..=10_000)?,
            patch_path_bytes: section.integer("patch_path_bytes", 64..=MEBIBYTE)?,
            patch_operations: section.integer("patch_operations", 1..=100_000)?,
            request_members: section.integer("request_members", 1..=1_000_000)?,
            attribute_values: section.integer("attribute_values", 1..=100_000)?,
            identifier_chars: section.integer("identifier_chars", 64..=65_536)?,
            string_bytes: section.integer("string_bytes", 1024..=16 * MEBIBYTE)?,
            // An index key of PostgreSQL has at most 2,700 bytes; a character has up to four.
            unique_chars: section.integer("unique_chars", 64..=512)?,
            page_default: section.integer("page_default", 1..=10_000)?,
            page_max: section.integer("page_max", 1..=10_000)?,
            requests_per_second: section.integer_because(
                "requests_per_second",
                25..=1_000_000,
                needs_25,
            )?,
            burst: section.integer("burst", 25..=10_000_000)?,
            bad_tokens: section.integer("bad_tokens", 0..=1_000_000)?,
            token_requests: section.integer("token_requests", 0..=1_000_000)?,
            tenant_requests: section.integer("tenant_requests", 0..=1_000_000)?,
            requests: section.integer("requests", 0..=1_000_000)?,
            token_memory_bytes: section.integer("token_memory_bytes", 0..=MEBIBYTE * MEBIBYTE)?,
            tenant_memory_bytes: section.integer("tenant_memory_bytes", 0..=MEBIBYTE * MEBIBYTE)?,
            memory_bytes: section.integer("memory_bytes", 0..=MEBIBYTE * MEBIBYTE)?,
            connections: section.integer("connections", 1..=1_000_000)?,
            http2_streams: section.integer("http2_streams", 1..=100_000)?,
            http2_send_bytes: section.integer("http2_send_bytes", 16_384..=1024 * MEBIBYTE)?,
            header_seconds: section.integer("header_seconds", 1..=HOUR)?,
            request_seconds: section.integer("request_seconds", 1..=HOUR)?,
            body_seconds: section.integer("body_seconds", 1..=HOUR)?,
            idle_seconds: section.integer("idle_seconds", 1..=HOUR)?,
            write_seconds: section.integer("write_seconds", 1..=HOUR)?,
        };
        section.ordered(
            &Number::new("page_default", limits.page_default),
            &Number::new("page_max", limits.page_max),
        )?;
        section.ordered(
            &Number::new("requests_per_second", limits.requests_per_second),
            &Number::new("burst", limits.burst),
        )?;
        Ok(limits)
    }
}

/// `[schemas]`: additional resource types and attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaSection {
    /// Folder of `*.json` files; `None` if not configured.
    pub(crate) dir: Option<PathBuf>,
    /// Attributes for filters and sorting; `*` for all. `None` if not configured.
    pub(crate) searchable: Option<Vec<String>>,
}

impl SchemaSection {
    pub(super) fn read(entries: &Entries) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "schemas");
        let searchable = section.list("searchable")?;
        let is_said = section.entry("searchable")?.origin.layer() > Layer::BuiltIn;
        Ok(Self {
            dir: section.path("dir")?,
            searchable: Some(searchable).filter(|_| is_said),
        })
    }
}

/// `[log]`: logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// The format of lines.
    pub(crate) format: LogFormat,
    /// A level or directives.
    pub(crate) level: String,
    /// A level or directives from `SCIMD_LOG` or `RUST_LOG`, which take precedence over `level`.
    pub(crate) from_environment: Option<String>,
}

impl Log {
    pub(super) fn read(entries: &Entries, environment: &Environment) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "log");
        let format = |text: &str| match text {
            "auto" => Some(LogFormat::Auto),
            "json" => Some(LogFormat::Json),
            "text" => Some(LogFormat::Text),
            _ => None,
        };
        let level =
            "error, warn, info, debug or trace, or directives such as \"info,scimd::store=debug\"";
        let is_level = |text: &str| telemetry::filter(text).map(|_| text.to_owned());
        let from_environment = [LOG_VARIABLE, "RUST_LOG"]
            .into_iter()
            .find_map(|name| is_level(environment.get(name)?));
        Ok(Self {
            format: section.parsed("format", "auto, json or text", format)?,
            level: section.parsed("level", level, is_level)?,
            from_environment,
        })
    }
}

/// `[provisioning]`: the provisioning log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provisioning {
    /// The requests to record.
    pub(crate) record: Record,
    /// Days after which requests are deleted.
    pub(crate) retention_days: i64,
}

impl Provisioning {
    pub(super) fn read(entries: &Entries) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "provisioning");
        Ok(Self {
            record: section.parsed("record", "all, changes or none", Record::from_keyword)?,
            retention_days: section.integer("retention_days", 1..=3650)?,
        })
    }
}

/// `[feed]`: the change feed for the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeedSection {
    /// Separate address and port for the change feed over HTTP; `None`: the listener of the SCIM API.
    pub(crate) listen: Option<SocketAddr>,
    /// Public URL of that address, without a slash at the end; `None`: derived from `listen`.
    pub(crate) public_url: Option<String>,
    /// Days after which changes are deleted.
    pub(crate) retention_days: i64,
    /// Whether the state of a resource is stored with each change.
    pub(crate) documents: bool,
    /// Whether this instance sends events to webhooks and streams.
    pub(crate) deliver: bool,
}

impl FeedSection {
    pub(super) fn read(entries: &Entries) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "feed");
        let (listen, public_url) = section.listener("127.0.0.1:8082")?;
        Ok(Self {
            listen,
            public_url,
            retention_days: section.integer("retention_days", 1..=3650)?,
            documents: section.flag("documents")?,
            deliver: section.flag("deliver")?,
        })
    }
}

/// `[tokens]`: lifetime of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Default lifetime of a token in seconds; `None`: no expiry.
    pub(crate) expires: Option<i64>,
    /// Days before expiry from which a token is reported as expiring.
    pub(crate) warn_days: i64,
}

impl Tokens {
    pub(super) fn read(entries: &Entries) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "tokens");
        Ok(Self {
            expires: section.parsed(
                "expires",
                duration::ALLOWED_OR_NEVER,
                duration::parse_or_never,
            )?,
            warn_days: section.integer("warn_days", 0..=3650)?,
        })
    }
}
