//! Receivers that refuse, do not respond, disconnect, send too much, redirect or end.

use super::sink::{Manner, Received, Sink};
use super::{Sending, WEBHOOK, assert_complete, churn, versions};
use crate::harness::{Options, Server, noon};
use scimd::clock::Clock;
use scimd::delivery::{Endpoints, WebhookSettings};
use scimd::secrets::generate_key;
use scimd::store::{AttemptQuery, EndpointStatus};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

crate::on_both!(
    invalid_responses_lose_no_event,
    a_refused_event_does_not_delay_others,
    a_receiver_that_returns_410_is_disabled,
    a_receiver_may_ask_for_a_pause,
    a_receiver_that_fails_too_long_is_disabled,
    a_slow_receiver_delays_others_only_briefly,
    setting_the_clock_back_delays_nothing,
);

fn is_about(body: &Value, name: &str) -> bool {
    body["data"]["record"]["login"] == name
}

/// Every third request gets an invalid response.
async fn invalid_responses_lose_no_event(server: Server) {
    let sending = Sending::of(&server);
    // Each fault once: an event that met several would wait for minutes.
    let sink = Sink::with(|number, _| match number {
        0 => Manner::Drop,
        3 => Manner::Headers,
        6 => Manner::Status(302, "location: http://127.0.0.1:1/"),
        9 => Manner::Endless(500),
        12 => Manner::Hang,
        15 => Manner::Status(500, ""),
        _ => Manner::Endless(200),
    })
    .await;
    let settings = WebhookSettings {
        timeout: Some(3),
        ..WebhookSettings::default()
    };
    sending.add_with("app", &sink, settings).await;
    let (a, b, c) = tokio::join!(
        churn(&server, "a", 4),
        churn(&server, "b", 4),
        churn(&server, "c", 4)
    );
    let accepted = sink.wait_accepted(15).await;
    assert_complete(&accepted, &BTreeMap::from([a, b, c]));
    // Repeated requests are identical, byte for byte.
    let received = sink.received();
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    for one in &received {
        let body = bodies.entry(one.id()).or_insert(&one.body);
        assert_eq!(*body, one.body);
    }
    let attempts = attempts(&sending.endpoints).await;
    assert!(attempts.iter().any(|(status, _)| *status == Some(302)));
    assert!(attempts.iter().all(|(_, error)| error.len() <= 500));
    sending.stop().await;
}

/// Status and error of the attempts that failed.
async fn attempts(endpoints: &Endpoints) -> Vec<(Option<i64>, String)> {
    let all = AttemptQuery {
        limit: 1000,
        ..AttemptQuery::default()
    };
    let attempts = endpoints.attempts(WEBHOOK, "app", &all).await.unwrap();
    let attempts = attempts.into_iter().rev();
    attempts
        .map(|attempt| (attempt.status, attempt.error))
        .collect()
}

async fn a_refused_event_does_not_delay_others(server: Server) {
    let sending = Sending::of(&server);
    let sink = Sink::with(|_, body| {
        if is_about(body, "poison") {
            Manner::Status(500, "")
        } else {
            Manner::Status(204, "")
        }
    })
    .await;
    sending.add("app", &sink).await;
    let poison = churn(&server, "poison", 2).await;
    let good = churn(&server, "good", 5).await;
    sink.wait_accepted(6).await;
    wait_for("what waits apart", &sending.endpoints, |info| {
        info.parked == 3 && info.pending == 0
    })
    .await;
    // Only the first event was tried; the others follow in order once it is accepted.
    let tried = sink.received();
    let refused = tried.iter().filter(|one| !one.accepted).map(Received::id);
    let refused: std::collections::BTreeSet<_> = refused.collect();
    assert_eq!(refused.len(), 1);
    sink.answer(|_, _| Manner::Status(204, ""));
    let accepted = sink.wait_accepted(9).await;
    assert_complete(&accepted, &BTreeMap::from([poison, good]));
    wait_for("nothing to wait", &sending.endpoints, |info| {
        info.parked == 0
    })
    .await;
    sending.stop().await;
}

async fn a_receiver_that_returns_410_is_disabled(server: Server) {
    let sending = Sending::of(&server);
    let sink = Sink::with(|number, _| Manner::Status(if number < 2 { 204 } else { 410 }, "")).await;
    sending.add("app", &sink).await;
    let ann = churn(&server, "ann", 4).await;
    let info = wait_for("the end", &sending.endpoints, |info| {
        info.status() == EndpointStatus::Disabled
    })
    .await;
    assert_eq!(info.why(), Some("the receiver responded 410"));
    assert_eq!(sink.received().len(), 3);
    sink.answer(|_, _| Manner::Status(204, ""));
    sending
        .endpoints
        .resume(WEBHOOK, "app", None, None)
        .await
        .unwrap();
    let accepted = sink.wait_accepted(5).await;
    assert_complete(&accepted, &BTreeMap::from([ann]));
    sending.stop().await;
}

