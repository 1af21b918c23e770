//! The configuration: the built-in defaults (`config/scimd.toml`), overridden by a file, the environment and the
//! command line. Every error has the place and the allowed values.

mod admin;
mod database;
mod delivery;
pub(crate) mod duration;
mod entries;
mod layer_settings;
mod mapping;
mod metrics;
mod origin;
mod postgres_url;
mod sections;
mod sources;
mod suggest;
#[cfg(test)]
mod tests;
mod typed_section;
pub(crate) mod url;
mod variable;

pub(crate) use admin::Admin;
pub(crate) use database::Database;
pub(crate) use delivery::Webhooks;
pub(crate) use metrics::MetricsSettings;
pub(crate) use origin::{ConfigError, Origin};
pub(crate) use sections::{FeedSection, Limits, Log, Provisioning, SchemaSection, Server, Tokens};
pub(crate) use sources::Override;
pub use sources::{DEFAULTS, Environment};
pub(crate) use variable::{
    CA_FILE_VARIABLE, OPERATOR_TOKEN_FILE_VARIABLE, OPERATOR_TOKEN_VARIABLE, PROFILE_VARIABLE,
    SERVER_VARIABLE,
};

use crate::mapping::Mapping;
use crate::operator::DatabaseTarget;
use crate::secrets::KeySource;
use entries::Entries;
use secrecy::ExposeSecret;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// The complete, valid configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The listener, and its public URL.
    pub(crate) server: Server,
    /// The management listener.
    pub(crate) admin: Admin,
    /// Access to the metrics.
    pub(crate) metrics: MetricsSettings,
    /// The database.
    pub database: Database,
    /// Limits of requests.
    pub(crate) limits: Limits,
    /// Additional resource types and attributes.
    pub(crate) schemas: SchemaSection,
    /// Logging.
    pub(crate) log: Log,
    /// The provisioning log.
    pub(crate) provisioning: Provisioning,
    /// The change feed.
    pub(crate) feed: FeedSection,
    /// Lifetime of tokens.
    pub(crate) tokens: Tokens,
    /// Sending of events.
    pub(crate) webhooks: Webhooks,
    /// The keys of stored secrets.
    pub(crate) secret_keys: KeySource,
    /// The attribute of each column of the directory.
    pub mapping: Mapping,
    entries: Entries,
}

/// A key with its current value, for display.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effective {
    /// Section of the key.
    pub(crate) section: String,
    /// The key.
    pub(crate) key: String,
    /// The value, without secrets.
    pub(crate) value: toml::Value,
    /// The origin.
    pub(crate) origin: Origin,
}

impl Config {
    /// Reads all sources; a later one overrides an earlier one: the built-in defaults, the file (or else
    /// `SCIMD_CONFIG`, or else `/etc/scimd/scimd.toml`), the environment, the command line.
    ///
    /// # Errors
    /// The first error.
    pub fn load(
        file: Option<&Path>,
        environment: &Environment,
        overrides: &[Override],
    ) -> Result<Self, ConfigError> {
        Self::of_entries(sources::read(file, environment, overrides)?, environment)
    }

