//! Changes by operators while events are sent.

use super::faults::wait_for;
use super::sink::{Manner, Sink};
use super::{Sending, WEBHOOK, assert_complete, churn};
use crate::harness::{Server, user};
use scimd::delivery::{EndpointError, NewWebhook, SignatureKind, Start, WebhookSettings};
use scimd::store::{EndpointStatus, TenantChange};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

crate::on_both!(
    a_paused_webhook_continues_where_it_stopped,
    a_webhook_is_moved_and_removed,
    changing_a_webhook_loses_and_repeats_no_event,
    a_removed_endpoint_is_sent_nothing,
    events_are_sent_again,
    failed_events_are_retried,
    a_webhook_has_the_events_of_its_tenant_and_types,
    invalid_definitions_are_refused,
);

async fn a_paused_webhook_continues_where_it_stopped(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    sending.add("app", &sink).await;
    let ann = churn(&server, "ann", 1).await;
    sink.wait_accepted(2).await;
    sending.endpoints.pause(WEBHOOK, "app", None).await.unwrap();
    // Within a second nothing more is sent.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let bob = churn(&server, "bob", 2).await;
    let info = wait_for("the events", &sending.endpoints, |info| info.pending == 3).await;
    assert_eq!(info.status(), EndpointStatus::Paused);
    assert_eq!(sink.received().len(), 2);
    sending
        .endpoints
        .resume(WEBHOOK, "app", None, None)
        .await
        .unwrap();
    let accepted = sink.wait_accepted(5).await;
    assert_complete(&accepted, &BTreeMap::from([ann, bob]));
    sending.stop().await;
}

async fn a_webhook_is_moved_and_removed(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    let other = Sink::start().await;
    sending.add("app", &sink).await;
    let ann = churn(&server, "ann", 1).await;
    sink.wait_accepted(2).await;
    let moved = WebhookSettings {
        url: Some(other.url()),
        ..WebhookSettings::default()
    };
    sending.endpoints.set_webhook("app", &moved).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let bob = churn(&server, "bob", 1).await;
    let accepted = other.wait_accepted(2).await;
    assert_complete(&accepted, &BTreeMap::from([bob]));
    assert_complete(&sink.accepted(), &BTreeMap::from([ann]));
    other.answer(|_, _| Manner::Hang);
    churn(&server, "eve", 0).await;
    other
        .wait("the last event", |received| received.len() == 3)
        .await;
    sending.endpoints.remove(WEBHOOK, "app").await.unwrap();
    assert!(
        sending
            .endpoints
            .list(WEBHOOK, None)
            .await
            .unwrap()
            .is_empty()
    );
    sending.stop().await;
}

