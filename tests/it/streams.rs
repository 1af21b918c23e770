//! Streams of security event tokens (RFC 8417, 8935, 8936, 9967): contents and verification of the tokens. Rows: EVT-1
//! EVT-2 EVT-3 EVT-4 EVT-5 EVT-9 EVT-10 SET-1 SET-2 SET-3 SET-4 SET-5

use crate::harness::{SEALING_KEY, Server, group, user};
use crate::webhooks::Sending;
use crate::webhooks::sink::{Manner, Received, Sink};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use scimd::delivery::{
    EndpointError, Endpoints, NewStream, Poll, Start, StreamMethod, StreamMode, StreamOptions,
    TokenAlgorithm,
};
use scimd::store::{AttemptQuery, AuditQuery, EndpointKind, TokenScope};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::BTreeSet;

crate::on_both!(
    tokens_are_pushed_and_can_be_verified,
    a_refused_security_event_token_is_not_retried,
    tokens_are_polled_until_they_are_acknowledged,
    tokens_are_polled_over_http,
    keys_are_rotated,
    streams_are_announced,
);

const AUDIENCE: &str = "https://events.example.com";
const STREAM: EndpointKind = EndpointKind::Stream;

fn new_stream(url: Option<String>, mode: StreamMode, algorithm: TokenAlgorithm) -> NewStream {
    NewStream {
        name: "app".to_owned(),
        tenant: None,
        start: Start::Now,
        types: None,
        allows_private: true,
        headers: vec![("authorization".to_owned(), "Bearer b".to_owned())],
        options: StreamOptions {
            method: match url {
                Some(_) => StreamMethod::Push,
                None => StreamMethod::Poll,
            },
            mode,
            audience: Some(AUDIENCE.to_owned()),
            algorithm,
        },
        url,
    }
}

/// A polled stream with a name.
pub(crate) fn polled(name: &str) -> NewStream {
    NewStream {
        name: name.to_owned(),
        ..new_stream(None, StreamMode::Notice, TokenAlgorithm::Es256)
    }
}

/// Document of the server at a path outside the base path.
async fn published(server: &Server, path: &str) -> (u16, Value) {
    let root = server.base.strip_suffix("/scim/v2").unwrap();
    let answer = reqwest::get(format!("{root}{path}")).await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// The header of a token.
fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

/// The claims of a token, verified only with the published keys.
async fn verified(server: &Server, token: &str) -> Value {
    let (status, key_set) = published(server, "/.well-known/jwks.json").await;
    assert_eq!(status, 200);
    let header = header(token);
    assert_eq!(header["typ"], "secevent+jwt");
    let keys = key_set["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!(key["alg"], header["alg"]);
    let part = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    match key["kty"].as_str().unwrap() {
        "EC" => UnparsedPublicKey::new(
            &ECDSA_P256_SHA256_FIXED,
            [vec![4], part("x"), part("y")].concat(),
        )
        .verify(signed.as_bytes(), &signature),
        "OKP" => UnparsedPublicKey::new(&ED25519, part("x")).verify(signed.as_bytes(), &signature),
        _ => PublicKeyComponents {
            n: part("n"),
            e: part("e"),
        }
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature),
    }
    .unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims_of_library(token, &key_set), claims);
    claims
}

/// The claims of a token from a JOSE library, which finds the key by its id, and checks signature, issuer and audience.
fn claims_of_library(token: &str, key_set: &Value) -> Value {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
    let keys: JwkSet = serde_json::from_value(key_set.clone()).unwrap();
    let header = decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("secevent+jwt"));
    let key = keys.find(header.kid.as_ref().unwrap()).unwrap();
    let algorithm = key.common.key_algorithm.unwrap().to_string();
    assert_eq!(algorithm, format!("{:?}", header.alg));
    let mut expected = Validation::new(header.alg);
    expected.set_audience(&[AUDIENCE]);
    expected.set_issuer(&["https://scim.example.com"]);
    expected.set_required_spec_claims(&["aud", "iss"]);
    let key = DecodingKey::from_jwk(key).unwrap();
    let read = decode::<Value>(token, &key, &expected).unwrap();
    // A modified token, or one for another audience, is invalid.
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (rest, end) = signed.split_at(signed.len() - 1);
    let other = if end == "x" { "y" } else { "x" };
    let forged = format!("{rest}{other}.{signature}");
    assert!(decode::<Value>(&forged, &key, &expected).is_err());
    expected.set_audience(&["https://other.example.com"]);
    assert!(decode::<Value>(token, &key, &expected).is_err());
    read.claims
}

