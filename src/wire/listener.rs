//! The listener: a custom accept loop, because `axum::serve` has no time limits, no connection limits and no TLS.

use crate::wire::app::App;
use crate::wire::connection::ConnectionServer;
use crate::wire::connection_limit::ConnectionLimit;
use crate::wire::settings::ServerSettings;
use crate::wire::shutdown::{Phase, Shutdown};
use crate::wire::tls::Tls;
use socket2::SockRef;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Pause after a failed accept, until files are closed.
const PAUSE: Duration = Duration::from_millis(200);

/// Interval at which expired state is removed and the certificate files are checked.
const TIDY: Duration = Duration::from_secs(60);

/// How long idle HTTP/1 connections stay open when the server stops, so that a request that a client sends at that
/// moment gets its response. A load balancer that checks twice a second sends none after this time.
const LAST_REST: Duration = Duration::from_secs(2);

/// Length of the operating system's queue for connections; the system may limit it further.
const BACKLOG: u32 = 4096;

/// Listens on an address. A client whose connection does not fit into the queue of the operating system retries only
/// after a second, so the queue is long.
///
/// # Errors
/// Errors of the operating system, such as `AddrInUse`.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restarted server does not wait for the end of the previous one's connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves an app until `shutdown` is ready. Then it continues for the delay of the settings, so that clients move to
/// other instances: every response closes its connection, and a readiness check can detect
/// [`Leaving`](crate::wire::shutdown::Leaving). After that it accepts no new connections, responds to a last request on
/// each open one, waits for requests in flight, and returns when they have ended, or after the time limit.
///
/// # Errors
/// If the TLS files cannot be used.
pub async fn serve(
    listener: TcpListener,
    app: App,
    settings: ServerSettings,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (phase, stopping) = Shutdown::new();
    let mut renewed = app.renewed.subscribe();
    let delay = settings.shutdown_delay();
    let mut state = State::open(app, settings, stopping)?;
    let mut connections = JoinSet::new();
    let mut tidying = interval(TIDY);
    tidying.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ending = pin!(async {
        shutdown.await;
        leave(&phase, delay).await;
    });
    loop {
        tokio::select! {
            () = &mut ending => break,
            (stream, peer) = accept(&listener, &state.connections) => {
                state.begin(&mut connections, stream, peer);
                // Accepting many connections must not delay the requests of others.
                yield_now().await;
            }
            Some(_) = connections.join_next() => {}
            _ = tidying.tick() => state.tidy(),
            Ok(()) = renewed.changed() => {
                let settings = renewed.borrow_and_update().clone();
                state.renew(settings);
            }
        }
    }
    phase.send_replace(Phase::Draining);
    for (stream, peer) in last_accepted(listener)? {
        state.begin(&mut connections, stream, peer);
    }
    drain(connections, &state, &phase, delay).await;
    Ok(())
}

/// Signals to clients for this time that the server is leaving.
async fn leave(phase: &watch::Sender<Phase>, delay: Duration) {
    if delay.is_zero() {
        return;
    }
    phase.send_replace(Phase::Leaving);
    tracing::info!("requests are accepted until server.shutdown_delay_seconds have passed");
    sleep(delay).await;
}

/// The state of the accept loop.
struct State {
    app: App,
    settings: ServerSettings,
    shutdown: Shutdown,
    server: Arc<ConnectionServer>,
    connections: ConnectionLimit,
    tls: Option<Tls>,
}

impl State {
    fn open(app: App, settings: ServerSettings, shutdown: Shutdown) -> io::Result<Self> {
        let tls = Tls::load(&settings)?;
        let server = Arc::new(ConnectionServer::new(
            app.clone(),
            settings.clone(),
            shutdown.clone(),
        ));
        let connections = ConnectionLimit::new(settings.connections);
        Ok(Self {
            app,
            settings,
            shutdown,
            server,
            connections,
            tls,
        })
    }

    /// Starts serving a connection.
    fn begin(&self, connections: &mut JoinSet<()>, stream: TcpStream, peer: SocketAddr) {
        let (server, acceptor) = (self.server.clone(), self.tls.as_ref().map(Tls::acceptor));
        let deadlines = server.deadlines();
        // The task of the connection may not run before another connection needs a slot.
        if self.connections.is_full() && has_bytes(&stream) {
            deadlines.note_waiting();
        }
        let slot = self.connections.take(peer.ip(), deadlines.clone());
        connections.spawn(async move {
            tokio::select! {
                () = server.run(stream, peer, deadlines, acceptor) => {}
                () = slot.left() => tracing::debug!(%peer, "closed: another connection needs the slot"),
            }
        });
    }

    /// Replaces the settings, for new connections.
    fn renew(&mut self, settings: Option<ServerSettings>) {
        let Some(settings) = settings else { return };
        match (&mut self.tls, Tls::load(&settings)) {
            (Some(tls), Ok(Some(renewed))) => {
                *tls = renewed;
                tracing::info!("the TLS certificate was read again");
            }
            (None, Ok(None)) => {}
            (_, Ok(_)) => {
                tracing::warn!("enabling or disabling TLS requires a restart");
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "the new TLS certificate cannot be used; the previous one stays in use");
            }
        }
        self.connections.set(settings.connections);
        self.server = Arc::new(ConnectionServer::new(
            self.app.clone(),
            settings.clone(),
            self.shutdown.clone(),
        ));
        self.settings = settings;
    }

    fn tidy(&mut self) {
        (self.app.tidy)();
        if let Some(tls) = &mut self.tls {
            tls.renew();
        }
    }
}

/// Whether bytes were received on a connection before it was accepted.
fn has_bytes(stream: &TcpStream) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    let peeked = SockRef::from(stream).peek(&mut byte);
    peeked.is_ok_and(|count| count > 0)
}

/// The next connection, when there is a free slot. Errors of accept never end the server: a client may have
/// disconnected already, and open files will be closed.
async fn accept(listener: &TcpListener, connections: &ConnectionLimit) -> (TcpStream, SocketAddr) {
    connections.room().await;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

/// The connections that the operating system has accepted: their clients may have sent requests. No more are accepted.
/// There are at most [`BACKLOG`] of them, so clients that connect without pause do not delay the stop.
fn last_accepted(listener: TcpListener) -> io::Result<Vec<(TcpStream, SocketAddr)>> {
    let listener = listener.into_std()?;
    let mut accepted = Vec::new();
    for _ in 0..BACKLOG {
        match listener.accept() {
            Ok((stream, peer)) => {
                stream.set_nonblocking(true)?;
                accepted.push((TcpStream::from_std(stream)?, peer));
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted");
                break;
            }
        }
    }
    Ok(accepted)
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

/// Waits for the connections, and for writes whose clients have disconnected. `waited`: how long idle connections were
/// kept open already.
async fn drain(
    mut connections: JoinSet<()>,
    state: &State,
    phase: &watch::Sender<Phase>,
    waited: Duration,
) {
    tracing::info!(connections = connections.len(), "stopping");
    let time = state.settings.drain_time();
    let tasks = &state.app.tasks;
    let rest = async {
        let all = async { while connections.join_next().await.is_some() {} };
        let closing = async {
            sleep(LAST_REST.saturating_sub(waited).min(time / 2)).await;
            phase.send_replace(Phase::Closing);
            pending::<()>().await;
        };
        tokio::select! {
            () = all => {}
            () = closing => {}
        }
        tasks.finish().await;
    };
    if timeout(time, rest).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            requests = tasks.count(),
            "stopped before all requests had ended"
        );
    }
}