    fn of_entries(entries: Entries, environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            server: Server::read(&entries)?,
            admin: Admin::read(&entries)?,
            metrics: MetricsSettings::read(&entries)?,
            database: Database::read(&entries, environment)?,
            limits: Limits::read(&entries)?,
            schemas: SchemaSection::read(&entries)?,
            log: Log::read(&entries, environment)?,
            provisioning: Provisioning::read(&entries)?,
            feed: FeedSection::read(&entries)?,
            tokens: Tokens::read(&entries)?,
            webhooks: Webhooks::read(&entries)?,
            secret_keys: delivery::read_keys(&entries, environment)?,
            mapping: mapping::read(&entries)?,
            entries,
        })
    }

    /// Every key with its effective value, in the order of the built-in file, with secrets masked.
    pub(crate) fn effective(&self) -> impl Iterator<Item = Effective> {
        self.entries.iter().map(|entry| Effective {
            section: entry.section.clone(),
            key: entry.key.clone(),
            value: entry.masked().into(),
            origin: entry.origin.clone(),
        })
    }

    /// Base URL of the SCIM endpoints for clients, without a slash at the end, when the server listens on `address`.
    pub fn base_url(&self, address: SocketAddr) -> String {
        let Server {
            public_url,
            base_path,
            ..
        } = &self.server;
        let root = public_url
            .clone()
            .unwrap_or_else(|| self.local_url(address));
        // A URL with the path, as used by identity providers, is accepted too.
        if root.ends_with(base_path.as_str()) {
            root
        } else {
            format!("{root}{base_path}")
        }
    }

    /// Base URL of the SCIM endpoints for clients, without a slash at the end; `None` without a public URL, because it
    /// then depends on the listener.
    pub(crate) fn public_base_url(&self) -> Option<String> {
        self.server
            .public_url
            .is_some()
            .then(|| self.base_url(self.server.listen))
    }

    /// The issuer of tokens: the public URL without the base path.
    pub fn issuer(&self) -> String {
        let url = self.base_url(self.server.listen);
        let root = url.strip_suffix(self.server.base_path.as_str());
        root.unwrap_or(&url).to_owned()
    }

    /// URL of the change feed for the application, without a slash at the end; `listen` is the address of its separate
    /// listener, if any.
    pub(crate) fn feed_url(&self, listen: Option<SocketAddr>) -> String {
        match (listen, &self.feed.public_url) {
            (None, _) => self.issuer(),
            (Some(_), Some(url)) => url.clone(),
            (Some(address), None) => self.local_url(address),
        }
    }

    /// The URL for clients on this machine.
    pub(crate) fn local_url(&self, address: SocketAddr) -> String {
        let scheme = if self.server.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let ip = match address.ip() {
            ip if !ip.is_unspecified() => ip,
            _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
    }

    /// The public URL of the management listener at `address`, without a slash at the end.
    pub(crate) fn admin_url(&self, address: SocketAddr) -> String {
        let public = self.admin.public_url.clone();
        public.unwrap_or_else(|| self.local_url(address))
    }

    /// Refuses to send tokens unencrypted over a network.
    ///
    /// # Errors
    /// If other machines could reach the server with plain HTTP without a declared proxy.
    pub(crate) fn check_exposure(&self) -> Result<(), ConfigError> {
        if self.server.behind_proxy || self.server.tls.is_some() {
            return Ok(());
        }
        let listeners = [
            ("server", Some(self.server.listen)),
            ("admin", self.admin.listen),
            ("feed", self.feed.listen),
        ];
        let exposed = listeners.into_iter().find_map(|(section, listen)| {
            Some((section, listen.filter(|at| !at.ip().is_loopback())?))
        });
        let Some((section, listen)) = exposed else {
            return Ok(());
        };
        let entry = self.entries.get(section, "listen")?;
        let problem = format!(
            "{section}.listen = \"{listen}\": plain HTTP would send tokens unencrypted over the network; use --behind-proxy if a proxy terminates TLS, or set server.tls_certificate and server.tls_key"
        );
        Err(ConfigError::new(&entry.origin, problem))
    }

    /// Valid settings that are probably not intended.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Server {
            listen, public_url, ..
        } = &self.server;
        let mut warnings = Vec::new();
        match public_url {
            Some(url) if url::host(url).contains('_') => warnings.push(format!(
                "server.public_url = \"{url}\": Okta refuses a host with an underscore; use another name"
            )),
            Some(url) if url.starts_with("http://") && !is_local(url::host(url)) => {
                warnings.push(format!("server.public_url = \"{url}\": identity providers require https"));
            }
            None if !listen.ip().is_loopback() => warnings.push(format!(
                "server.public_url is not set: the Location of resources will begin with {}, which other machines \
                 cannot reach; set it to the URL that clients use",
                self.local_url(*listen)
            )),
            _ => {}
        }
        if let (Some(listen), None) = (self.admin.listen, &self.admin.public_url)
            && listen.ip().is_unspecified()
        {
            warnings.push(format!(
                "admin.public_url is not set: the management listener on {listen} accepts only requests for this machine's own name and addresses; set it to the URL that operators use"
            ));
        }
        if let DatabaseTarget::Postgres { url } = &self.database.target
            && postgres_url::has_bare_at(url.expose_secret())
        {
            warnings.push(
                "database.url: an '@' in the user or the password is not encoded; the last one is treated as the separator: write the others as %40"
                    .to_owned(),
            );
        }
        warnings
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
