//! The change feed and its deliveries in the metrics.

use super::scrape::Scrape;
use crate::harness::Server;
use crate::on_both;
use crate::webhooks::sink::{Manner, Sink};
use crate::webhooks::{Sending, churn};
use std::time::Duration;
use tokio::time::{sleep, timeout};

on_both!(
    deliveries_are_counted_by_outcome,
    pending_changes_of_an_endpoint_are_measured,
);

/// The metrics page, after the given number of deliveries to an endpoint have ended.
pub(super) async fn delivered(server: &Server, outcome: &str, least: f64) -> Scrape {
    let labels = [
        ("kind", "webhook"),
        ("endpoint", "app"),
        ("outcome", outcome),
    ];
    let counted = async {
        loop {
            let page = super::scrape(server);
            let name = "scimd_deliveries_total";
            if page.names().contains(name) && page.sum(name, &labels) >= least {
                return page;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(40), counted).await.unwrap()
}

async fn deliveries_are_counted_by_outcome(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    sending.add("app", &sink).await;
    churn(&server, "ada", 4).await;
    let page = delivered(&server, "accepted", 5.0).await;
    assert_eq!(page.sum("scimd_deliveries_total", &[]), 5.0);
    sink.answer(|_, _| Manner::Status(500, ""));
    churn(&server, "grace", 0).await;
    delivered(&server, "refused", 1.0).await;
    sending.stop().await;
}

async fn pending_changes_of_an_endpoint_are_measured(server: Server) {
    let before = server.clock.now();
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    sending.add("app", &sink).await;
    churn(&server, "ada", 0).await;
    delivered(&server, "accepted", 1.0).await;
    let endpoints = sending.endpoints.clone();
    sending.stop().await;

    churn(&server, "grace", 2).await;
    server.feed().advance().await.unwrap();
    endpoints.measure().await.unwrap();
    let page = super::scrape(&server);
    let of = |name: &str| {
        let labels = [("kind", "webhook"), ("endpoint", "app")];
        page.sum(&format!("scimd_endpoint_{name}"), &labels)
    };
    assert_eq!((of("pending"), of("active")), (3.0, 1.0));
    assert!((0.0..60.0).contains(&of("oldest_pending_seconds")));
    assert_eq!((of("parked"), of("failed")), (0.0, 0.0));
    assert!(page.sum("scimd_feed_head", &[]) >= 4.0);
    let numbered = page.sum("scimd_feed_numbered_timestamp_seconds", &[]);
    assert!(numbered >= (before.as_micros() / 1_000_000) as f64);
}
