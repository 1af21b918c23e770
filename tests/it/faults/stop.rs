//! The server receives a signal to stop while PostgreSQL does not respond (FLT-3).

use super::silence::STATEMENT;
use crate::cli::Served;
use crate::harness::postgres::Cluster;
use crate::harness::user;
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::block_in_place;

const WRITERS: usize = 40;

/// Less than the drain time of 25 seconds: the deadline of a statement, and the attempts to write the provisioning log.
const STOPPED: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_database_is_silent_stops_in_time() {
    let cluster = block_in_place(Cluster::start).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::on_postgres(folder.path(), &cluster.url(), STATEMENT.as_secs());
    let base = served.line("SCIM base URL: http://");
    let token = served.line("Bearer token \"t\" (shown once): ");
    let (address, _) = base.split_once('/').unwrap();
    assert_eq!(status(create(address, &token, "known").await).await, "201");
    let frozen = cluster.freeze();
    let mut asked = Vec::new();
    for i in 0..WRITERS {
        asked.push(create(address, &token, &format!("u{i}")).await);
    }
    // Connections are accepted in order: when this one gets a response, the others are being served.
    let live = send(
        address,
        "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(status(live).await, "200");
    let began = Instant::now();
    assert_eq!(block_in_place(|| served.signal(Signal::SIGTERM)), Some(0));
    assert!(began.elapsed() <= STOPPED, "{:?}", began.elapsed());
    for stream in asked {
        assert_eq!(status(stream).await, "503");
    }
    drop(frozen);
}

/// Sends a request that creates a user.
async fn create(address: &str, token: &str, name: &str) -> TcpStream {
    let body = user(name).to_string();
    let head = format!(
        "POST /scim/v2/Users HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    send(address, &format!("{head}{body}")).await
}

async fn send(address: &str, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The status of the answer.
async fn status(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
        .get(9..12)
        .unwrap_or_else(|| panic!("no answer: {answer:?}"))
        .to_owned()
}
