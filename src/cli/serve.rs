//! `scimd serve`.

use super::arguments::given;
use super::failure::Failure;
use super::start_line::{self, Listening};
use super::{deliveries, open, open_endpoints, renewal, signals};
use crate::admin_api::{self, AdminApp, AdminParts, AdminSettings, Mount};
use crate::background::Background;
use crate::config::{Config, ConfigError, Override};
use crate::feed::Feed;
use crate::feed_api::{self, FeedApp};
use crate::metrics;
use crate::operator::{DEFAULT_TENANT, Operator};
use crate::protocol::Service;
use crate::scim_api::{self, Beside, ScimApp};
use crate::store::TokenScope;
use crate::wire::{self, TokenLimits};
use clap::Args;
use secrecy::ExposeSecret;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

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
    /// A proxy in front terminates TLS: allows plain HTTP on any address
    #[arg(long)]
    behind_proxy: bool,
    /// Path in front of the SCIM endpoints [default: /scim/v2]
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
    /// Address and port of the management API; port 0 selects a free one [default: no management API]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// URL under which operators reach the management API [default: by the address it listens on]
    #[arg(long, value_name = "URL")]
    admin_public_url: Option<String>,
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
            given(
                "admin",
                "listen",
                "--admin-listen",
                self.admin_listen.as_deref(),
            ),
            given(
                "admin",
                "public_url",
                "--admin-public-url",
                self.admin_public_url.as_deref(),
            ),
        ];
        options.into_iter().flatten().collect()
    }

    /// Serves until SIGTERM or SIGINT; running requests finish. At SIGHUP, the result of `read_again` is applied.
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
        let listener = listen(config.server.listen, "--listen")?;
        let admin = config
            .admin
            .listen
            .map(|at| listen(at, "--admin-listen"))
            .transpose()?;
        let apart = config
            .feed
            .listen
            .map(|at| listen(at, "feed.listen"))
            .transpose()?;
        let address = local_address(&listener)?;
        let base_url = config.base_url(address);
        let settings = config.for_service(base_url.clone())?;
        let directory = config.directory()?;
        let operator = tokio::select! {
            operator = open::patiently(config, &settings, &directory) => operator?,
            () = stop.clone().wait() => return Ok(()),
        };
        let made = operator.make_directory(&directory).await;
        let feed = Feed::new(operator.service().access().clone(), directory.clone());
        let background = Background::new(operator.clock().clone());
        background.apply_directory(operator.clone(), directory, made);
        background.move_scanned(operator.clone());
        let listening = Listening {
            scim: address,
            admin: admin.as_ref().map(local_address).transpose()?,
            feed: apart.as_ref().map(local_address).transpose()?,
        };
        self.greet(&operator, config, (&base_url, &listening), out)
            .await?;
        background.warn_of_expiring_tokens(operator.clone(), config.tokens.warn_days);
        background.forget_old_requests(operator.clone(), config.provisioning.retention_days);
        background.forget_old_acts(operator.clone(), config.admin.audit_days);
        background.number_changes(feed.clone());
        let endpoints = open_endpoints::over(config, &operator, feed.clone());
        deliveries::start(&background, config, &operator, feed.clone(), stop.clone())?;
        background.forget_old_changes(operator.clone(), config.feed.retention_days);
        let recorder = operator.service().recorder().clone();
        let access = operator.service().access().clone();
        let limits = config.for_http().limits();
        let feed_app = FeedApp::new(feed.clone(), access, endpoints.clone(), limits.clone());
        let beside = Beside::new(feed_api::PREFIX, feed_api::refusal, move |request| {
            feed_app.clone().answer(request)
        });
        let (app, feed_app) = apps(operator.service(), config, limits, beside);
        if listening.admin.is_some() {
            background.measure_tenants(operator.clone(), config.metrics.tenants);
        }
        let admin_app = listening.admin.map(|address| {
            let settings = AdminSettings::of(config, address, base_url.clone());
            let pages = vec![metrics_page(&operator, config)];
            let parts = AdminParts {
                operator: operator.clone(),
                endpoints: endpoints.clone(),
                config: config.clone(),
                mounts: pages,
            };
            admin_api::app(settings, parts)
        });
        let renewed = renewal::Renewed {
            service: operator.service(),
            app: &app,
            admin: admin_app.as_ref(),
            feed: feed_app.as_ref(),
        };
        let renewal = renewal::watch(hangups, renewed, read_again);
        start_line::log(config, &base_url, &listening);
        let serving = wire::serve(
            listener,
            app.wire(),
            config.for_server(),
            stop.clone().wait(),
        );
        let managing = serve_apart(
            admin.zip(admin_app.as_ref().map(AdminApp::wire)),
            config,
            &stop,
        );
        let feeding = serve_apart(
            apart.zip(feed_app.as_ref().map(ScimApp::wire)),
            config,
            &stop,
        );
        // A stream would keep its connection, and the server with it. Until requests are to end, readers wait as before.
        let delay = config.for_server().shutdown_delay();
        let ending = async {
            stop.clone().wait().await;
            sleep(delay).await;
            operator.close_log_readers();
            feed.close();
            Ok(())
        };
        let all = async { tokio::try_join!(serving, managing, feeding, ending).map(|_| ()) };
        let served = tokio::select! {
            served = all => served,
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
        (base_url, listening): (&str, &Listening),
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
        if let Some(address) = listening.admin {
            let url = config.admin_url(address);
            lines.push_str(&format!("Management API: {url}/api/v1\n"));
        }
        if listening.feed.is_some() {
            let url = config.feed_url(listening.feed);
            lines.push_str(&format!("Change feed: {url}{}\n", feed_api::PREFIX));
        }
        // Standard output may be closed; the server runs nevertheless.
        if let Err(error) = out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
            tracing::warn!(%error, "standard output is closed");
        }
        Ok(())
    }
}

