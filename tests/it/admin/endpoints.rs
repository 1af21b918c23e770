//! Webhooks and streams: the audit row and the stored response of each act are in its transaction.

use super::is_problem;
use super::races::{Keys, count, many};
use crate::harness::{Admin, Answer, Server, user};
use crate::on_both;
use crate::webhooks::sink::Sink;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

on_both!(
    acts_on_endpoints_have_rows,
    responses_of_acts_on_endpoints_are_stored,
    a_secret_is_rotated_once_for_one_key,
    a_user_is_deactivated_once_for_one_key,
    a_stream_is_made_for_polling,
    attempts_are_paged,
    failed_events_are_paged,
    endpoints_are_paged_and_searched,
    all_errors_of_a_webhook_are_named,
    keys_are_rotated_once_for_one_key,
    an_invalid_duration_is_refused,
);

async fn post(admin: &Admin, path: &str, body: Value) -> Answer {
    admin.ask(Method::POST, path, Some(body)).await
}

async fn trail(admin: &Admin, action: &str) -> Vec<Value> {
    let path = format!("/audit?limit=200&action={action}");
    let page = admin.ask(Method::GET, &path, None).await.expect(200);
    page.body["items"].as_array().unwrap().clone()
}

async fn acts_on_endpoints_have_rows(server: Server) {
    let (admin, sink) = (Admin::over(&server).await, Sink::start().await);
    let webhook = json!({"name": "app", "url": sink.url(), "allowPrivate": true, "tenant": "default",
        "headers": {"authorization": "Bearer hidden"}});
    let made = post(&admin, "/webhooks", webhook.clone()).await.expect(201);
    let change =
        json!({"types": "user.*", "timeout": "5s", "url": "https://app.example.com/secret"});
    admin
        .ask(Method::PATCH, "/webhooks/app", Some(change))
        .await
        .expect(200);
    let url = json!({"url": sink.url()});
    admin
        .ask(Method::PATCH, "/webhooks/app", Some(url))
        .await
        .expect(200);
    post(&admin, "/webhooks/app/test", json!({}))
        .await
        .expect(200);
    for (act, body) in [
        ("pause", json!({})),
        ("resume", json!({"from": "now"})),
        ("replay", json!({"from": "start", "tenant": "default"})),
    ] {
        post(&admin, &format!("/webhooks/app/{act}"), body)
            .await
            .expect(204);
    }
    post(&admin, "/webhooks/app/retry", json!({}))
        .await
        .expect(200);
    let rotated = post(&admin, "/webhooks/app/rotate", json!({"overlap": "1h"}))
        .await
        .expect(200);
    // A rejected request has no row.
    is_problem(&post(&admin, "/webhooks", webhook).await, 409, "conflict");
    is_problem(
        &post(&admin, "/webhooks/none/pause", json!({})).await,
        404,
        "not-found",
    );
    let event = json!({"event": "evt_none"});
    is_problem(
        &post(&admin, "/webhooks/app/retry", event).await,
        404,
        "not-found",
    );
    admin
        .ask(Method::DELETE, "/webhooks/app?confirm=app", None)
        .await
        .expect(204);
    let rows = trail(&admin, "webhook.").await;
    let acts: Vec<_> = rows.iter().map(|row| &row["action"]).rev().collect();
    assert_eq!(
        acts,
        [
            "webhook.add",
            "webhook.change",
            "webhook.change",
            "webhook.test",
            "webhook.pause",
            "webhook.resume",
            "webhook.replay",
            "webhook.retry",
            "webhook.rotate",
            "webhook.remove"
        ]
    );
    for row in &rows {
        assert_eq!(
            (&row["target"], &row["tenant"]),
            (&json!("app"), &json!("default"))
        );
        assert_eq!(row["actor"]["kind"], "operator");
    }
    let changes = |index: usize| &rows[rows.len() - 1 - index]["changes"];
    let origin = format!("http://{}", sink.address);
    assert_eq!(
        *changes(0),
        json!({"allowPrivate": [false, true], "url": [null, origin], "headers": [[], ["authorization"]]})
    );
    assert_eq!(
        *changes(1),
        json!({"types": ["*", "user.*"], "timeout": ["15s", "5s"], "url": [origin, "https://app.example.com"]})
    );
    assert_eq!(changes(4)["status"], json!(["active", "paused"]));
    assert_eq!(changes(5)["status"], json!(["paused", "active"]));
    // The rows contain neither secrets nor secret parts of URLs and headers.
    let listed = json!(rows).to_string();
    let secrets = [&made, &rotated].map(|answer| answer.body["secret"].as_str().unwrap());
    for hidden in secrets
        .iter()
        .copied()
        .chain(["hidden", "/secret", "key=k"])
    {
        assert!(!listed.contains(hidden), "{hidden}");
    }
}

