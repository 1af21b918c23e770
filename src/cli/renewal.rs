//! Reload of the configuration at SIGHUP.

use crate::admin_api::AdminApp;
use crate::config::{Config, ConfigError};
use crate::protocol::Service;
use crate::scim_api::ScimApp;
use crate::telemetry;
use std::future::pending;
use tokio::signal::unix::Signal;

/// Reloads certificate, level and format of the log and limits of the configuration at each signal. Never returns.
pub(super) async fn watch(
    mut hangups: Signal,
    renewed: Renewed<'_>,
    read: &dyn Fn() -> Result<Config, ConfigError>,
) {
    while hangups.recv().await.is_some() {
        let outcome = read()
            .map_err(|error| error.to_string())
            .and_then(|config| renewed.renew(&config));
        match outcome {
            Ok(()) => tracing::info!(
                "SIGHUP: certificate, level and format of the log and limits were read again; other keys wait for a restart"
            ),
            Err(error) => tracing::error!(
                error,
                "SIGHUP: the configuration is invalid; the old one stays in use"
            ),
        }
    }
    pending::<()>().await;
}

/// The parts whose settings can be replaced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renewed<'a> {
    pub(super) service: &'a Service,
    pub(super) app: &'a ScimApp,
    /// The management API, if it is served.
    pub(super) admin: Option<&'a AdminApp>,
    /// The change feed, if it has a separate listener.
    pub(super) feed: Option<&'a ScimApp>,
}

impl Renewed<'_> {
    /// Applies all settings or none: an invalid certificate leaves the limits unchanged.
    fn renew(&self, config: &Config) -> Result<(), String> {
        config
            .for_server()
            .check_tls()
            .map_err(|error| error.to_string())?;
        let level = config
            .log
            .from_environment
            .as_deref()
            .unwrap_or(&config.log.level);
        telemetry::renew(config.log.format, level);
        self.service.renew(config.limits.for_service());
        self.app.renew(&config.for_http(), config.for_server());
        if let Some(feed) = self.feed {
            feed.renew(&config.for_http(), config.for_server());
        }
        if let Some(admin) = self.admin {
            admin.renew(config);
        }
        Ok(())
    }
}