/// The page that Prometheus reads.
fn metrics_page(operator: &Operator, config: &Config) -> Mount {
    let metrics = operator.service().metrics().clone();
    Mount {
        path: "/metrics",
        content_type: metrics::CONTENT_TYPE,
        token: config.metrics.token.clone(),
        text: Arc::new(move || metrics.text()),
    }
}

/// Longest wait for programs that read the database while it is closed.
const CLOSING: Duration = Duration::from_secs(10);

/// An error while closing is logged and is not a failure: acknowledged changes are stored.
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

/// The SCIM API and the change feed, if it has a separate listener; otherwise the feed is part of the SCIM listener.
fn apps(
    service: &Service,
    config: &Config,
    limits: Arc<TokenLimits>,
    feed: Beside,
) -> (ScimApp, Option<ScimApp>) {
    let settings = config.for_http();
    if config.feed.listen.is_none() {
        let app = scim_api::app(service.clone(), settings, limits, Some(feed));
        return (app, None);
    }
    let apart = scim_api::beside_app(service.clone(), settings.clone(), limits.clone(), feed);
    let app = scim_api::app(service.clone(), settings, limits, None);
    (app, Some(apart))
}

/// Serves an app on a separate listener, if configured.
async fn serve_apart(
    served: Option<(TcpListener, wire::App)>,
    config: &Config,
    stop: &signals::Stop,
) -> io::Result<()> {
    match served {
        Some((listener, app)) => {
            wire::serve(listener, app, config.for_server(), stop.clone().wait()).await
        }
        None => Ok(()),
    }
}

/// Listens on an address of an option.
fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    wire::listen(address).map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::AddrInUse => {
                format!("another program listens there: stop it, or use {option} with another port")
            }
            ErrorKind::PermissionDenied => {
                format!("ports below 1024 need privileges: use {option} with a higher one")
            }
            ErrorKind::AddrNotAvailable => {
                format!("this machine does not have that address: correct {option}")
            }
            _ => format!("correct {option}"),
        };
        Failure::Failed(format!("cannot listen on {address}: {error}; {remedy}"))
    })
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener
        .local_addr()
        .map_err(|error: io::Error| Failure::Failed(format!("no address to listen on: {error}")))
}