/// Sends the same request twice with a key; returns both responses, which are equal.
async fn twice(admin: &Admin, path: &str, body: Value) -> [Answer; 2] {
    let key = format!("a-key-of-its-own-{}", path.replace('/', "-"));
    let header = [("idempotency-key", key.as_str())];
    let place = (admin.token.as_str(), Method::POST, path);
    let first = admin.call(place.clone(), Some(body.clone()), &header).await;
    assert!(first.status < 300, "{path}: {}", first.body);
    assert_eq!(first.header("idempotency-replayed"), None, "{path}");
    let again = admin.call(place, Some(body), &header).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{path}");
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    [first, again]
}

async fn responses_of_acts_on_endpoints_are_stored(server: Server) {
    let (admin, sink) = (Admin::over(&server).await, Sink::start().await);
    let webhook = json!({"name": "hook", "url": sink.url(), "allowPrivate": true});
    let [made, _] = twice(&admin, "/webhooks", webhook).await;
    assert!(made.body["secret"].as_str().unwrap().starts_with("whsec_"));
    let listed = admin.ask(Method::GET, "/webhooks/hook", None).await;
    let mut shown = made.body.clone();
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!(listed.expect(200).body, shown, "what was listed is so");
    twice(&admin, "/webhooks/hook/rotate", json!({})).await;
    let stream = json!({"name": "siem", "method": "poll"});
    twice(&admin, "/streams", stream).await;
    for (path, body) in [
        ("/webhooks/hook/test", json!({})),
        ("/webhooks/hook/pause", json!({})),
        ("/webhooks/hook/resume", json!({})),
        ("/webhooks/hook/replay", json!({"since": "1h"})),
        ("/webhooks/hook/retry", json!({})),
        ("/streams/siem/pause", json!({})),
        ("/streams/siem/resume", json!({"from": "now"})),
        ("/streams/siem/replay", json!({"from": "start"})),
        ("/streams/siem/retry", json!({})),
    ] {
        twice(&admin, path, body).await;
    }
    assert_eq!(sink.received().len(), 1, "the test was sent once");
    let acts = trail(&admin, "").await;
    let of = |action: &str| acts.iter().filter(|row| row["action"] == action).count();
    for act in [
        "add", "rotate", "test", "pause", "resume", "replay", "retry",
    ] {
        assert_eq!(of(&format!("webhook.{act}")), 1, "{act}");
    }
    for act in ["add", "pause", "resume", "replay", "retry"] {
        assert_eq!(of(&format!("stream.{act}")), 1, "{act}");
    }
}

/// All requests with one key have this status, unless they arrived while the first was being executed.
fn is_done_or_busy(answers: &[(u16, Value)], status: u16) {
    let (done, busy) = (count(answers, status), count(answers, 409));
    assert!(done >= 1 && done + busy == 16, "{answers:?}");
}

async fn a_secret_is_rotated_once_for_one_key(server: Server) {
    let admin = Arc::new(Admin::over(&server).await);
    let webhook = json!({"name": "app", "url": "https://app.example.com/"});
    post(&admin, "/webhooks", webhook).await.expect(201);
    let place = (Method::POST, "/webhooks/app/rotate");
    let answers = many(&admin, place, Some(json!({})), Keys::One).await;
    is_done_or_busy(&answers, 200);
    let answers = answers.iter().filter(|(status, _)| *status == 200);
    let mut secrets: Vec<_> = answers.map(|(_, body)| &body["secret"]).collect();
    secrets.dedup();
    assert_eq!(secrets.len(), 1);
    assert_eq!(trail(&admin, "webhook.rotate").await.len(), 1);
}

