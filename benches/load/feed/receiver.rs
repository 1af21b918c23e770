//! A receiver of webhooks that records events and their times.

use super::judge::Arrival;
use crate::in_runtime;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Poll interval while waiting for events.
const LOOK: Duration = Duration::from_millis(20);

/// Received events, in the order of arrival.
type Arrivals = Arc<Mutex<Vec<Arrival>>>;

/// A receiver that accepts everything.
pub(super) struct Receiver {
    pub(super) url: String,
    arrivals: Arrivals,
}

impl Receiver {
    /// A receiver that responds after a delay.
    pub(super) fn start(pause: Duration) -> Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
        listener.set_nonblocking(true).map_err(text)?;
        let url = format!("http://{}/hooks", listener.local_addr().map_err(text)?);
        let arrivals = Arrivals::default();
        let kept = arrivals.clone();
        thread::spawn(move || in_runtime(serve(listener, kept, pause)));
        Ok(Self { url, arrivals })
    }

    /// The received events.
    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.clone()
    }

    pub(super) fn count(&self) -> usize {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.len()
    }

    /// Waits for a number of events, with a time limit; returns whether they arrived.
    pub(super) async fn wait(&self, count: usize, time: Duration) -> bool {
        let until = Instant::now() + time;
        while self.count() < count && Instant::now() < until {
            sleep(LOOK).await;
        }
        self.count() >= count
    }
}

/// A URL without a listener.
pub(super) fn dead() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok(format!("http://{address}/hooks"))
}

async fn serve(listener: TcpListener, arrivals: Arrivals, pause: Duration) -> Result<u64, String> {
    let text = |error: std::io::Error| error.to_string();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(text)?;
    loop {
        let (stream, _) = listener.accept().await.map_err(text)?;
        let _ = stream.set_nodelay(true);
        let arrivals = arrivals.clone();
        tokio::task::spawn_local(async move {
            let answer = service_fn(|request| receive(request, arrivals.clone(), pause));
            let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // The sender has disconnected.
            let _ = serving.await;
        });
    }
}

async fn receive(
    request: Request<Incoming>,
    arrivals: Arrivals,
    pause: Duration,
) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    // Others are tests of the webhook, and changes of tenants.
    if let Some(arrival) = Arrival::now(&body) {
        let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.push(arrival);
    }
    if !pause.is_zero() {
        sleep(pause).await;
    }
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
