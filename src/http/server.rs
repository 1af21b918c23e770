//! The listener: an accept loop of our own, because `axum::serve` has no times, no limits and no
//! TLS.

use crate::http::app::App;
use crate::http::connection::Host;
use crate::http::settings::ServerSettings;
use crate::http::tls::Tls;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How long to wait for open files to be closed when there are none left.
const PAUSE: Duration = Duration::from_millis(200);

/// How often the server keeps house.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Serves an app until `shutdown` is ready. Then it takes no more connections, lets the
/// requests in flight finish, and returns when they have, or when their time is over.
///
/// # Errors
/// The TLS files cannot be used.
pub async fn serve(
    listener: TcpListener,
    app: App,
    settings: ServerSettings,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut tls = Tls::load(&settings)?;
    let (stop, draining) = watch::channel(false);
    let slots = Arc::new(Semaphore::new(settings.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let host = Arc::new(Host::new(app.clone(), settings.clone(), draining));
    let mut connections = JoinSet::new();
    let mut housekeeping = interval(HOUSEKEEPING);
    housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            (stream, peer, slot) = accept(&listener, &slots) => {
                let (host, acceptor) = (host.clone(), tls.as_ref().map(Tls::acceptor));
                connections.spawn(async move {
                    host.welcome(stream, peer, acceptor).await;
                    drop(slot);
                });
            }
            Some(_) = connections.join_next() => {}
            _ = housekeeping.tick() => {
                app.tidy();
                if let Some(tls) = &mut tls {
                    tls.renew();
                }
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    drain(connections, &app, settings.drain_time()).await;
    Ok(())
}

/// The next connection, when there is a slot for it. Errors of accept never end the server: a
/// client may be gone already, and files that are open now will be closed.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit in the end.
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

/// Waits for the connections, and for writes whose clients are gone.
async fn drain(mut connections: JoinSet<()>, app: &App, time: Duration) {
    tracing::info!(connections = connections.len(), "stopping");
    let rest = async {
        while connections.join_next().await.is_some() {}
        app.tasks.finish().await;
    };
    if timeout(time, rest).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            requests = app.tasks.count(),
            "stopped before all had finished"
        );
    }
}
