//! The log line of the start: version, database, addresses, and enabled features.

use crate::config::Config;
use crate::request_log::Record;
use crate::trace;
use std::net::SocketAddr;

/// The addresses that the server listens on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listening {
    pub(super) scim: SocketAddr,
    pub(super) admin: Option<SocketAddr>,
    /// The address of the change feed, if it has a separate listener.
    pub(super) feed: Option<SocketAddr>,
}

/// Logs the line, once the server is ready for requests.
pub(super) fn log(config: &Config, base_url: &str, listeners: &Listening) {
    tracing::info!(
        version = env!("VERSION_WITH_COMMIT"),
        database = %config.database,
        base_url,
        listen = %listeners.scim,
        admin_listen = listeners.admin.map(tracing::field::display),
        feed_listen = listeners.feed.map(tracing::field::display),
        switched_on = switched_on(config).join(", "),
        "serving"
    );
}

fn switched_on(config: &Config) -> Vec<String> {
    let Config {
        server,
        provisioning,
        schemas,
        mapping,
        ..
    } = config;
    let transport = match (&server.tls, server.behind_proxy) {
        (Some(_), _) => "TLS",
        (None, true) => "plain HTTP behind a proxy",
        (None, false) => "plain HTTP on this machine",
    };
    let log = match provisioning.record {
        Record::None => None,
        record => Some(format!(
            "provisioning log ({}, {} days)",
            record.as_str(),
            provisioning.retention_days
        )),
    };
    let named = [
        (server.tenant_paths, "URLs of tenants"),
        (schemas.dir.is_some(), "schema files"),
        (
            !mapping.users.is_empty() || !mapping.groups.is_empty(),
            "column mapping",
        ),
        (config.admin.listen.is_some(), "management API"),
        (trace::is_enabled(), "traces"),
    ];
    let named = named.into_iter().filter(|(is_on, _)| *is_on);
    std::iter::once(transport.to_owned())
        .chain(named.map(|(_, name)| name.to_owned()))
        .chain(log)
        .collect()
}
