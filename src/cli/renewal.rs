//! SIGHUP: the configuration is read again while the server runs.

use crate::config::{Config, ConfigError};
use crate::scim_api::App;
use crate::service::Service;
use crate::telemetry;
use std::future::pending;
use tokio::signal::unix::Signal;

/// Brings certificate, log level and limits of the configuration into force at each signal. Never returns.
pub(super) async fn watch(
    mut hangups: Signal,
    service: &Service,
    app: &App,
    read: &dyn Fn() -> Result<Config, ConfigError>,
) {
    while hangups.recv().await.is_some() {
        let outcome = read()
            .map_err(|error| error.to_string())
            .and_then(|config| renew(&config, service, app));
        match outcome {
            Ok(()) => tracing::info!(
                "SIGHUP: certificate, log level and limits were read again; other keys wait for a restart"
            ),
            Err(error) => tracing::error!(
                error,
                "SIGHUP: the configuration cannot be used; the old one stays"
            ),
        }
    }
    pending::<()>().await;
}

/// All or nothing: a certificate that cannot be used leaves the limits as they were.
fn renew(config: &Config, service: &Service, app: &App) -> Result<(), String> {
    config
        .for_server()
        .check_tls()
        .map_err(|error| error.to_string())?;
    telemetry::renew(config.log.asked.as_deref().unwrap_or(&config.log.level));
    service.renew(config.limits.for_service());
    app.renew(&config.for_http(), config.for_server());
    Ok(())
}
