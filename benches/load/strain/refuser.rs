//! A minimal server: one thread, hyper, and no work. It refuses requests of HTTP/2 and answers the others, so it shows what
//! the connections of a load cost any server that must answer them.

use crate::in_runtime;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::thread;

/// Streams of one connection, as many as scimd allows by default.
const STREAMS: u32 = 100;

/// Starts the server, which runs until the program ends; returns its address.
pub(super) fn start() -> Result<SocketAddr, String> {
    let text = |error: std::io::Error| error.to_string();
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    listener.set_nonblocking(true).map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    thread::spawn(move || in_runtime(serve(listener)));
    Ok(address)
}

async fn serve(listener: TcpListener) -> Result<u64, String> {
    let text = |error: std::io::Error| error.to_string();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(text)?;
    loop {
        let (stream, _) = listener.accept().await.map_err(text)?;
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            let mut server = Builder::new(TokioExecutor::new());
            server.http2().max_concurrent_streams(STREAMS);
            // Connections that the load abandons end with an error.
            let _ = server
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::from("{}"));
    if request.version() == Version::HTTP_2 {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    }
    Ok(response)
}
