//! Tests of the limit on connections.

use super::*;
use std::time::Instant;

async fn crowded(connections: usize) -> Server {
    Server::with(
        HttpSettings::default(),
        ServerSettings {
            connections,
            header_seconds: 60,
            ..short()
        },
    )
    .await
}

/// A connection with a valid token.
async fn known(server: &Server) -> TcpStream {
    let mut stream = server.connect().await;
    stream
        .write_all(request("GET", "page?a.1", "").as_bytes())
        .await
        .unwrap();
    assert_eq!(status(&answer(&mut stream).await), 200);
    stream
}

#[tokio::test]
async fn silent_connections_do_not_block_others() {
    let server = crowded(20).await;
    let mut silent = Vec::new();
    let mut known = known(&server).await;
    for _ in 0..60 {
        silent.push(server.connect().await);
    }
    let began = Instant::now();
    assert_eq!(status(&server.say(get("x")).await), 200);
    known
        .write_all(request("GET", "x", "").as_bytes())
        .await
        .unwrap();
    assert_eq!(status(&answer(&mut known).await), 200);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    // The oldest connection was closed, the newest one is open.
    assert_eq!(silent[0].read(&mut [0]).await.unwrap(), 0);
    let newest = silent.last_mut().unwrap();
    newest
        .write_all(request("GET", "x", "").as_bytes())
        .await
        .unwrap();
    assert_eq!(status(&answer(newest).await), 200);
}

#[tokio::test]
async fn an_idle_connection_is_closed_for_a_new_one() {
    let server = crowded(2).await;
    let (mut first, mut second) = (known(&server).await, known(&server).await);
    first
        .write_all(request("GET", "x", "").as_bytes())
        .await
        .unwrap();
    answer(&mut first).await;
    let began = Instant::now();
    known(&server).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        second.read(&mut [0]).await.unwrap(),
        0,
        "it has rested longest"
    );
    first
        .write_all(request("GET", "x", "").as_bytes())
        .await
        .unwrap();
    assert_eq!(status(&answer(&mut first).await), 200);
}

#[tokio::test]
async fn a_connection_with_a_request_is_not_closed() {
    let server = crowded(1).await;
    let mut busy = known(&server).await;
    busy.write_all(request("GET", "slow", "").as_bytes())
        .await
        .unwrap();
    sleep(Duration::from_millis(100)).await;
    let other = server.say(get("x")).await;
    assert_eq!(status(&other), 200);
    assert!(answer(&mut busy).await.ends_with("\"slow\""));
}

#[tokio::test]
async fn limits_can_be_reloaded() {
    let server = crowded(10).await;
    let held = [known(&server).await, known(&server).await];
    let settings = HttpSettings {
        body_bytes: 9,
        base_path: "/elsewhere".into(),
        ..HttpSettings::default()
    };
    server.app.renew(
        &settings,
        ServerSettings {
            connections: 2,
            ..short()
        },
    );
    let began = Instant::now();
    let mut third = server.connect().await;
    let body = "Content-Length: 2000001\r\nConnection: close\r\n";
    third
        .write_all(request("POST", "read", body).as_bytes())
        .await
        .unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    let [mut first, _second] = held;
    assert_eq!(
        first.read(&mut [0]).await.unwrap(),
        0,
        "there is room for two now"
    );
}
