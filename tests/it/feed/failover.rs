//! The feed over a primary that crashes and the synchronous standby that takes over.

use super::client::{FeedClient, text};
use super::running::Running;
use crate::faults::{commit_on_both, url};
use crate::harness::postgres::Cluster;
use crate::harness::{Server, user};
use nix::sys::signal::Signal;
use scimd::operator::DatabaseTarget;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;
use tokio::time::sleep;

const WRITERS: usize = 4;
/// Minimum number of acknowledged creates before and after the crash.
const CREATES: usize = 30;
/// Longer than any expected wait.
const TIME_LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// Writers that count acknowledged changes and keep their ids.
fn writers(server: &Arc<Server>, acknowledged: &Arc<AtomicUsize>) -> Running<BTreeSet<String>> {
    let mut running = Running::new();
    for i in 0..WRITERS {
        let (server, acknowledged) = (server.clone(), acknowledged.clone());
        running.spawn(|stop| async move {
            let mut ids = BTreeSet::new();
            for number in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let made = server.post("/Users", user(&format!("w{i}-{number}"))).await;
                if made.status == 201 {
                    ids.insert(made.id());
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                } else {
                    sleep(PAUSE).await;
                }
            }
            ids
        });
    }
    running
}

async fn at_least(acknowledged: &AtomicUsize, count: usize) {
    let begun = Instant::now();
    while acknowledged.load(Ordering::SeqCst) < count {
        assert!(begun.elapsed() < TIME_LIMIT, "nothing is acknowledged");
        sleep(PAUSE).await;
    }
}

/// An instance that numbers changes whenever the database is available.
fn numbering(server: &Server) -> Running<()> {
    let (mut running, feed) = (Running::new(), server.feed());
    running.spawn(|stop| async move {
        while !stop.load(Ordering::SeqCst) {
            // It fails while no primary accepts writes.
            let _ = feed.advance().await;
            sleep(PAUSE).await;
        }
    });
    running
}

/// Positions with the ids of the resources, from a reader that retries while the database is unavailable.
async fn reader(client: FeedClient) -> Running<Vec<(i64, String)>> {
    let mut running = Running::new();
    running.spawn(|stop| async move {
        let (mut seen, mut cursor) = (Vec::new(), "start".to_owned());
        loop {
            let is_last = stop.load(Ordering::SeqCst);
            let (status, page) = client.get(&format!("/events?after={cursor}")).await;
            if status == 503 {
                sleep(PAUSE).await;
                continue;
            }
            assert_eq!(status, 200, "{page}");
            for event in page["events"].as_array().unwrap() {
                let id = text(&event["data"]["resource"]["id"]).to_owned();
                seen.push((event["position"].as_i64().unwrap(), id));
            }
            text(&page["cursor"]).clone_into(&mut cursor);
            if is_last && page["more"] == false {
                return seen;
            }
            sleep(PAUSE).await;
        }
    });
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_continues_on_the_standby() {
    let (mut primary, standby) = block_in_place(|| -> Result<_, String> {
        let primary = Cluster::start()?;
        let standby = Cluster::standby_of(&primary)?;
        Ok((primary, standby))
    })
    .unwrap();
    commit_on_both(&primary).await;
    let url = url(&[primary.port(), standby.port()]);
    let server = Server::over(DatabaseTarget::Postgres { url: url.into() }).await;
    let (server, acknowledged) = (Arc::new(server), Arc::default());
    let client = FeedClient::of_all(&server).await;
    let (numbering, reader) = (numbering(&server), reader(client.clone()).await);
    let writers = writers(&server, &acknowledged);
    at_least(&acknowledged, CREATES).await;
    block_in_place(|| primary.stop(Signal::SIGQUIT));
    let before = acknowledged.load(Ordering::SeqCst);
    block_in_place(|| standby.promote());
    at_least(&acknowledged, before + CREATES).await;
    let made: BTreeSet<_> = writers.stop().await.into_iter().flatten().collect();
    let begun = Instant::now();
    numbering.stop().await;
    while let Err(error) = server.feed().advance().await {
        assert!(begun.elapsed() < TIME_LIMIT, "{error}");
        sleep(PAUSE).await;
    }
    let seen = reader.stop().await.remove(0);
    let positions: Vec<_> = seen.iter().map(|(position, _)| *position).collect();
    let dense: Vec<_> = (1..).take(seen.len()).collect();
    assert_eq!(positions, dense);
    let ids: Vec<_> = seen.iter().map(|(_, id)| id).collect();
    let once: BTreeSet<_> = ids.iter().map(|id| (*id).clone()).collect();
    assert_eq!(once.len(), ids.len(), "no change is sent twice");
    assert!(made.is_subset(&once));
    let again = self::reader(client).await;
    assert_eq!(again.stop().await.remove(0), seen);
}