fn uri(claims: &Value) -> String {
    let uri = claims["events"].as_object().unwrap().keys().next().unwrap();
    uri.replace("urn:ietf:params:scim:event:prov:", "")
}

async fn tokens_are_pushed_and_can_be_verified(server: Server) {
    let sending = Sending::of(&server);
    for name in TokenAlgorithm::KEYWORDS {
        let algorithm = TokenAlgorithm::from_keyword(name).unwrap();
        let sink = Sink::with(|_, _| Manner::Status(202, "")).await;
        let new = new_stream(Some(sink.url()), StreamMode::Full, algorithm);
        sending.endpoints.add_stream(&new, None).await.unwrap();
        let mut ann = user(&format!("ann-{name}"));
        ann["password"] = json!("very secret");
        ann["externalId"] = json!("a1");
        let created = server.post("/Users", ann).await.expect(201).body;
        let id = created["id"].as_str().unwrap();
        let path = format!("/Users/{id}");
        let off = json!([{"op": "replace", "value": {"active": false, "title": "Dr"}}]);
        server.patch(&path, off).await.expect(200);
        let sales = server
            .post("/Groups", group(&format!("Sales-{name}"), &[id.to_owned()]))
            .await
            .expect(201);
        server.delete(&path).await.expect(204);
        let received = sink.wait_accepted(6).await;
        let mut claims = Vec::new();
        for one in &received {
            assert_eq!(one.headers["content-type"], "application/secevent+jwt");
            assert_eq!(one.headers["accept"], "application/json");
            assert_eq!(one.headers["authorization"], "Bearer b");
            assert!(!one.headers.contains_key("webhook-signature"));
            claims.push(verified(&server, &one.body).await);
        }
        check(&claims, &created, &sales.id());
        sending.endpoints.remove(STREAM, "app").await.unwrap();
    }
    sending.stop().await;
}

/// Checks the tokens for a user that was created, deactivated, added to a group and deleted.
fn check(claims: &[Value], created: &Value, group: &str) {
    let id = created["id"].as_str().unwrap();
    let of = |resource: &str| -> Vec<&Value> {
        let path = format!("/{resource}");
        let of_resource = |one: &&Value| one["sub_id"]["uri"].as_str().unwrap().ends_with(&path);
        claims.iter().filter(of_resource).collect()
    };
    let of_user = of(id);
    let uris: Vec<_> = of_user.iter().map(|one| uri(one)).collect();
    assert_eq!(uris, ["create:full", "patch:full", "deactivate", "delete"]);
    for one in &of_user {
        assert_eq!(one["iss"], "https://scim.example.com");
        assert_eq!(one["sub_id"]["format"], "scim");
        assert_eq!(one["sub_id"]["uri"], format!("/Users/{id}"));
        assert_eq!(one["sub_id"]["externalId"], "a1");
        assert!(one.get("sub").is_none() && one.get("exp").is_none());
        assert!(!one.to_string().contains("very secret"));
    }
    let payload = |one: &Value| {
        one["events"]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .clone()
    };
    assert_eq!(payload(of_user[0])["data"], *created);
    assert_eq!(payload(of_user[1])["version"], "W/\"2\"");
    let operations = payload(of_user[1])["data"]["Operations"].clone();
    assert_eq!(
        operations[0],
        json!({"op": "replace", "path": "active", "value": false})
    );
    assert_eq!(payload(of_user[3]), json!({}));
    // The two tokens of the second request share a `txn`, and so do the deletion and the change of the group.
    assert_eq!(of_user[1]["txn"], of_user[2]["txn"]);
    assert_ne!(of_user[0]["txn"], of_user[1]["txn"]);
    let of_group = of(group);
    let uris: Vec<_> = of_group.iter().map(|one| uri(one)).collect();
    assert_eq!(uris, ["create:full", "patch:full"]);
    assert_eq!(payload(of_group[0])["data"]["members"][0]["value"], id);
    assert_eq!(of_group[1]["txn"], of_user[3]["txn"]);
    let left = format!("members[value eq \"{id}\"]");
    assert_eq!(
        payload(of_group[1])["data"]["Operations"],
        json!([{"op": "remove", "path": left}])
    );
    let ids: BTreeSet<_> = claims
        .iter()
        .map(|one| one["jti"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), claims.len());
}

