//! An idle endpoint: it causes no writes, and its next event is sent at once.

use super::sink::Sink;
use super::{Sending, WEBHOOK, churn};
use crate::harness::Server;
use secrecy::ExposeSecret;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

crate::on_both!(
    an_endpoint_at_rest_writes_nothing,
    a_polled_stream_is_not_leased,
);

/// Number of executions of each statement so far.
fn runs(server: &Server) -> BTreeMap<String, f64> {
    let text = server.service.metrics().text();
    let lines = text.lines().filter_map(|line| {
        let line = line.strip_prefix("scimd_statements_total{statement=\"")?;
        let (name, count) = line.split_once("\"} ")?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    lines.collect()
}

/// Waits until a query returns 1.
pub(super) async fn wait_for_row(server: &Server, what: &str, query: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while server.number(query).await != 1 {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Statements while nothing happens. A pass writes only if it finds changes, which is counted separately.
const READS: [&str; 6] = [
    "endpoint.states",
    "feed.ends",
    "feed.key",
    "feed.key_of",
    "feed.pass",
    "token.of_feed",
];

async fn an_endpoint_at_rest_writes_nothing(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    sending.add("app", &sink).await;
    churn(&server, "ann", 1).await;
    sink.wait_accepted(2).await;
    let at_rest = "select count(*) from endpoint where owner is null and lease is null";
    wait_for_row(&server, "the endpoint is not given back", at_rest).await;
    // A reader of the feed waits meanwhile.
    let issued = server.operator.issue_feed_token("app", None, None).await;
    let token = issued.unwrap().text.expose_secret().to_owned();
    let url = server.base.replace("/scim/v2", "/feed/v1/events");
    let reading = tokio::spawn(async move {
        let request = reqwest::Client::new().get(format!("{url}?after=now&wait=25"));
        let answer = request.bearer_auth(token).send().await.unwrap();
        answer.json::<Value>().await.unwrap()
    });
    let used = "select count(*) from token where scope = 'feed' and last_used is not null";
    wait_for_row(&server, "the reader did not come", used).await;
    let passes = match server.is_postgres() {
        true => server.number("select count(*) from pass").await,
        false => 0,
    };
    let before = runs(&server);
    // Longer than the renewal interval of the lease of an endpoint with work.
    sleep(Duration::from_secs(7)).await;
    let after = runs(&server);
    let written: Vec<_> = after
        .iter()
        .filter(|(name, count)| before.get(*name) != Some(count))
        .map(|(name, _)| name.as_str())
        .filter(|name| !READS.contains(name))
        .collect();
    assert_eq!(written, [""; 0]);
    if server.is_postgres() {
        assert_eq!(server.number("select count(*) from pass").await, passes);
    }
    // The next event does not wait for the next check for free endpoints.
    let begun = Instant::now();
    churn(&server, "bob", 0).await;
    sink.wait_accepted(3).await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    let page = timeout(Duration::from_secs(30), reading).await.unwrap();
    assert_eq!(page.unwrap()["events"].as_array().unwrap().len(), 1);
    sending.stop().await;
    let info = server.number("select accepted from endpoint").await;
    assert_eq!(info, 3);
}

async fn a_polled_stream_is_not_leased(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    sending.add("app", &sink).await;
    let new = crate::streams::polled("siem");
    sending.endpoints.add_stream(&new, None).await.unwrap();
    churn(&server, "ann", 1).await;
    sink.wait_accepted(2).await;
    let taken = "select count(*) from endpoint where name = 'app' and owner is not null";
    wait_for_row(&server, "the webhook is not taken", taken).await;
    let polled =
        "select count(*) from endpoint where name = 'siem' and owner is null and revision = 1";
    assert_eq!(server.number(polled).await, 1);
    assert_eq!(
        sending.endpoints.list(WEBHOOK, None).await.unwrap().len(),
        1
    );
    sending.stop().await;
}
