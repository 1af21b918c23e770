//! PostgreSQL restarts while clients write.

use crate::harness::postgres::Cluster;
use crate::harness::{Server, user};
use nix::sys::signal::Signal;
use scimd::operator::DatabaseTarget;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{JoinHandle, block_in_place};

const WRITERS: usize = 6;
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Responses to the writers so far.
#[derive(Debug, Clone, Default)]
struct Met {
    acknowledged: Vec<String>,
    refused: usize,
    is_over: bool,
}

/// An orderly stop, then a crash: 503 with Retry-After while the database is unavailable, and recovery without a
/// restart of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_restarts_under_load() {
    let mut cluster = block_in_place(Cluster::start).unwrap();
    let server = Arc::new(
        Server::over(DatabaseTarget::Postgres {
            url: cluster.url().into(),
        })
        .await,
    );
    let met = Arc::new(watch::Sender::new(Met::default()));
    let writers: Vec<_> = (0..WRITERS)
        .map(|i| write(server.clone(), met.clone(), i))
        .collect();
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        more(&met, |met| met.acknowledged.len(), 40).await;
        assert_eq!(ready(&server).await, 200);
        block_in_place(|| cluster.stop(signal));
        more(&met, |met| met.refused, WRITERS).await;
        assert_eq!(ready(&server).await, 503);
        block_in_place(|| cluster.start_again());
        more(&met, |met| met.acknowledged.len(), 40).await;
        assert_eq!(ready(&server).await, 200);
    }
    met.send_modify(|met| met.is_over = true);
    for writer in writers {
        writer.await.unwrap();
    }
    let acknowledged = met.borrow().acknowledged.clone();
    for id in &acknowledged {
        server.get(&format!("/Users/{id}")).await.expect(200);
    }
    let total = server.get("/Users?count=0").await.expect(200).body["totalResults"]
        .as_u64()
        .unwrap();
    assert!(total >= acknowledged.len() as u64);
    server.is_sound().await;
}

/// Creates users until it is stopped.
fn write(server: Arc<Server>, met: Arc<watch::Sender<Met>>, writer: usize) -> JoinHandle<()> {
    tokio::spawn(async move {
        for turn in 0.. {
            if met.borrow().is_over {
                return;
            }
            let answer = server
                .post("/Users", user(&format!("u{writer}.{turn}")))
                .await;
            if answer.status == 201 {
                met.send_modify(|met| met.acknowledged.push(answer.id()));
                continue;
            }
            let answer = answer.refused(503, "");
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..60).contains(&wait));
            met.send_modify(|met| met.refused += 1);
        }
    })
}

/// Waits until the counter has increased by the given number.
async fn more(met: &watch::Sender<Met>, count: impl Fn(&Met) -> usize, more: usize) {
    let mut changes = met.subscribe();
    let wanted = count(&changes.borrow()) + more;
    let enough = changes.wait_for(|met| count(met) >= wanted);
    let waited = Instant::now();
    let outcome = tokio::time::timeout(TIME_LIMIT, enough).await;
    assert!(
        outcome.is_ok(),
        "still waiting after {:?}",
        waited.elapsed()
    );
}

async fn ready(server: &Server) -> u16 {
    let root = server.base.trim_end_matches("/scim/v2");
    reqwest::get(format!("{root}/readyz"))
        .await
        .unwrap()
        .status()
        .as_u16()
}
