//! `scimd serve`.

use super::arguments::given;
use super::failure::Failure;
use super::{open, renewal, signals};
use crate::background::Background;
use crate::config::{Config, ConfigError, Override};
use crate::feed::Feed;
use crate::scim_api;
use crate::service::{DEFAULT_TENANT, Operator, TokenScope};
use crate::wire;
use clap::Args;
use secrecy::ExposeSecret;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Arguments of `scimd serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port to listen on; port 0 selects a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Issues a token of this name for the tenant default and prints it
    #[arg(long, value_name = "NAME")]
    issue_token: Option<String>,
    /// URL under which clients reach the server [default: by the address it listens on]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A proxy in front speaks TLS with the clients: allows plain HTTP on any address
    #[arg(long)]
    behind_proxy: bool,
    /// Path in front of the SCIM endpoints [default: /scim/v2]
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
}

impl Serve {
    /// The options that are keys of the configuration.
    pub(super) fn overrides(&self) -> Vec<Override> {
        let options = [
            given("server", "listen", "--listen", self.listen.as_deref()),
            given(
                "server",
                "public_url",
                "--public-url",
                self.public_url.as_deref(),
            ),
            given(
                "server",
                "behind_proxy",
                "--behind-proxy",
                self.behind_proxy.then_some("true"),
            ),
            given(
                "server",
                "base_path",
                "--base-path",
                self.base_path.as_deref(),
            ),
        ];
        options.into_iter().flatten().collect()
    }

    /// Serves until SIGTERM or SIGINT; requests under way finish. At SIGHUP, what `read_again` gives comes into
    /// force.
    pub(super) async fn run(
        &self,
        config: &Config,
        read_again: &dyn Fn() -> Result<Config, ConfigError>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let hangups = signals::hangups()?;
        config.check_exposure()?;
        config
            .warnings()
            .iter()
            .for_each(|warning| tracing::warn!("{warning}"));
        let stop = signals::stop()?;
        let listener = listen(config.server.listen)?;
        let base_url = config.base_url(local_address(&listener)?);
        let settings = config.for_service(base_url.clone())?;
        let directory = config.directory()?;
        let operator = tokio::select! {
            operator = open::patiently(config, &settings, &directory) => operator?,
            () = stop.clone().wait() => return Ok(()),
        };
        tracing::info!(database = %config.database, base_url, "opened");
        let made = operator.make_directory(&directory).await;
        let feed = Feed::new(operator.service().access().clone(), directory.clone());
        let background = Background::new(operator.clock().clone());
        background.apply_directory(operator.clone(), directory, made);
        self.greet(&operator, config, &base_url, out).await?;
        background.warn_of_expiring_tokens(operator.clone(), config.tokens.warn_days);
        background.forget_old_requests(operator.clone(), config.provisioning.retention_days);
        background.number_changes(feed);
        background.forget_old_changes(operator.clone(), config.feed.retention_days);
        let recorder = operator.service().recorder().clone();
        let app = scim_api::app(operator.service().clone(), config.for_http());
        let renewal = renewal::watch(hangups, operator.service(), &app, read_again);
        let served = tokio::select! {
            served = wire::serve(listener, app.wire(), config.for_server(), stop.wait()) => served,
            () = renewal => Ok(()),
        };
        background.stop().await;
        recorder.finish().await;
        close(&operator).await;
        served.map_err(|error| Failure::Failed(format!("the server cannot run: {error}")))?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Prints the URL of the server and the requested token.
    async fn greet(
        &self,
        operator: &Operator,
        config: &Config,
        base_url: &str,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let mut lines = format!("SCIM base URL: {base_url}\n");
        if let Some(name) = &self.issue_token {
            let token = operator
                .issue_token(
                    DEFAULT_TENANT,
                    name,
                    TokenScope::ReadWrite,
                    config.tokens.expires,
                )
                .await?;
            let text = token.text.expose_secret();
            lines.push_str(&format!("Bearer token \"{name}\" (shown once): {text}\n"));
            lines.push_str(&format!(
                "Try: curl -H \"Authorization: Bearer {text}\" '{base_url}/Users?count=1'\n"
            ));
        }
        // Who started the server may have closed its output; that is no reason not to serve.
        if let Err(error) = out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
            tracing::warn!(%error, "nobody reads standard output");
        }
        Ok(())
    }
}

/// Longest wait for programs that read the database while it is closed.
const CLOSING: Duration = Duration::from_secs(10);

/// An error while closing is logged and is not a failure: what was acknowledged is stored.
async fn close(operator: &Operator) {
    match timeout(CLOSING, operator.service().close()).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) | Err(_) => tracing::warn!(
            "another program reads the database: copy scimd.db together with scimd.db-wal, or run scimd backup"
        ),
        Ok(Err(error)) => {
            tracing::warn!(%error, cause = std::error::Error::source(&error), "the database was not closed");
        }
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    wire::listen(address).map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::AddrInUse => {
                "another program listens there: stop it, or give --listen with another port"
            }
            ErrorKind::PermissionDenied => {
                "ports below 1024 need privileges: give --listen with a higher one"
            }
            ErrorKind::AddrNotAvailable => {
                "this machine does not have that address: correct --listen"
            }
            _ => "correct --listen",
        };
        Failure::Failed(format!("cannot listen on {address}: {error}; {remedy}"))
    })
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener
        .local_addr()
        .map_err(|error: io::Error| Failure::Failed(format!("no address to listen on: {error}")))
}
