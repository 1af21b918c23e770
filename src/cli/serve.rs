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
use crate::scim_api::{self, ScimApp, SiblingApi};
use crate::store::TokenScope;
use crate::wire;
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
    /// URL under which clients reach the server [default: derived from the address]
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
    /// URL under which operators reach the management API [default: derived from the address]
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
        let listeners = Listeners::bind(config)?;
        let listening = listeners.addresses()?;
        let base_url = config.base_url(listening.scim);
        let settings = config.for_service(base_url.clone())?;
        let directory = config.directory()?;
        let operator = tokio::select! {
            operator = open::when_available(config, &settings, &directory) => operator?,
            () = stop.clone().wait() => return Ok(()),
        };
        let made = operator.make_directory(&directory).await;
        let feed = Feed::new(operator.service().access().clone(), directory.clone());
        let background = Background::new(operator.clock().clone());
        background.apply_directory(operator.clone(), directory, made);
        background.move_scanned(operator.clone());
        background.remove_leftovers(operator.clone());
        self.print_start(&operator, config, (&base_url, &listening), out)
            .await?;
        start_jobs(&background, &operator, config, &feed);
        deliveries::start(&background, config, &operator, feed.clone(), stop.clone())?;
        let apps = Apps::new(&operator, config, &feed, (&base_url, &listening));
        if apps.admin.is_some() {
            background.measure_tenants(operator.clone(), config.metrics.tenants);
        }
        let renewed = renewal::Renewed {
            service: operator.service(),
            app: &apps.scim,
            admin: apps.admin.as_ref(),
            feed: apps.feed.as_ref(),
        };
        let renewal = renewal::watch(hangups, renewed, read_again);
        start_line::log(config, &base_url, &listening);
        // A stream keeps its connection open, which would delay the shutdown. Until running requests have to end,
        // readers wait as usual.
        let delay = config.for_server().shutdown_delay();
        let ending = async {
            stop.clone().wait().await;
            sleep(delay).await;
            operator.close_log_readers();
            feed.close();
            Ok(())
        };
        let serving = serve_all(listeners, &apps, config, &stop);
        let all = async { tokio::try_join!(serving, ending).map(|_| ()) };
        let served = tokio::select! {
            served = all => served,
            () = renewal => Ok(()),
        };
        background.stop().await;
        operator.service().recorder().clone().finish().await;
        close(&operator).await;
        served.map_err(|error| Failure::Failed(format!("the server cannot run: {error}")))?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Prints the URL of the server and the requested token.
    async fn print_start(
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

/// The page for Prometheus.
fn metrics_page(operator: &Operator, config: &Config) -> Mount {
    let metrics = operator.service().metrics().clone();
    Mount {
        path: "/metrics",
        content_type: metrics::CONTENT_TYPE,
        token: config.metrics.token.clone(),
        text: Arc::new(move || metrics.text()),
    }
}

/// Maximum wait for programs that read the database while it is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// An error while closing is logged and is not a failure: acknowledged changes are stored.
async fn close(operator: &Operator) {
    match timeout(CLOSE_TIMEOUT, operator.service().close()).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) | Err(_) => tracing::warn!(
            "another program reads the database: copy scimd.db together with scimd.db-wal, or run scimd backup"
        ),
        Ok(Err(error)) => {
            tracing::warn!(%error, cause = std::error::Error::source(&error), "the database could not be closed");
        }
    }
}

/// The sockets of the server.
struct Listeners {
    scim: TcpListener,
    admin: Option<TcpListener>,
    feed: Option<TcpListener>,
}

impl Listeners {
    fn bind(config: &Config) -> Result<Self, Failure> {
        let bind = |address: Option<SocketAddr>, key| {
            address.map(|address| listen(address, key)).transpose()
        };
        Ok(Self {
            scim: listen(config.server.listen, "--listen")?,
            admin: bind(config.admin.listen, "--admin-listen")?,
            feed: bind(config.feed.listen, "feed.listen")?,
        })
    }

    fn addresses(&self) -> Result<Listening, Failure> {
        Ok(Listening {
            scim: local_address(&self.scim)?,
            admin: self.admin.as_ref().map(local_address).transpose()?,
            feed: self.feed.as_ref().map(local_address).transpose()?,
        })
    }
}

/// Starts the background jobs, except for those of the start and of deliveries.
fn start_jobs(background: &Background, operator: &Operator, config: &Config, feed: &Feed) {
    background.warn_of_expiring_tokens(operator.clone(), config.tokens.warn_days);
    background.forget_old_requests(operator.clone(), config.provisioning.retention_days);
    background.forget_old_acts(operator.clone(), config.admin.audit_days);
    background.number_changes(feed.clone());
    background.forget_old_changes(operator.clone(), config.feed.retention_days);
}

/// The APIs of the listeners.
struct Apps {
    scim: ScimApp,
    admin: Option<AdminApp>,
    /// `None` if the change feed is on the listener of the SCIM API.
    feed: Option<ScimApp>,
}

impl Apps {
    fn new(
        operator: &Operator,
        config: &Config,
        feed: &Feed,
        (base_url, listening): (&str, &Listening),
    ) -> Self {
        let (service, settings) = (operator.service(), config.for_http());
        let limits = settings.limits();
        let endpoints = open_endpoints::over(config, operator, feed.clone());
        let access = service.access().clone();
        let feed_api = FeedApp::new(feed.clone(), access, endpoints.clone(), limits.clone());
        let sibling = SiblingApi::new(feed_api::PREFIX, feed_api::refusal, move |request| {
            feed_api.clone().answer(request)
        });
        let admin = listening.admin.map(|address| {
            let settings = AdminSettings::of(config, address, base_url.to_owned());
            let parts = AdminParts {
                operator: operator.clone(),
                endpoints,
                config: config.clone(),
                mounts: vec![metrics_page(operator, config)],
            };
            admin_api::app(settings, parts)
        });
        let (with_scim, separate) = match listening.feed {
            None => (Some(sibling), None),
            Some(_) => (None, Some(sibling)),
        };
        Self {
            admin,
            feed: separate.map(|feed| {
                scim_api::sibling_app(service.clone(), settings.clone(), limits.clone(), feed)
            }),
            scim: scim_api::app(service.clone(), settings, limits, with_scim),
        }
    }
}

/// Serves all APIs until the server stops.
async fn serve_all(
    listeners: Listeners,
    apps: &Apps,
    config: &Config,
    stop: &signals::Stop,
) -> io::Result<()> {
    let Listeners { scim, admin, feed } = listeners;
    let serving = wire::serve(
        scim,
        apps.scim.wire(),
        config.for_server(),
        stop.clone().wait(),
    );
    let admin = admin.zip(apps.admin.as_ref().map(AdminApp::wire));
    let feed = feed.zip(apps.feed.as_ref().map(ScimApp::wire));
    let managing = serve_separately(admin, config, stop);
    let feeding = serve_separately(feed, config, stop);
    tokio::try_join!(serving, managing, feeding).map(|_| ())
}

/// Serves an app on a separate listener, if configured.
async fn serve_separately(
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
