//! PostgreSQL does not respond: it is frozen, the network drops packets, or its host failed (FLT-1, FLT-2, FLT-5).

use super::crowd::{Crowd, Met};
use crate::harness::postgres::Cluster;
use crate::harness::{Options, Proxy, Server, user};
use nix::sys::signal::Signal;
use scimd::operator::DatabaseTarget;
use scimd::store::PoolSettings;
use sqlx::{Connection, PgConnection};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;
use tokio::time::sleep;

/// Time limits for requests that run when the silence begins, for requests after it is detected, and for the first
/// success after it.
pub(super) const UNDER_WAY: Duration = Duration::from_secs(5);
pub(super) const LATER: Duration = Duration::from_secs(2);
pub(super) const BACK: Duration = Duration::from_secs(5);

/// Half of the default, so that the limits hold on a machine that is busy with other tests.
pub(super) const STATEMENT: Duration = Duration::from_secs(2);

pub(super) async fn server(url: String) -> Arc<Server> {
    let pool = PoolSettings {
        statement: STATEMENT,
        ..PoolSettings::default()
    };
    let options = Options {
        pool,
        ..Options::default()
    };
    Arc::new(Server::over_with(DatabaseTarget::Postgres { url: url.into() }, options).await)
}

pub(crate) fn url(ports: &[u16]) -> String {
    let hosts: Vec<_> = ports
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    format!("postgres://postgres@{}/postgres", hosts.join(","))
}

pub(super) async fn ready(server: &Server) -> u16 {
    let root = server.base.trim_end_matches("/scim/v2");
    reqwest::get(format!("{root}/readyz"))
        .await
        .unwrap()
        .status()
        .as_u16()
}

/// Checks the response times for a silence with a beginning, the time of its detection, and an end. For a request from
/// before it, only the time during the silence counts.
fn all_in_time(met: &[Met], [began, known, end]: [Instant; 3], late: Duration) {
    for one in met {
        let took = one.ended.saturating_duration_since(one.began.max(began));
        assert!(
            took <= UNDER_WAY + late,
            "{took:?}, late by {late:?}: {one:?}"
        );
        assert!(
            took <= LATER + late || one.began < known || one.began > end,
            "{took:?} when it was known: {one:?}"
        );
    }
}

/// A fault that silences PostgreSQL until the guard is dropped.
async fn silence<G>(server: &Arc<Server>, writers: usize, begin: impl Fn() -> G) {
    let crowd = Crowd::start(server, writers).await;
    let began = Instant::now();
    let guard = begin();
    crowd
        .until(|met| met.iter().any(|one| one.is_refused))
        .await;
    let known = Instant::now();
    assert_eq!(ready(server).await, 503);
    crowd.all_met(known, true).await;
    assert!(known - began <= UNDER_WAY + crowd.lateness());
    drop(guard);
    let end = Instant::now();
    let took = crowd.goes_on(end).await - end;
    let late = crowd.lateness();
    assert!(took <= BACK + late, "{took:?}, late by {late:?}");
    assert_eq!(ready(server).await, 200);
    let met = crowd.end().await;
    all_in_time(&met, [began, known, end], late);
    server.is_sound().await;
}

