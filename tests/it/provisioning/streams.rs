//! Following the log of a tenant: requests of all instances, without a gap, for any number of readers.

use crate::harness::{Database, Server};
use scimd::operator::{LogEvent, LogReader, OperatorError};
use scimd::store::TenantChange;
use std::time::{Duration, Instant};
use tokio::time::timeout;

crate::on_both!(
    a_reader_continues_at_its_position,
    a_gap_is_reported,
    readers_are_bounded,
    readers_end_with_the_server,
);

/// Longer than any expected wait.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The next event as the route of its request, or `gap`.
async fn next(reader: &mut LogReader) -> String {
    match timeout(TIME_LIMIT, reader.next()).await.unwrap() {
        Some(LogEvent::Request(logged)) => logged.request.route.clone(),
        Some(LogEvent::Gap) => "gap".to_owned(),
        None => "end".to_owned(),
    }
}

async fn watch(server: &Server, caller: &str) -> LogReader {
    let reader = server.operator.watch_requests("default", caller, None);
    reader.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_another_instance_are_seen_soon() {
    let first = Server::on(Database::Postgres).await;
    let second = first.second().await;
    let mut readers = Vec::new();
    for caller in ["a", "b", "c"] {
        readers.push(watch(&second, caller).await);
    }
    let acme = first.tenant("acme", &TenantChange::default()).await;
    first.by(&acme).get("/Users").await.expect(200);
    let begun = Instant::now();
    first.get("/Groups").await.expect(200);
    for reader in &mut readers {
        assert_eq!(next(reader).await, "/Groups");
    }
    // The limit is for a busy machine; an idle one takes a second.
    assert!(begun.elapsed() < Duration::from_secs(5));
    for path in ["/Users", "/Schemas", "/ResourceTypes"] {
        first.get(path).await.expect(200);
        second.get(path).await.expect(200);
    }
    for reader in &mut readers {
        let mut routes = Vec::new();
        for _ in 0..6 {
            routes.push(next(reader).await);
        }
        routes.sort();
        assert_eq!(
            routes,
            [
                "/ResourceTypes",
                "/ResourceTypes",
                "/Schemas",
                "/Schemas",
                "/Users",
                "/Users"
            ]
        );
    }
}

async fn a_reader_continues_at_its_position(server: Server) {
    let mut reader = watch(&server, "a").await;
    server.get("/Users").await.expect(200);
    let first = match timeout(TIME_LIMIT, reader.next()).await.unwrap() {
        Some(LogEvent::Request(logged)) => logged.position,
        other => panic!("{other:?}"),
    };
    drop(reader);
    // More than one slice.
    for _ in 0..520 {
        server.get("/Groups").await.expect(200);
    }
    server.service.recorder().finish().await;
    let mut again = server
        .operator
        .watch_requests("default", "a", Some(first))
        .await
        .unwrap();
    let mut routes = Vec::new();
    while routes.iter().filter(|route| **route == "/Groups").count() < 520 {
        routes.push(next(&mut again).await);
    }
    // Entries of the last seconds before the position can be repeated.
    assert!(routes.len() <= 521, "{}", routes.len());
    server.get("/Schemas").await.expect(200);
    assert_eq!(next(&mut again).await, "/Schemas");
}

async fn a_gap_is_reported(server: Server) {
    let mut reader = watch(&server, "a").await;
    server.get("/Users").await.expect(200);
    let Some(LogEvent::Request(first)) = timeout(TIME_LIMIT, reader.next()).await.unwrap() else {
        panic!("no request");
    };
    drop(reader);
    server.run("delete from provisioning").await;
    server.get("/Groups").await.expect(200);
    server.service.recorder().finish().await;
    let mut again = server
        .operator
        .watch_requests("default", "a", Some(first.position))
        .await
        .unwrap();
    assert_eq!(next(&mut again).await, "gap");
    assert_eq!(next(&mut again).await, "/Groups");
}

async fn readers_are_bounded(server: Server) {
    let mut readers = Vec::new();
    for _ in 0..5 {
        readers.push(watch(&server, "a").await);
    }
    let sixth = server.operator.watch_requests("default", "a", None).await;
    assert!(matches!(sixth, Err(OperatorError::TooManyReaders)));
    for i in 0..195 {
        readers.push(watch(&server, &format!("caller {i}")).await);
    }
    let last = server.operator.watch_requests("default", "b", None).await;
    assert!(matches!(last, Err(OperatorError::TooManyReaders)));
    server.get("/Users").await.expect(200);
    for reader in &mut readers {
        assert_eq!(next(reader).await, "/Users");
    }
    readers.pop();
    readers.push(watch(&server, "b").await);
    let nobody = server.operator.watch_requests("nobody", "c", None).await;
    assert!(matches!(nobody, Err(OperatorError::NoTenant(_))));
}

async fn readers_end_with_the_server(server: Server) {
    let mut reader = watch(&server, "a").await;
    let ending = tokio::spawn(async move { next(&mut reader).await });
    server.operator.close_log_readers();
    assert_eq!(timeout(TIME_LIMIT, ending).await.unwrap().unwrap(), "end");
    assert_eq!(next(&mut watch(&server, "a").await).await, "end");
}