async fn a_refused_security_event_token_is_not_retried(server: Server) {
    let sending = Sending::of(&server);
    let sink = Sink::with(|number, _| match number {
        0 => Manner::Body(
            400,
            r#"{"err": "invalid_key", "description": "which key?"}"#,
        ),
        1 => Manner::Status(400, ""),
        _ => Manner::Status(202, ""),
    })
    .await;
    let new = new_stream(Some(sink.url()), StreamMode::Notice, TokenAlgorithm::Es256);
    sending.endpoints.add_stream(&new, None).await.unwrap();
    server.post("/Users", user("ann")).await.expect(201);
    sink.wait("the first", |received| received.len() == 1).await;
    server.post("/Users", user("bob")).await.expect(201);
    // A 400 without a reason can be temporary: the second token is sent again unchanged.
    let received = sink.wait_accepted(1).await;
    let all = sink.received();
    let signed = |one: &Received| one.body.rsplit_once('.').unwrap().0.to_owned();
    assert_eq!(signed(&all[1]), signed(&received[0]));
    let failed = failed(&sending.endpoints).await;
    assert_eq!(failed.len(), 1);
    let claims = verified(&server, &all[0].body).await;
    assert_eq!(claims["jti"], failed[0].as_str());
    let query = AttemptQuery {
        limit: 10,
        ..AttemptQuery::default()
    };
    let attempts = sending.endpoints.attempts(STREAM, "app", &query).await;
    let attempts = attempts.unwrap();
    let first = attempts.last().unwrap();
    assert!(first.error.contains("invalid_key"), "{attempts:?}");
    sending.stop().await;
}