async fn frozen(writers: usize) {
    let cluster = block_in_place(Cluster::start).unwrap();
    let server = server(cluster.url()).await;
    silence(&server, writers, || cluster.freeze()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_freezes() {
    frozen(6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_freezes_under_200_writers() {
    frozen(200).await;
}

struct Hole<'a>(&'a Proxy);

impl<'a> Hole<'a> {
    fn open(proxy: &'a Proxy) -> Self {
        proxy.black_hole(true);
        Self(proxy)
    }
}

impl Drop for Hole<'_> {
    fn drop(&mut self) {
        self.0.black_hole(false);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_drops_all_packets() {
    let cluster = block_in_place(Cluster::start).unwrap();
    let proxy = Proxy::to(cluster.port()).await;
    let server = server(url(&[proxy.port()])).await;
    silence(&server, 40, || Hole::open(&proxy)).await;
}

/// Existing connections stall while new ones work.
async fn stranded(writers: usize) {
    let cluster = block_in_place(Cluster::start).unwrap();
    let proxy = Proxy::to(cluster.port()).await;
    let server = server(url(&[proxy.port()])).await;
    let crowd = Crowd::start(&server, writers).await;
    let began = Instant::now();
    proxy.strand();
    let took = crowd.goes_on(began).await - began;
    assert!(took <= BACK + crowd.lateness(), "{took:?}");
    // Requests on stalled connections get responses too, and then all requests succeed.
    crowd
        .until(|met| met.iter().any(|one| one.is_refused))
        .await;
    let known = Instant::now();
    let end = crowd.all_met(known, false).await;
    let late = crowd.lateness();
    let met = crowd.end().await;
    all_in_time(&met, [began, known, end], late);
    assert_eq!(ready(&server).await, 200);
    server.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_stranded() {
    stranded(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_stranded_under_40_writers() {
    stranded(40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_stranded_under_200_writers() {
    stranded(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_that_were_stranded_are_detected_at_once() {
    let cluster = block_in_place(Cluster::start).unwrap();
    let proxy = Proxy::to(cluster.port()).await;
    let server = server(url(&[proxy.port()])).await;
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    sleep(Duration::from_millis(1200)).await;
    proxy.strand();
    let began = Instant::now();
    server.get(&format!("/Users/{id}")).await.expect(200);
    server.post("/Users", user("bob")).await.expect(201);
    assert!(began.elapsed() < STATEMENT, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusing_network_delays_requests_by_two_seconds_at_most() {
    let cluster = block_in_place(Cluster::start).unwrap();
    let proxy = Proxy::to(cluster.port()).await;
    let server = server(url(&[proxy.port()])).await;
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    proxy.refuse(true);
    proxy.strand();
    let path = format!("/Users/{id}");
    server.get(&path).await.refused(503, "");
    for _ in 0..3 {
        let began = Instant::now();
        server.get(&path).await.refused(503, "");
        assert!(began.elapsed() <= LATER, "{:?}", began.elapsed());
    }
    assert_eq!(ready(&server).await, 503);
    proxy.refuse(false);
    is_back(&server, &path).await;
}

/// PostgreSQL is available again: the server detects it and serves reads.
async fn is_back(server: &Server, path: &str) {
    let back = Instant::now();
    while ready(server).await != 200 {
        assert!(back.elapsed() <= BACK);
        sleep(Duration::from_millis(20)).await;
    }
    server.get(path).await.expect(200);
}

/// With an orderly stop and with a crash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_while_postgresql_is_stopped_take_two_seconds_at_most() {
    let mut cluster = block_in_place(Cluster::start).unwrap();
    let server = server(cluster.url()).await;
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let path = format!("/Users/{id}");
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        block_in_place(|| cluster.stop(signal));
        for _ in 0..4 {
            let began = Instant::now();
            server.get(&path).await.refused(503, "");
            assert!(began.elapsed() <= LATER, "{:?}", began.elapsed());
        }
        assert_eq!(ready(&server).await, 503);
        block_in_place(|| cluster.start_again());
        is_back(&server, &path).await;
    }
}

/// The primary freezes with its host, and the standby takes over.
async fn failover(writers: usize) {
    let mut pair = block_in_place(|| -> Result<_, String> {
        let primary = Cluster::start()?;
        let standby = Cluster::standby_of(&primary)?;
        Ok((primary, standby))
    })
    .unwrap();
    commit_on_both(&pair.0).await;
    let server = server(url(&[pair.0.port(), pair.1.port()])).await;
    let crowd = Crowd::start(&server, writers).await;
    let began = Instant::now();
    let frozen = pair.0.freeze();
    crowd.all_met(began, true).await;
    let known = Instant::now();

    block_in_place(|| pair.1.promote());
    let end = Instant::now();
    let took = crowd.goes_on(end).await - end;
    let late = crowd.lateness();
    assert!(took <= BACK + late, "{took:?}, late by {late:?}");
    assert_eq!(ready(&server).await, 200);
    let met = crowd.end().await;
    all_in_time(&met, [began, known, end], late);
    drop(frozen);
    block_in_place(|| pair.0.stop(Signal::SIGQUIT));
}

/// Every change that a primary acknowledges is on its standby.
pub(crate) async fn commit_on_both(primary: &Cluster) {
    let mut connection = PgConnection::connect(&primary.url()).await.unwrap();
    for text in [
        "alter system set synchronous_standby_names = '*'",
        "select pg_reload_conf()",
    ] {
        sqlx::query(text).execute(&mut connection).await.unwrap();
    }
    let synchronous =
        "select exists (select 1 from pg_stat_replication where sync_state in ('sync', 'quorum'))";
    let began = Instant::now();
    while !sqlx::query_scalar::<_, bool>(synchronous)
        .fetch_one(&mut connection)
        .await
        .unwrap()
    {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the standby does not follow"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_standby_replaces_a_host_that_does_not_respond() {
    failover(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_standby_replaces_a_host_that_does_not_respond_under_40_writers() {
    failover(40).await;
}