async fn a_user_is_deactivated_once_for_one_key(server: Server) {
    let admin = Arc::new(Admin::over(&server).await);
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    let path = format!("/tenants/default/users/{ann}/deactivate");
    let answers = many(&admin, (Method::POST, &path), None, Keys::One).await;
    is_done_or_busy(&answers, 204);
    assert_eq!(trail(&admin, "user.deactivate").await.len(), 1);
    // The response was stored with the change: a repetition changes nothing.
    let on = json!([{"op": "replace", "value": {"active": true}}]);
    let user = format!("/Users/{ann}");
    server.patch(&user, on).await.expect(200);
    let answers = many(&admin, (Method::POST, &path), None, Keys::One).await;
    is_done_or_busy(&answers, 204);
    assert_eq!(server.get(&user).await.expect(200).body["active"], true);
    // The response of a request without a change was stored too.
    let off = json!([{"op": "replace", "value": {"active": false}}]);
    server.patch(&user, off).await.expect(200);
    twice(&admin, &path, json!({})).await;
}

async fn a_stream_is_made_for_polling(server: Server) {
    let admin = Admin::over(&server).await;
    let stream = json!({"name": "siem", "method": "poll", "tenant": "default", "mode": "full"});
    let made = post(&admin, "/streams", stream).await.expect(201);
    assert_eq!(made.body["method"], "poll");
    assert_eq!(made.body["url"], Value::Null);
    let poll_url = made.body["pollUrl"].as_str().unwrap();
    assert!(
        poll_url.ends_with("/feed/v1/streams/siem/poll"),
        "{poll_url}"
    );
    let rows = trail(&admin, "stream.add").await;
    assert_eq!(rows[0]["changes"]["method"], json!([null, "poll"]));
    // A polled endpoint sends nothing: a test and a URL are rejected.
    let tried = post(&admin, "/streams/siem/test", json!({})).await;
    is_problem(&tried, 400, "invalid-request");
    let wrong = json!({"name": "x", "method": "poll", "url": "https://app.example.com/"});
    let refused = post(&admin, "/streams", wrong).await;
    is_problem(&refused, 400, "invalid-request");
    assert_eq!(refused.body["errors"][0]["pointer"], "/url");
}

/// The events on a page of attempts, and the cursor of the next page.
async fn page(admin: &Admin, path: &str) -> (Vec<String>, Option<String>) {
    let page = admin.ask(Method::GET, path, None).await.expect(200);
    let items = page.body["items"].as_array().unwrap().iter();
    let events = items.map(|item| item["event"].as_str().unwrap().to_owned());
    let next = page.body["next"].as_str().map(str::to_owned);
    (events.collect(), next)
}

/// A server with the webhooks app and other.
async fn with_two_webhooks(server: &Server) -> Admin {
    let admin = Admin::over(server).await;
    for name in ["app", "other"] {
        let webhook = json!({"name": name, "url": "https://app.example.com/"});
        post(&admin, "/webhooks", webhook).await.expect(201);
    }
    admin
}

async fn attempts_are_paged(server: Server) {
    let admin = with_two_webhooks(&server).await;
    // Two attempts ended at the same time, and the last event failed after its second attempt.
    server
        .run(
            "insert into failed_attempt (endpoint, at, event, status, error, attempt) \
             select e.endpoint, v.column1, v.column2, 500, e.name, v.column3 from endpoint e cross join \
             (values (1000000, 'a', 1), (2000000, 'b', 1), (2000000, 'c', 1), (3000000, 'c', 2)) as v",
        )
        .await;
    server
        .run(
            "insert into held_event (endpoint, position, part, tenant, resource, event, attempts, due, failed) \
             select endpoint, 1, 1, 1, '0190c2a0-7b2e-7c11-8d3c-111111111111', 'c', 2, null, 3000000 \
             from endpoint where name = 'app'",
        )
        .await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/webhooks/app/attempts?limit=1{cursor}");
        let (events, next) = page(&admin, &path).await;
        seen.extend(events);
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["c", "c", "b", "a"]);
    for (path, events) in [
        (
            "app/attempts?since=1970-01-01T00:00:02Z",
            vec!["c", "c", "b"],
        ),
        ("app/attempts?givenUp=true", vec!["c"]),
        ("other/attempts?givenUp=true", vec![]),
    ] {
        let (found, next) = page(&admin, &format!("/webhooks/{path}")).await;
        assert_eq!(
            (found, next),
            (events.iter().map(ToString::to_string).collect(), None)
        );
    }
    let answer = admin
        .ask(Method::GET, "/webhooks/app/attempts?limit=1", None)
        .await;
    assert_eq!(
        answer.body["items"][0],
        json!({"at": "1970-01-01T00:00:03.000Z", "event": "c", "attempt": 2, "status": 500, "error": "app"})
    );
    // A cursor is valid only for its list.
    let path = format!("/webhooks/other/attempts?limit=1{cursor}");
    is_problem(
        &admin.ask(Method::GET, &path, None).await,
        400,
        "invalid-request",
    );
    let missing = admin.ask(Method::GET, "/streams/app/attempts", None).await;
    is_problem(&missing, 404, "not-found");
}

