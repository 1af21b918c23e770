//! Tests of the lifetime of connections, and of shutdown.

use super::*;
use std::time::Instant;

const CLOSED_IN: std::ops::Range<Duration> =
    Duration::from_millis(800)..Duration::from_millis(4500);

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let server = Server::start().await;
    let began = Instant::now();
    assert_eq!(rest(&mut server.connect().await).await, "");
    assert!(
        CLOSED_IN.contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_slow_head_is_closed() {
    let server = Server::start().await;
    let began = Instant::now();
    let (mut reader, mut writer) = server.connect().await.into_split();
    let dribble = tokio::spawn(async move {
        for byte in request("GET", "x", &"a".repeat(500)).bytes() {
            sleep(Duration::from_millis(50)).await;
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
        }
    });
    let mut bytes = Vec::new();
    let ended = timeout(Duration::from_secs(8), reader.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok() && bytes.is_empty(), "{ended:?}");
    assert!(
        CLOSED_IN.contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
    dribble.abort();
}

#[tokio::test]
async fn a_connection_may_rest_between_requests() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        stream
            .write_all(request("GET", "x", "").as_bytes())
            .await
            .unwrap();
        assert_eq!(status(&answer(&mut stream).await), 200);
        sleep(Duration::from_millis(1800)).await;
    }
    let began = Instant::now();
    stream.write_all(b"GET /half").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert!(
        CLOSED_IN.contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    stream
        .write_all(request("GET", "slow", "").as_bytes())
        .await
        .unwrap();
    answer(&mut stream).await;
    let began = Instant::now();
    assert_eq!(rest(&mut stream).await, "");
    assert!(
        began.elapsed() > Duration::from_millis(4500),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let settings = ServerSettings {
        write_seconds: 1,
        ..short()
    };
    let server = Server::with(HttpSettings::default(), settings).await;
    let mut stream = server.connect().await;
    let many = request("GET", "big", "").repeat(500);
    let outcome = timeout(Duration::from_secs(12), async {
        stream.write_all(many.as_bytes()).await?;
        loop {
            sleep(Duration::from_millis(100)).await;
            stream.write_all(b"\r\n").await?;
        }
    });
    let outcome: std::io::Result<()> = outcome.await.expect("the server waits for ever");
    assert!(outcome.is_err());
}

#[tokio::test]
async fn requests_in_flight_finish() {
    let mut server = Server::start().await;
    let mut busy = server.connect().await;
    busy.write_all(request("GET", "slow", "").as_bytes())
        .await
        .unwrap();
    let mut resting = server.connect().await;
    resting
        .write_all(request("GET", "x", "").as_bytes())
        .await
        .unwrap();
    answer(&mut resting).await;
    server.stop();
    sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(server.address).await.is_err());
    assert_eq!(rest(&mut resting).await, "");
    let finished = rest(&mut busy).await;
    assert!(finished.ends_with("\"slow\""), "{finished}");
    timeout(Duration::from_secs(3), server.running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_request_that_crosses_the_stop_is_answered() {
    let mut server = Server::start().await;
    let [mut used, mut unused] = idle_connections(&server).await;
    let mut silent = server.connect().await;
    // Nothing of the server runs in this thread until the next await.
    let new: Vec<_> = (0..20).map(|_| connected(server.address)).collect();
    server.stop();
    sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(server.address).await.is_err());
    for stream in [&mut used, &mut silent] {
        stream
            .write_all(request("GET", "x", "").as_bytes())
            .await
            .unwrap();
    }
    for mut stream in new.into_iter().chain([used, silent]) {
        let last = rest(&mut stream).await;
        assert!(
            status(&last) == 200 && last.contains("connection: close\r\n"),
            "{last}"
        );
    }
    assert_eq!(rest(&mut unused).await, "");
    server.running.await.unwrap().unwrap();
}

/// Two connections whose first request was answered.
async fn idle_connections(server: &Server) -> [TcpStream; 2] {
    let mut streams = [server.connect().await, server.connect().await];
    for stream in &mut streams {
        stream
            .write_all(request("GET", "x", "").as_bytes())
            .await
            .unwrap();
        assert!(!answer(stream).await.contains("connection: close\r\n"));
    }
    streams
}

/// A connection with a request on it, of which the server has seen nothing yet.
fn connected(address: SocketAddr) -> TcpStream {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut stream, request("GET", "x", "").as_bytes()).unwrap();
    stream.set_nonblocking(true).unwrap();
    TcpStream::from_std(stream).unwrap()
}

#[tokio::test]
async fn a_stopping_server_responds_until_its_delay_is_over() {
    let settings = ServerSettings {
        shutdown_delay_seconds: 1,
        ..short()
    };
    let mut server = Server::with(HttpSettings::default(), settings).await;
    let [mut used, mut unused] = idle_connections(&server).await;
    let began = Instant::now();
    server.stop();
    // The server may receive it slightly later.
    sleep(Duration::from_millis(100)).await;
    used.write_all(request("GET", "x", "").as_bytes())
        .await
        .unwrap();
    let last = rest(&mut used).await;
    assert!(
        status(&last) == 200 && last.contains("connection: close\r\n"),
        "{last}"
    );
    assert_eq!(
        status(&server.say(request("GET", "x", "")).await),
        200,
        "new connections are accepted, and closed"
    );
    assert!(began.elapsed() < Duration::from_secs(1), "too slow to tell");
    assert_eq!(rest(&mut unused).await, "");
    assert!(began.elapsed() >= Duration::from_secs(1));
    server.running.await.unwrap().unwrap();
}

#[tokio::test]
async fn draining_has_a_time_limit() {
    let settings = HttpSettings {
        request_seconds: 20,
        ..HttpSettings::default()
    };
    let mut server = Server::with(settings, short()).await;
    let mut busy = server.connect().await;
    busy.write_all(request("GET", "endless", "").as_bytes())
        .await
        .unwrap();
    sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    server.stop();
    server.running.await.unwrap().unwrap();
    assert!(
        (Duration::from_millis(1800)..Duration::from_secs(6)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn a_write_of_a_disconnected_client_is_awaited() {
    let mut server = Server::start().await;
    let mut gone = server.connect().await;
    gone.write_all(request("DELETE", "slow", "").as_bytes())
        .await
        .unwrap();
    sleep(Duration::from_millis(100)).await;
    drop(gone);
    sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    server.stop();
    server.running.await.unwrap().unwrap();
    assert!(
        began.elapsed() > Duration::from_millis(200),
        "{:?}",
        began.elapsed()
    );
}