/// Ids of the abandoned events.
async fn failed(endpoints: &Endpoints) -> Vec<String> {
    loop {
        let failed = endpoints.failed(STREAM, "app", (None, 10)).await.unwrap();
        if !failed.is_empty() {
            return failed.into_iter().map(|held| held.event).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn tokens_are_polled_until_they_are_acknowledged(server: Server) {
    let sending = Sending::of(&server);
    let new = new_stream(None, StreamMode::Notice, TokenAlgorithm::EdDsa);
    sending.endpoints.add_stream(&new, None).await.unwrap();
    let poll = async |most: usize, acknowledged: &[&String], errors: &[&String]| {
        server.feed().advance().await.unwrap();
        let stream = sending.endpoints.polled_stream("app", None).await.unwrap();
        let poll = Poll {
            max: most,
            acknowledged: acknowledged.iter().map(|id| (*id).clone()).collect(),
            errors: errors
                .iter()
                .map(|id| ((*id).clone(), "invalid_key".to_owned()))
                .collect(),
        };
        sending.endpoints.poll(&stream, &poll).await.unwrap()
    };
    assert!(poll(10, &[], &[]).await.tokens.is_empty());
    for name in ["a", "b", "c", "d"] {
        server.post("/Users", user(name)).await.expect(201);
    }
    // A change gets its position when no older transaction is running.
    let all = loop {
        let all = poll(10, &[], &[]).await;
        if all.tokens.len() == 4 {
            break all;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert!(!all.more);
    let ids: Vec<String> = all.tokens.iter().map(|(id, _)| id.clone()).collect();
    for (id, token) in &all.tokens {
        let claims = verified(&server, token).await;
        assert_eq!(
            (claims["jti"].as_str().unwrap(), uri(&claims).as_str()),
            (id.as_str(), "create:notice")
        );
    }
    // Without an acknowledgement the same tokens are returned again, oldest first.
    let two = poll(2, &[], &[]).await;
    assert!(two.more);
    assert_eq!(two.tokens, all.tokens[..2]);
    // Acknowledgements can be out of order, to any instance, and repeated.
    let rest = poll(10, &[&ids[2], &ids[2]], &[&ids[1]]).await;
    let left: Vec<_> = rest.tokens.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(left, [ids[0].clone(), ids[3].clone()]);
    let rest = poll(10, &[&ids[2], &ids[0], &"evt_unknown".to_owned()], &[]).await;
    assert_eq!(rest.tokens.len(), 1);
    assert!(poll(0, &[&ids[3]], &[]).await.tokens.is_empty());
    let done = poll(10, &[], &[]).await;
    assert!(done.tokens.is_empty() && !done.more);
    let info = sending
        .endpoints
        .list(STREAM, Some("app"))
        .await
        .unwrap()
        .remove(0);
    assert_eq!((info.pending, info.endpoint.accepted), (0, 4), "{info:?}");
    assert!(info.last_failure.unwrap().error.contains("invalid_key"));
    assert!(matches!(
        sending.endpoints.polled_stream("app", Some(1)).await,
        Err(EndpointError::NoEndpoint { .. })
    ));
    sending.stop().await;
}

/// A receiver that polls over HTTP.
struct Receiver {
    url: String,
    token: String,
    client: reqwest::Client,
}

impl Receiver {
    fn with(server: &Server, token: &str) -> Self {
        Self {
            url: server.base.replace("/scim/v2", "/feed/v1/streams/app/poll"),
            token: token.to_owned(),
            client: reqwest::Client::new(),
        }
    }

    async fn poll(&self, body: impl ToString) -> (u16, Value) {
        let request = self.client.post(&self.url).bearer_auth(&self.token);
        let answer = request.body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

async fn tokens_are_polled_over_http(server: Server) {
    let sending = Sending::with_key(&server, SEALING_KEY.into());
    let new = new_stream(None, StreamMode::Notice, TokenAlgorithm::Es256);
    sending.endpoints.add_stream(&new, None).await.unwrap();
    let issued = server
        .operator
        .issue_feed_token("siem", None, None)
        .await
        .unwrap();
    let receiver = Receiver::with(&server, issued.text.expose_secret());
    let nothing = json!({"sets": {}, "moreAvailable": false});
    let at_once = json!({"returnImmediately": true});
    assert_eq!(receiver.poll(&at_once).await, (200, nothing.clone()));

    // A poll waits for the next token.
    let creating = async {
        server.post("/Users", user("ann")).await.expect(201);
        server.feed().advance().await.unwrap();
    };
    let (waited, ()) = tokio::join!(receiver.poll("{}"), creating);
    let (status, body) = waited;
    assert_eq!(status, 200, "{body}");
    let sets = body["sets"].as_object().unwrap();
    let (id, token) = sets.iter().next().unwrap();
    let claims = verified(&server, token.as_str().unwrap()).await;
    assert_eq!((sets.len(), claims["jti"].as_str()), (1, Some(id.as_str())));

    // The token is returned again until it is acknowledged.
    assert_eq!(
        receiver.poll(&at_once).await.1["sets"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
    let acknowledged = json!({"ack": [id], "returnImmediately": true});
    assert_eq!(receiver.poll(&acknowledged).await, (200, nothing));

    let other = server
        .operator
        .issue_token("default", "app", TokenScope::Feed, None);
    let other = Receiver::with(&server, other.await.unwrap().text.expose_secret());
    assert_eq!(other.poll(&at_once).await.0, 404);
    let scim = Receiver::with(&server, &server.token);
    assert_eq!(scim.poll(&at_once).await.0, 403);
    for body in ["", "[]", "{\"ack\": 1}"] {
        assert_eq!(receiver.poll(body).await.0, 400, "{body}");
    }
    let got = receiver
        .client
        .get(&receiver.url)
        .bearer_auth(&receiver.token);
    let got = got.send().await.unwrap();
    assert_eq!(
        (got.status().as_u16(), &got.headers()["allow"]),
        (405, &"POST".parse().unwrap())
    );
    sending.stop().await;
}

async fn keys_are_rotated(server: Server) {
    let sending = Sending::of(&server);
    let sink = Sink::with(|_, _| Manner::Status(202, "")).await;
    let new = new_stream(Some(sink.url()), StreamMode::Notice, TokenAlgorithm::Es256);
    sending.endpoints.add_stream(&new, None).await.unwrap();
    let (_, before) = published(&server, "/.well-known/jwks.json").await;
    assert_eq!(before["keys"].as_array().unwrap().len(), 2);
    assert!(!before.to_string().contains("\"d\""));
    server.post("/Users", user("ann")).await.expect(201);
    let first = sink.wait_accepted(1).await.remove(0);
    let rotated = sending
        .endpoints
        .rotate_keys(TokenAlgorithm::Es256, None)
        .await
        .unwrap();
    let (_, after) = published(&server, "/.well-known/jwks.json").await;
    assert_eq!(after["keys"].as_array().unwrap().len(), 3);
    let is_published = before["keys"]
        .as_array()
        .unwrap()
        .iter()
        .any(|key| key["kid"] == rotated.as_str());
    assert!(is_published, "receivers had it before");
    let kid = |one: &Received| header(&one.body)["kid"].as_str().unwrap().to_owned();
    assert_ne!(kid(&first), rotated);
    // Every instance signs with it within a second.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let count = sink.accepted().len();
        server
            .post("/Users", user(&format!("u{count}")))
            .await
            .expect(201);
        let last = sink.wait_accepted(count + 1).await.pop().unwrap();
        if kid(&last) == rotated {
            break;
        }
        assert!(std::time::Instant::now() < end);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    // Tokens signed with the old key can still be verified.
    verified(&server, &first.body).await;
    let query = AuditQuery {
        action: Some("key.rotate".to_owned()),
        limit: 10,
        ..AuditQuery::default()
    };
    let rows = server.operator.audit(&query).await.unwrap();
    let changes: Value = serde_json::from_str(rows[0].changes.as_ref().unwrap()).unwrap();
    assert_eq!((rows.len(), rows[0].target.as_deref()), (1, Some("ES256")));
    assert_eq!(changes, json!({"current": [kid(&first), rotated]}));
    sending.stop().await;
}

async fn streams_are_announced(server: Server) {
    let sending = Sending::of(&server);
    let config = server.get("/ServiceProviderConfig").await.expect(200).body;
    assert_eq!(config.get("securityEvents"), None);
    assert_eq!(published(&server, "/.well-known/jwks.json").await.0, 404);
    assert_eq!(
        published(&server, "/.well-known/ssf-configuration").await.0,
        404
    );
    let new = new_stream(None, StreamMode::Notice, TokenAlgorithm::Es256);
    sending.endpoints.add_stream(&new, None).await.unwrap();
    let config = server.get("/ServiceProviderConfig").await.expect(200).body;
    assert_eq!(config["securityEvents"]["asyncRequest"], "none");
    let uris = config["securityEvents"]["eventUris"].as_array().unwrap();
    assert!(uris.contains(&json!("urn:ietf:params:scim:event:prov:create:full")));
    assert_eq!(published(&server, "/.well-known/jwks.json").await.0, 200);
    // Receivers of the framework require https, which this server does not support.
    assert_eq!(
        published(&server, "/.well-known/ssf-configuration").await.0,
        404
    );
    sending.stop().await;
}