/// The sender stops and restarts at each change of the endpoint while events are delivered.
async fn changing_a_webhook_loses_and_repeats_no_event(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    sending.add("app", &sink).await;
    let writing = async {
        let [a, b, c] = ["a", "b", "c"].map(|name| churn(&server, name, 60));
        let (a, b, c) = tokio::join!(a, b, c);
        BTreeMap::from([a, b, c])
    };
    let changing = async {
        for seconds in 4..8 {
            let settings = WebhookSettings {
                timeout: Some(seconds),
                concurrency: Some(usize::try_from(seconds).unwrap()),
                ..WebhookSettings::default()
            };
            let endpoints = &sending.endpoints;
            endpoints.set_webhook("app", &settings).await.unwrap();
            let count = sink.accepted().len();
            sink.wait_accepted(count + 1).await;
            endpoints.pause(WEBHOOK, "app", None).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            endpoints.resume(WEBHOOK, "app", None, None).await.unwrap();
        }
    };
    let changing = async {
        // There is always another event to wait for.
        tokio::select! {
            () = changing => {}
            () = async {
                for number in 0.. {
                    churn(&server, &format!("more{number}"), 0).await;
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            } => {}
        }
    };
    let (mut expected, ()) = tokio::join!(writing, changing);
    let listed = server
        .get("/Users?count=1000&attributes=id")
        .await
        .expect(200);
    for user in listed.body["Resources"].as_array().unwrap() {
        let id = user["id"].as_str().unwrap().to_owned();
        expected.entry(id).or_insert(1);
    }
    let events = expected.values().sum::<i64>();
    let accepted = sink.wait_accepted(usize::try_from(events).unwrap()).await;
    assert_complete(&accepted, &expected);
    sending.stop().await;
}

async fn a_removed_endpoint_is_sent_nothing(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    let other = Sink::start().await;
    sending.add("app", &sink).await;
    churn(&server, "ann", 2).await;
    sink.wait_accepted(3).await;
    sending.endpoints.remove(WEBHOOK, "app").await.unwrap();
    // Commands take effect within a second; later events are sent only to the other webhook.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let count = sink.received().len();
    sending.add("other", &other).await;
    churn(&server, "bob", 2).await;
    other.wait_accepted(3).await;
    assert_eq!(sink.received().len(), count);
    // A new endpoint of the same name starts at the given position, not at that of the old one.
    sending.add("app", &sink).await;
    let eve = churn(&server, "eve", 1).await;
    sink.wait("eve", move |received| received.len() >= count + 2)
        .await;
    let later = sink.accepted().split_off(count);
    assert_complete(&later, &BTreeMap::from([eve]));
    sending.stop().await;
}

async fn events_are_sent_again(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    server.feed().advance().await.unwrap();
    let cursor = server.feed().head().await.unwrap().to_string();
    sending.add("app", &sink).await;
    let ann = churn(&server, "ann", 2).await;
    let first = sink.wait_accepted(3).await;
    sending
        .endpoints
        .replay(WEBHOOK, "app", (&Start::After(cursor), None), None)
        .await
        .unwrap();
    let both = sink.wait_accepted(6).await;
    let (once, again) = both.split_at(3);
    assert_complete(again, &BTreeMap::from([ann]));
    let bodies = |received: &[super::sink::Received]| {
        let bodies = received
            .iter()
            .map(|one| (one.id().to_owned(), one.body.clone()));
        bodies.collect::<Vec<_>>()
    };
    assert_eq!(bodies(once), bodies(again));
    assert_eq!(bodies(once), bodies(&first));
    sending.stop().await;
}

async fn failed_events_are_retried(server: Server) {
    let sending = Sending::of(&server);
    let is_well = Arc::new(AtomicBool::new(false));
    let well = is_well.clone();
    let sink = Sink::with(move |_, body| {
        let is_poison = body["data"]["record"]["login"] == "poison";
        let is_taken = well.load(Ordering::SeqCst) || !is_poison;
        Manner::Status(if is_taken { 204 } else { 422 }, "")
    })
    .await;
    sending.add("app", &sink).await;
    churn(&server, "poison", 0).await;
    churn(&server, "good", 0).await;
    wait_for("what waits apart", &sending.endpoints, |info| {
        info.parked == 1
    })
    .await;
    assert!(matches!(
        sending
            .endpoints
            .retry(WEBHOOK, "app", Some("evt_none"), None)
            .await,
        Err(EndpointError::NoFailedEvent(_))
    ));
    assert_eq!(
        sending
            .endpoints
            .retry(WEBHOOK, "app", None, None)
            .await
            .unwrap(),
        0
    );
    is_well.store(true, Ordering::SeqCst);
    sink.wait_accepted(2).await;
    sending.stop().await;
}

async fn a_webhook_has_the_events_of_its_tenant_and_types(server: Server) {
    let sending = Sending::of(&server);
    let (all, own) = (Sink::start().await, Sink::start().await);
    let acme = server.tenant("acme", &TenantChange::default()).await;
    sending.add("all", &all).await;
    let new = NewWebhook {
        name: "own".to_owned(),
        tenant: Some("acme".to_owned()),
        start: Start::Now,
        signature: SignatureKind::Ed25519,
        settings: WebhookSettings {
            url: Some(own.url()),
            types: Some("user.*".to_owned()),
            allows_private: Some(true),
            ..WebhookSettings::default()
        },
    };
    let made = sending.endpoints.add_webhook(&new, None).await.unwrap();
    assert!(secrecy::ExposeSecret::expose_secret(&made.secret).starts_with("whpk_"));
    let acme = server.by(&acme);
    acme.post("/Groups", crate::harness::group("Sales", &[]))
        .await
        .expect(201);
    let ann = acme.post("/Users", user("ann")).await.expect(201).id();
    server.post("/Users", user("bob")).await.expect(201);
    let received = own.wait_accepted(1).await;
    assert_complete(&received, &BTreeMap::from([(ann, 1)]));
    assert!(received[0].headers["webhook-signature"].starts_with("v1a,"));
    assert_eq!(all.wait_accepted(3).await.len(), 3);
    wait_for_own(&sending).await;
    assert_eq!(own.received().len(), 1);
    sending.stop().await;
}

/// Waits until the webhook has skipped events that it does not receive.
async fn wait_for_own(sending: &Sending) {
    loop {
        let info = sending.endpoints.list(WEBHOOK, Some("own")).await.unwrap();
        if info[0].pending == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn invalid_definitions_are_refused(server: Server) {
    let sending = Sending::of(&server);
    let add = async |name: &str, url: &str, types: &str, tenant: Option<&str>, start: Start| {
        let new = NewWebhook {
            name: name.to_owned(),
            tenant: tenant.map(str::to_owned),
            start,
            signature: SignatureKind::Hmac,
            settings: WebhookSettings {
                url: Some(url.to_owned()),
                types: Some(types.to_owned()),
                ..WebhookSettings::default()
            },
        };
        sending.endpoints.add_webhook(&new, None).await
    };
    let url = "https://app.example.com/hooks";
    let wrong_cursor = || Start::After("7".to_owned());
    let gone = || Start::After("7-000000".to_owned());
    assert!(add("app", url, "*", None, Start::Now).await.is_ok());
    for (outcome, expected) in [
        (
            add("app", url, "*", None, Start::Now).await,
            "There is a webhook \"app\" already.",
        ),
        (
            add("App", url, "*", None, Start::Now).await,
            "\"App\" is not a valid name",
        ),
        (
            add("a", "https://10.0.0.1/", "*", None, Start::Now).await,
            "a private network",
        ),
        (
            add("a", "http://example.com/", "*", None, Start::Now).await,
            "plain http",
        ),
        (
            add("a", url, "user", None, Start::Now).await,
            "is not a pattern of event types",
        ),
        (
            add("a", url, "*", Some("none"), Start::Now).await,
            "There is no tenant \"none\".",
        ),
        (
            add("a", url, "*", None, wrong_cursor()).await,
            "\"7\" is not a cursor",
        ),
        (add("a", url, "*", None, gone()).await, "were deleted"),
    ] {
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let missing = sending
        .endpoints
        .pause(WEBHOOK, "none", None)
        .await
        .unwrap_err();
    assert_eq!(missing.to_string(), "There is no webhook \"none\".");
    sending.stop().await;
}