async fn a_receiver_may_ask_for_a_pause(server: Server) {
    let sending = Sending::of(&server);
    let sink = Sink::with(|number, _| match number {
        0 => Manner::Status(429, "retry-after: 2"),
        _ => Manner::Status(204, ""),
    })
    .await;
    sending.add("app", &sink).await;
    let began = Instant::now();
    let ann = churn(&server, "ann", 2).await;
    let accepted = sink.wait_accepted(3).await;
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_complete(&accepted, &BTreeMap::from([ann]));
    assert_eq!(versions(&sink.received()).len(), 1);
    sending.stop().await;
}

async fn a_receiver_that_fails_too_long_is_disabled(server: Server) {
    let sending = Sending::with(&server, generate_key().unwrap(), 1);
    let sink = Sink::with(|_, _| Manner::Drop).await;
    sending.add("app", &sink).await;
    churn(&server, "ann", 0).await;
    let info = wait_for("the end", &sending.endpoints, |info| {
        info.status() == EndpointStatus::Disabled
    })
    .await;
    assert!(info.why().unwrap().contains("for too long"), "{info:?}");
    assert_eq!(info.pending, 1, "its place stays");
    sending.stop().await;
}

/// A receiver that sends one byte a second: a late status counts as no response, and the body is not awaited.
async fn a_slow_receiver_delays_others_only_briefly(server: Server) {
    let sending = Sending::of(&server);
    let sink = Sink::with(|number, body| match number {
        0..2 => Manner::Trickle(204),
        _ if is_about(body, "slow") => Manner::TrickleBody(200),
        _ => Manner::Status(204, ""),
    })
    .await;
    let settings = WebhookSettings {
        timeout: Some(2),
        ..WebhookSettings::default()
    };
    sending.add_with("app", &sink, settings).await;
    let (slow, good) = tokio::join!(churn(&server, "slow", 1), churn(&server, "good", 1));
    let accepted = sink.wait_accepted(4).await;
    assert_complete(&accepted, &BTreeMap::from([slow, good]));
    let attempts = attempts(&sending.endpoints).await;
    let errors: Vec<_> = attempts.iter().map(|(_, error)| error.as_str()).collect();
    assert!(errors.contains(&"no response within 2 s"), "{errors:?}");
    // An accepted event is not sent again, although the body of the response never ended.
    wait_for("nothing to wait", &sending.endpoints, |info| {
        info.pending == 0 && info.endpoint.accepted == 4
    })
    .await;
    sending.stop().await;
}

/// Attempts are scheduled by the monotonic clock; their reported times are wall-clock times.
async fn setting_the_clock_back_delays_nothing(server: Server) {
    let server = server
        .other(Options {
            clock: Clock::standing(noon()),
            ..Options::default()
        })
        .await;
    let (sending, is_well) = (Sending::of(&server), Arc::new(AtomicBool::new(false)));
    let well = is_well.clone();
    let sink = Sink::with(move |_, body| {
        let is_good = ["good1", "good2"].iter().any(|name| is_about(body, name));
        let is_taken = is_good || well.load(Ordering::SeqCst);
        Manner::Status(if is_taken { 204 } else { 500 }, "")
    })
    .await;
    sending.add("app", &sink).await;
    let set_back = |hours: i64| noon().plus_seconds(-3_600 * hours);
    let stamp = |one: &Received| one.headers["webhook-timestamp"].parse::<i64>().unwrap();
    for (hours, name) in [(1, "ann"), (2, "eve")] {
        is_well.store(false, Ordering::SeqCst);
        churn(&server, name, 0).await;
        churn(&server, &format!("good{hours}"), 0).await;
        wait_for("what waits apart", &sending.endpoints, |info| {
            info.parked == 1 && info.pending == 0
        })
        .await;
        server.clock.advance(-3_600);
        if hours == 2 {
            // The new sender starts from the stored state, as another instance would.
            let settings = WebhookSettings {
                timeout: Some(7),
                ..WebhookSettings::default()
            };
            let set = sending.endpoints.set_webhook("app", &settings);
            set.await.unwrap();
        }
        is_well.store(true, Ordering::SeqCst);
        let is_late = move |one: &Received| one.accepted && is_about(&one.json(), name);
        let received = sink
            .wait("what was refused", move |received| {
                received.iter().any(is_late)
            })
            .await;
        let late = received.iter().find(|one| is_late(one)).unwrap();
        let expected = set_back(hours).as_micros() / 1_000_000;
        assert_eq!(stamp(late), expected);
    }
    sending.stop().await;
}

/// Waits until the information about the webhook meets a condition.
pub(super) async fn wait_for(
    what: &str,
    endpoints: &Endpoints,
    is_so: impl Fn(&scimd::delivery::EndpointInfo) -> bool,
) -> scimd::delivery::EndpointInfo {
    let end = Instant::now() + Duration::from_secs(40);
    loop {
        let info = endpoints
            .list(WEBHOOK, Some("app"))
            .await
            .unwrap()
            .remove(0);
        if is_so(&info) {
            return info;
        }
        assert!(Instant::now() < end, "{what} did not come: {info:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