async fn failed_events_are_paged(server: Server) {
    let admin = with_two_webhooks(&server).await;
    server
        .run(
            "insert into held_event (endpoint, position, part, tenant, resource, event, attempts, due, failed) \
             select e.endpoint, v.column1, v.column2, 1, '0190c2a0-7b2e-7c11-8d3c-111111111111', v.column3, 2, null, 3000000 \
             from endpoint e cross join (values (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'c')) as v where e.name = 'app'",
        )
        .await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..3 {
        let path = format!("/webhooks/app/failed?limit=1{cursor}");
        let (events, next) = page(&admin, &path).await;
        assert_eq!((events.len(), next.is_some()), (1, seen.len() < 2));
        seen.extend(events);
        cursor = format!("&cursor={}", next.unwrap_or_default());
    }
    assert_eq!(seen, ["a", "b", "c"]);
    let (events, next) = page(&admin, "/webhooks/other/failed").await;
    assert_eq!((events, next), (Vec::new(), None));
}

async fn endpoints_are_paged_and_searched(server: Server) {
    let admin = Admin::over(&server).await;
    for name in ["alpha", "beta", "delta"] {
        let url = format!("https://{name}.example.com/hooks");
        let webhook = json!({"name": name, "url": url});
        post(&admin, "/webhooks", webhook).await.expect(201);
    }
    let stream = json!({"name": "sink", "method": "poll"});
    post(&admin, "/streams", stream).await.expect(201);
    let names = async |path: &str| -> (Vec<String>, Option<String>) {
        let page = admin.ask(Method::GET, path, None).await.expect(200).body;
        let items = page["items"].as_array().unwrap().iter();
        let name = |item: &Value| item["name"].as_str().unwrap_or("key").to_owned();
        (
            items.map(name).collect(),
            page["next"].as_str().map(str::to_owned),
        )
    };
    let (first, next) = names("/webhooks?limit=2").await;
    assert_eq!(first, ["alpha", "beta"]);
    let rest = format!("/webhooks?limit=2&cursor={}", next.unwrap());
    assert_eq!(names(&rest).await, (vec!["delta".to_owned()], None));
    for (path, found) in [
        ("/webhooks?search=BE", ["beta"].as_slice()),
        ("/webhooks?search=https://delta.", &["delta"]),
        ("/webhooks?search=example", &[]),
        ("/webhooks?after=beta", &["delta"]),
        ("/streams?search=s", &["sink"]),
        ("/keys?search=es256&limit=1", &["key"]),
        // No id of a key has this character.
        ("/keys?search=rs.", &[]),
    ] {
        assert_eq!(names(path).await.0, found, "{path}");
    }
    let (mut keys, mut cursor) = (0, String::new());
    loop {
        let (found, next) = names(&format!("/keys?limit=1{cursor}")).await;
        keys += found.len();
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(keys, 2);
}

async fn all_errors_of_a_webhook_are_named(server: Server) {
    let admin = Admin::over(&server).await;
    let wrong = json!({
        "name": "Bad_Name", "url": "nonsense", "types": "user", "timeout": "90s", "urls": 1,
        "headers": {"Host": "a", "a b": "c"}, "from": "nowhere", "tenant": "nobody",
    });
    let refused = post(&admin, "/webhooks", wrong).await;
    let all = [
        "/name",
        "/url",
        "/types",
        "/timeout",
        "/urls",
        "/headers/Host",
        "/headers/a b",
        "/from",
        "/tenant",
    ];
    assert_eq!(pointers(&refused), all);
    // Errors with the database are complete without others, too.
    let wrong =
        json!({"name": "a", "url": "http://192.0.2.1/", "from": "nowhere", "tenant": "nobody"});
    let refused = post(&admin, "/webhooks", wrong).await;
    assert_eq!(pointers(&refused), ["/url", "/from", "/tenant"]);
    let wrong = json!({"name": "A", "from": "nowhere", "tenant": "nobody"});
    let refused = post(&admin, "/streams", wrong).await;
    assert_eq!(pointers(&refused), ["/name", "/url", "/from", "/tenant"]);
    let webhook = json!({"name": "app", "url": "http://127.0.0.1:9/", "allowPrivate": true});
    post(&admin, "/webhooks", webhook).await.expect(201);
    for (path, body, all) in [
        (
            "replay",
            json!({"tenant": "nobody", "form": "now"}),
            ["/form", "/from", "/tenant"].as_slice(),
        ),
        (
            "replay",
            json!({"tenant": "nobody", "from": "x"}),
            &["/from", "/tenant"],
        ),
        (
            "resume",
            json!({"from": "x", "form": "x"}),
            &["/form", "/from"],
        ),
    ] {
        let refused = post(&admin, &format!("/webhooks/app/{path}"), body).await;
        assert_eq!(pointers(&refused), all, "{path}");
    }
    let change = json!({"headers": {"Host": "a"}, "allowPrivate": false, "timeout": 5});
    let refused = admin
        .ask(Method::PATCH, "/webhooks/app", Some(change))
        .await;
    assert_eq!(
        pointers(&refused),
        ["/timeout", "/headers/Host", "/allowPrivate"]
    );
}

/// The members with errors.
#[track_caller]
fn pointers(refused: &Answer) -> Vec<&str> {
    is_problem(refused, 400, "invalid-request");
    let errors = refused.body["errors"].as_array().unwrap().iter();
    errors
        .map(|error| error["pointer"].as_str().unwrap())
        .collect()
}

async fn keys_are_rotated_once_for_one_key(server: Server) {
    let admin = Arc::new(Admin::over(&server).await);
    let [made, _] = twice(&admin, "/keys/rotate", json!({})).await;
    let states = |keys: &Answer, alg: &str| -> Vec<(String, String)> {
        let keys = keys.body["items"].as_array().unwrap().iter();
        let of = keys.filter(|key| key["alg"] == alg);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        of.map(|key| (text(&key["state"]), text(&key["id"])))
            .collect()
    };
    let keys = admin.ask(Method::GET, "/keys", None).await.expect(200);
    assert!(!keys.body.to_string().contains("\"d\""), "{}", keys.body);
    let mut first = states(&keys, "ES256");
    first.sort();
    assert_eq!(
        (first[0].0.as_str(), first[1].0.as_str()),
        ("current", "next")
    );
    assert_eq!(made.body["id"], first[0].1);
    // The next key is published before it signs.
    let answers = many(
        &admin,
        (Method::POST, "/keys/rotate"),
        Some(json!({})),
        Keys::One,
    )
    .await;
    is_done_or_busy(&answers, 200);
    let done = answers.iter().filter(|(status, _)| *status == 200);
    for (_, body) in done {
        assert_eq!(body["id"], first[1].1);
    }
    let keys = admin.ask(Method::GET, "/keys", None).await.expect(200);
    assert_eq!(states(&keys, "ES256").len(), 3);
    post(&admin, "/keys/rotate", json!({"alg": "EdDSA"}))
        .await
        .expect(200);
    let keys = admin.ask(Method::GET, "/keys", None).await.expect(200);
    assert_eq!(
        (states(&keys, "ES256").len(), states(&keys, "EdDSA").len()),
        (3, 2)
    );
    let rows = trail(&admin, "key.rotate").await;
    let listed: Vec<_> = rows
        .iter()
        .map(|row| (&row["target"], &row["changes"]["current"]))
        .collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        listed[1],
        (&json!("ES256"), &json!([first[0].1, first[1].1]))
    );
    let wrong = post(&admin, "/keys/rotate", json!({"alg": "HS256"})).await;
    is_problem(&wrong, 400, "invalid-request");
}

/// An invalid duration is refused; it is treated neither as the default nor as zero.
async fn an_invalid_duration_is_refused(server: Server) {
    let admin = Admin::over(&server).await;
    let webhook = json!({"name": "app", "url": "https://app.example.com/"});
    post(&admin, "/webhooks", webhook).await.expect(201);
    for (path, body, pointer) in [
        (
            "/webhooks/app/rotate",
            json!({"overlap": "soon"}),
            "/overlap",
        ),
        (
            "/feed-tokens",
            json!({"name": "a", "expiresIn": "soon"}),
            "/expiresIn",
        ),
    ] {
        let refused = post(&admin, path, body).await;
        is_problem(&refused, 400, "invalid-request");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
    }
}
