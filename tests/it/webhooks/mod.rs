//! Webhooks: requests to a receiver, for all of its responses and for failures of the server.

mod changes;
mod command;
mod faults;
mod idle;
mod instances;
mod kills;
pub(crate) mod sink;

use crate::harness::{Server, user};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scimd::background::Background;
use scimd::delivery::{
    Deliverer, DelivererSettings, Endpoints, KeyPlace, NewWebhook, SignatureKind, Start,
    WebhookSettings,
};
use scimd::feed::Payload;
use scimd::outbound::{Outbound, OutboundSettings};
use scimd::secrets::{KeySource, generate_key};
use scimd::store::EndpointKind;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sink::{Received, Sink};
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

pub(crate) const WEBHOOK: EndpointKind = EndpointKind::Webhook;

crate::on_both!(
    every_change_arrives_once_and_in_order,
    a_rotated_secret_overlaps,
);

/// A server that sends events, and the operations of an operator.
pub(crate) struct Sending {
    pub(crate) endpoints: Endpoints,
    background: Background,
    stop: CancellationToken,
}

impl Sending {
    pub(crate) fn of(server: &Server) -> Self {
        Self::with_key(server, generate_key().unwrap())
    }

    pub(crate) fn with_key(server: &Server, key: SecretString) -> Self {
        Self::with(server, key, 5 * 86_400)
    }

    pub(crate) fn with(server: &Server, key: SecretString, disable_after: i64) -> Self {
        let keys = KeyPlace {
            source: KeySource {
                current: Some(key),
                previous: None,
            },
            folder: None,
        };
        let feed = server.feed();
        let issuer = "https://scim.example.com".to_owned();
        let endpoints = Endpoints::new(&server.operator, feed.clone(), keys, issuer);
        let outbound = Outbound::new(&OutboundSettings::default()).unwrap();
        let settings = DelivererSettings { disable_after };
        let background = Background::new(server.clock.clone());
        let stop = CancellationToken::new();
        background.number_changes(feed);
        let deliverer = Deliverer::new(endpoints.clone(), outbound, settings, None);
        background.deliver(deliverer, stop.clone().cancelled_owned());
        Self {
            endpoints,
            background,
            stop,
        }
    }

    /// Creates a webhook for a sink; returns its secret.
    pub(crate) async fn add(&self, name: &str, sink: &Sink) -> String {
        self.add_with(name, sink, WebhookSettings::default()).await
    }

    pub(crate) async fn add_with(
        &self,
        name: &str,
        sink: &Sink,
        settings: WebhookSettings,
    ) -> String {
        let new = NewWebhook {
            name: name.to_owned(),
            tenant: None,
            start: Start::Now,
            signature: SignatureKind::Hmac,
            settings: WebhookSettings {
                url: Some(sink.url()),
                allows_private: Some(true),
                ..settings
            },
        };
        let made = self.endpoints.add_webhook(&new, None).await.unwrap();
        made.secret.expose_secret().to_owned()
    }

    /// Stops like a server.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.background.stop().await;
    }
}

/// Whether a request is signed with a secret according to the specification.
pub(crate) fn is_signed(received: &Received, secret: &str) -> bool {
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let headers = &received.headers;
    let (id, timestamp) = (&headers["webhook-id"], &headers["webhook-timestamp"]);
    let signed = format!("{id}.{timestamp}.{}", received.body);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(tag));
    headers["webhook-signature"]
        .split(' ')
        .any(|one| one == expected)
}

/// The versions received for each resource, in the order of their arrival.
pub(crate) fn versions(received: &[Received]) -> BTreeMap<String, Vec<i64>> {
    let mut versions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for one in received {
        let resource = &one.json()["data"]["resource"];
        let of_resource = versions.entry(resource["id"].to_string()).or_default();
        of_resource.push(resource["version"].as_i64().unwrap());
    }
    versions
}

/// Asserts that all versions of each resource were received, once each and in order.
#[track_caller]
pub(crate) fn assert_complete(received: &[Received], expected: &BTreeMap<String, i64>) {
    let sent = versions(received);
    let complete: BTreeMap<String, Vec<i64>> = expected
        .iter()
        .map(|(id, last)| (Value::from(id.as_str()).to_string(), (1..=*last).collect()))
        .collect();
    assert_eq!(sent, complete);
    let ids: BTreeSet<_> = received.iter().map(Received::id).collect();
    assert_eq!(ids.len(), received.len(), "an event came twice");
}

/// Creates a user and changes it the given number of times; returns its id with the last acknowledged version.
pub(crate) async fn churn(server: &Server, name: &str, changes: i64) -> (String, i64) {
    let created = server.post("/Users", user(name)).await.expect(201);
    let id = created.id();
    for change in 0..changes {
        let title = json!([{"op": "replace", "path": "title", "value": format!("{change}")}]);
        server
            .patch(&format!("/Users/{id}"), title)
            .await
            .expect(200);
    }
    (id, changes + 1)
}

async fn every_change_arrives_once_and_in_order(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    let secret = sending.add("app", &sink).await;
    let (a, b, c, d) = tokio::join!(
        churn(&server, "a", 9),
        churn(&server, "b", 9),
        churn(&server, "c", 9),
        churn(&server, "d", 9)
    );
    let expected = BTreeMap::from([a, b, c, d]);
    let received = sink.wait_accepted(40).await;
    assert_complete(&received, &expected);
    for one in &received {
        assert!(is_signed(one, &secret), "{one:?}");
        assert_eq!(one.headers["content-type"], "application/json");
        assert_eq!(one.json()["id"], one.id());
        let sent = server.feed().event(one.id(), None).await.unwrap().unwrap();
        assert_eq!(sent.json(Payload::Full), one.body);
    }
    // Accepted events are stored when the server stops: nothing is sent again.
    let endpoints = sending.endpoints.clone();
    sending.stop().await;
    let info = &endpoints.list(WEBHOOK, None).await.unwrap()[0];
    assert_eq!((info.pending, info.endpoint.accepted), (0, 40), "{info:?}");
    let times = info.times.unwrap();
    assert!(times.p50 >= 1 && times.p99 >= times.p50, "{times:?}");
    assert_eq!(info.json()["milliseconds"]["p99"], times.p99);
}

async fn a_rotated_secret_overlaps(server: Server) {
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    let first = sending.add("app", &sink).await;
    let second = sending.endpoints.rotate("app", 3600, None).await.unwrap();
    let second = second.expose_secret().to_owned();
    assert_ne!(first, second);
    // Every instance signs with both secrets within a second, and always with the first one.
    for number in 0.. {
        assert!(number < 100, "the second secret is not used");
        churn(&server, &format!("u{number}"), 0).await;
        let received = sink.wait_accepted(number + 1).await;
        assert!(is_signed(&received[number], &first));
        if is_signed(&received[number], &second) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    sending.stop().await;
}
